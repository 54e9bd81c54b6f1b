// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "profile/analysis_parts.h"
#include "profile/finding_rules.h"

namespace altlas::profile {

std::string InBytes(double bytes) {
  for (const auto& [size, unit] : {std::pair{1e9, "GB"}, std::pair{1e6, "MB"}, std::pair{1e3, "kB"}})
    if (bytes >= size) return fmt::format("{:.3g} {}", bytes / size, unit);
  return fmt::format("{:.0f} B", bytes);
}

std::string InTime(double ns) {
  for (const auto& [size, unit] : {std::pair{1e9, "s"}, std::pair{1e6, "ms"}, std::pair{1e3, "us"}})
    if (ns >= size) return fmt::format("{:.3g} {}", ns / size, unit);
  return fmt::format("{:.0f} ns", ns);
}

std::string InTime(std::int64_t ns) { return InTime(static_cast<double>(ns)); }

std::string CheckWith(std::string_view query) {
  return fmt::format("alt_las profile analyze NEW_CAPTURE --json | jq '{}'", query);
}

std::int64_t WindowsOf(const Summary& summary) {
  std::int64_t windows = 0;
  for (const auto& device : summary.devices)
    if (device.kernel_count > 0) windows = AddSaturated(windows, device.window_ns);
  return windows;
}

void AddFindings(Summary& summary) {
  auto& findings = summary.findings;
  AddTrustFindings(summary, findings);
  AddGapFindings(summary, findings);
  AddCopyFindings(summary, findings);
  AddHostFindings(summary, findings);
  AddKernelFindings(summary, findings);
  AddDetailFindings(summary, findings);
  const auto rank = [](const SummaryFinding& finding) {
    return finding.severity == "warning" ? 0 : finding.severity == "notice" ? 1 : 2;
  };
  std::stable_sort(findings.begin(), findings.end(),
                   [&](const SummaryFinding& a, const SummaryFinding& b) { return rank(a) < rank(b); });
}

}  // namespace altlas::profile
