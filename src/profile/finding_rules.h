// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "profile/summary.h"

// The rules behind findings; private to the analysis. Each looks at figures of the summary that are there
// and says nothing where they are not. docs/guide/profiling.md lists them with their limits.
namespace altlas::profile {

using Findings = std::vector<SummaryFinding>;

void AddTrustFindings(const Summary& summary, Findings& findings);
void AddGapFindings(const Summary& summary, Findings& findings);
void AddCopyFindings(const Summary& summary, Findings& findings);
void AddHostFindings(const Summary& summary, Findings& findings);
void AddKernelFindings(const Summary& summary, Findings& findings);
void AddDetailFindings(const Summary& summary, Findings& findings);

// "2.62 GB", "186 ms": decimal units, three digits.
std::string InBytes(double bytes);
std::string InTime(double ns);
std::string InTime(std::int64_t ns);
// The command that shows a figure of a new capture.
std::string CheckWith(std::string_view query);
// The windows of the devices that ran kernels, together.
std::int64_t WindowsOf(const Summary& summary);

}  // namespace altlas::profile
