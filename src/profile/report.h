// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "profile/capture.h"
#include "profile/series.h"
#include "profile/summary.h"
#include "profile/timeline.h"

// `alt_las profile report`: from captures and their summary to one HTML page.
namespace altlas::profile {

// One capture of the report, in the order of the summary's sources.
struct ReportCapture {
  CaptureInfo info;
  std::string label;  // "rank 1", a file's name; shown where there are several
};

struct ReportInput {
  std::string title;
  std::string created;  // "2026-11-22 06:00 UTC"
  std::string program;  // "alt_las 0.1.0"
  std::vector<ReportCapture> captures;
  Summary summary;
  std::optional<Summary> baseline;
  std::string baseline_name;
  std::vector<Series> series;
  std::vector<std::string> notes;  // about the report itself, in sentences
};

struct ReportLimits {
  std::size_t bars = 240'000;      // of the timeline, over all levels
  std::size_t table_rows = 1'000;  // of the longest tables
  std::size_t page_bytes = 4'500'000;
};

// The page. Where it would be longer than `page_bytes`, the timeline's details and the tables' ends are left
// out until it fits; each says so itself. `timeline` is built from (and may be asked again).
std::string MakeReport(const ReportInput& input, TimelineBuilder& timeline, const ReportLimits& limits = {});

}  // namespace altlas::profile
