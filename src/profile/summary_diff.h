// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "profile/summary.h"

// What changed between two sets of summaries: where the difference of the time lies. A side may hold several
// runs of the same program (replicates): figures are then their means, and their scatter is the noise. Pure
// functions. docs/formats/profile_diff.md is the specification of the JSON.
namespace altlas::profile {

// A figure on both sides, means over the runs of a side. `noise`: half the width of the 95 % confidence
// interval of the difference (Welch's; a side of one run is taken to scatter as the other does); absent
// where both sides are one run.
struct DiffFigure {
  double before = 0;
  double after = 0;
  std::optional<double> noise;
  double delta() const { return after - before; }
  // Absent: the noise is not known.
  std::optional<bool> IsBeyondNoise() const;
};

// One part of the difference of the whole. The deltas of all terms add up to it.
struct DiffTerm {
  std::string name;
  double delta_ns = 0;
  std::optional<double> noise_ns;
};

// A kernel (by full name), an operator (self time) or a phase (domain and name; kernel time of its own).
struct DiffRow {
  std::string name;
  std::string full_name;
  std::string state;  // added, removed, changed
  DiffFigure count;
  DiffFigure total_ns;
  // by_count_ns + by_time_ns = total_ns.delta(). Added and removed ones: all by count.
  double by_count_ns = 0;             // (count after - before) x mean before
  double by_time_ns = 0;              // count after x (mean after - before)
  std::optional<DiffFigure> host_ns;  // of a phase: its time on the host
};

struct DiffMetric {
  std::string name;
  std::string unit;
  std::string better;
  DiffFigure value;
};

struct SummaryDiff {
  std::uint64_t runs_before = 0;
  std::uint64_t runs_after = 0;
  // What is divided into the terms: "device time" (the capture's duration for each device), with no device
  // "time" (the captures' duration); empty where neither is known.
  std::string whole;
  DiffFigure whole_ns;
  std::vector<DiffTerm> terms;
  std::vector<DiffRow> kernels;  // rows by the size of their change
  std::vector<DiffRow> operators;
  std::vector<DiffRow> phases;
  std::vector<DiffMetric> head;     // the figures of the head that both sides have
  std::vector<DiffMetric> metrics;  // of scenarios
  std::vector<std::string> warnings;
};

// kInvalidArgument where a side is empty, or the two have nothing in common to compare (a timeline against
// Nsight Compute, whose durations are taken under other clocks).
Result<SummaryDiff> DiffSummaries(const std::vector<Summary>& before, const std::vector<Summary>& after);

std::string FormatDiff(const SummaryDiff& diff);

// 95 % two-sided quantile of Student's t for `degrees` of freedom (at least 1; between whole ones the lower).
double StudentT95(double degrees);

}  // namespace altlas::profile
