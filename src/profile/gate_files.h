// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "profile/gate.h"

// The files of the gate. docs/formats/baseline.md specifies the baseline.
namespace altlas::profile {

inline constexpr std::string_view kBaselineSchema = "altlas.baseline";
inline constexpr std::int64_t kBaselineVersion = 1;
// `gate record` keeps the newest.
inline constexpr std::size_t kMostSessions = 16;

struct Baseline {
  Environment environment;
  std::vector<Session> sessions;  // oldest first
};

std::string FormatBaseline(const Baseline& baseline);
// kCorrupt: no JSON, wrong types, columns of the wrong length; kUnsupported: another schema or a newer
// version. Unknown fields are ignored.
Result<Baseline> ParseBaseline(std::string_view text);
// At most 64 MiB are read. Blocks on the disk.
Result<Baseline> ReadBaseline(const std::filesystem::path& path);

// The figures of one run and where they were made.
struct RunFile {
  GateRun run;
  Environment environment;
};
// From a profile_summary.json (docs/formats/profile_summary.md), or from any JSON object with a top-level
// `avg_kernel_time` in ms and no `schema`, which is what document 5's own script writes. What no run can have
// is refused (gate_figures.h). Times come in ms: the head's figures under their names, `kernel:<full name>`
// and `operator:<name>` (median of the calls), `phase:<name>` (median), `bench:<name>` (measured values of a
// scenario that say what is better). Errors as ParseBaseline's.
Result<RunFile> ParseRun(std::string_view text);
Result<RunFile> ReadRun(const std::filesystem::path& path);

}  // namespace altlas::profile
