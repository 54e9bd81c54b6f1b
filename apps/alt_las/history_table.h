// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// What `alt_las profile history` prints, from the answer of GET /api/v1/profile/history. Pure.
namespace altlas::app {

struct HistoryMeasure {
  std::string name;
  double seconds = 0;
  std::int64_t count = 0;
  std::optional<double> normal;
  std::optional<double> spread;
  std::int64_t samples = 0;
  bool anomaly = false;
};
struct HistorySample {
  std::string at;
  std::string device;
  std::string model;
  double seconds = 0;
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t generated_tokens = 0;
  std::int64_t memory_peak = 0;
  bool anomaly = false;
  std::string why;
  std::vector<HistoryMeasure> measures;
};

// One page; samples are appended. The answer's next_before, 0 at the end. kCorrupt where it is not of that
// form.
Result<std::int64_t> ReadHistoryPage(const std::string& json, std::vector<HistorySample>& samples);

// "90", "90s", "30m", "1h", "7d" in seconds.
Result<double> ParseAge(std::string_view text);

// Eight heights from the least to the greatest; one height where all are alike. Newest last; at most `most`
// values, the newest.
std::string Sparkline(const std::vector<double>& values, std::size_t most);

// `samples` newest first, as they come. A line for each model and device with the trend of its main measure
// (the one in most samples), marks under the anomalous ones, then the newest `rows` samples.
std::string FormatHistory(const std::vector<HistorySample>& samples, std::size_t rows);
// One line a measure of a sample, oldest first.
std::string FormatHistoryCsv(const std::vector<HistorySample>& samples);

}  // namespace altlas::app
