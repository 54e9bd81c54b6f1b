// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tune/line_fit.h"

// The largest batch whose step stays within a given memory, found by running steps of growing sizes that are
// expected to fit (TUN-3). Memory against batch is close to a line, M0 + k * b (weights, gradients and
// optimizer; activations), but for the rounding of allocators and for workspaces that appear at some size.
// So: a line through small probes, an upper bound of its prediction, one real step at the answer, and
// corrections from there. No size is proposed whose bound is above the limit, but
// for the second sample, without which nothing is known of the growth, and for the last quarter, where the
// line decides; so the limit must leave a margin to what the device has, and then nothing runs out of memory.
namespace altlas::tune {

struct BatchLimits {
  double memory_bytes = 0;         // what a step may take, share and margin applied
  double base_bytes = 0;           // taken before any step (model loaded); 0 where it is not known
  std::uint64_t least = 1;         // the first size that is run (batch norm cannot train on 1)
  std::uint64_t most = 1'048'576;  // the answer is never above (samples of the data, say)
  double close_enough = 0.02;  // done when the gap to the limit is worth less than this share of the batch
  int most_runs = 32;
};

struct BatchRun {
  std::uint64_t batch = 0;
  double bytes = 0;  // at the peak; 0 where it failed
  bool fits = false;
};

struct BatchAnswer {
  std::uint64_t batch = 0;       // 0: not even the smallest fits
  double bytes = 0;              // measured at `batch`
  double predicted_bytes = 0;    // by the line, before `batch` was run; 0 where there was no line yet
  LineFit fit;                   // M0 = intercept, k = slope
  bool linear = false;           // the points lie within 2 % of the line, or within an allocator's rounding
  std::size_t left_out = 0;      // of the smallest sizes, which do not lie on the line of the others
  double step_bytes = 0;         // the largest jump that the line does not explain: a workspace; 0: none
  std::uint64_t step_above = 0;  // it lies above this size
  std::uint64_t too_large = 0;   // the smallest size that was run and did not fit; 0: none
  std::vector<BatchRun> runs;    // in the order they were run
  std::string why;               // what ended the search, as a sentence
};

// The search as a pure state machine: ask Next(), run a step of that batch, tell the outcome, until Next() is
// empty. Not thread-safe.
class BatchSearch {
 public:
  // kInvalidArgument for limits that leave nothing to search.
  static Result<BatchSearch> Create(const BatchLimits& limits);

  // The size to run next; empty when the answer stands. The same until an outcome was told.
  std::optional<std::uint64_t> Next();
  // A step of `batch` took so much at its peak.
  void OnMeasured(std::uint64_t batch, double bytes);
  // A step of `batch` ran out of memory or was ended for it.
  void OnFailed(std::uint64_t batch);

  BatchAnswer Answer() const;

 private:
  explicit BatchSearch(const BatchLimits& limits) : limits_(limits) {}

  std::optional<std::uint64_t> Choose();
  std::optional<std::uint64_t> ChooseProbe();
  std::optional<std::uint64_t> ChooseLarger();
  std::optional<std::uint64_t> ChooseBetween();
  std::optional<std::uint64_t> Done(std::string why);
  double Predict(std::uint64_t batch) const;  // with its upper bound
  std::uint64_t LargestBy(const std::function<double(std::uint64_t)>& predict, std::uint64_t most) const;
  std::uint64_t Enough() const;  // samples that are not worth another step
  void Fit();

  BatchLimits limits_;
  std::vector<BatchRun> runs_;
  std::vector<Measured> points_;  // by size, each size once
  std::optional<std::uint64_t> next_;
  bool done_ = false;
  std::string why_;
  LineFit fit_;
  std::size_t left_out_ = 0;
  double predicted_of_best_ = 0;
  std::uint64_t best_ = 0;
  double best_bytes_ = 0;
  std::uint64_t too_large_ = 0;
  double too_large_bytes_ = 0;  // 0: it failed and was not measured
};

}  // namespace altlas::tune
