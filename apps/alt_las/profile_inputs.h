// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "profile/capture.h"
#include "profile/summary.h"

// Captures and summaries from files, for the commands of `alt_las profile`.
namespace altlas::app {

// A progress bar on standard error, where that is a terminal; nothing otherwise. Drawn at most ten times a
// second, removed by its destructor.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  // What readers are given; it lives as long as the bar.
  profile::Progress AsProgress();

 private:
  void Draw(std::uint64_t done, std::uint64_t all);
  std::string label_;
  bool is_shown_ = false;
  std::int64_t last_drawn_ms_ = 0;
};

// True where the file begins as a profile summary does.
bool LooksLikeSummary(const std::string& path);

// One summary of all these captures, read one after the other.
Result<profile::Summary> AnalyzeCaptures(const std::vector<std::string>& paths);

// A summary from its file, or made of a capture.
Result<profile::Summary> LoadSummary(const std::string& path);

}  // namespace altlas::app
