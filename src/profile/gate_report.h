// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "profile/gate.h"

// A gate's report for machines and for pages. Pure. Names that come from captures may hold anything: each
// format quotes them by its own rules.
namespace altlas::profile {

struct GateOrigin {
  std::string rule;      // "statistics", "limit", "document"
  std::string baseline;  // the file, empty where there is none
  std::string head;      // the command, or the summaries
};

// One object: outcome, exit_code, sentence, reasons, notes, metrics; relative figures are percent where the
// name says so. Infinite bounds are null.
std::string FormatGateJson(const GateReport& report, const GateOrigin& origin);

// GitHub's Markdown: headline, reasons with what to do, table of metrics.
std::string FormatGateMarkdown(const GateReport& report, const GateOrigin& origin);

// JUnit's XML, one test case a metric and one for the gate: FAIL is a failure, INCONCLUSIVE is skipped with
// the reason, so that no red test stands for noise.
std::string FormatGateJunit(const GateReport& report, const GateOrigin& origin);

// The table's rows for a terminal, the first is the head.
std::vector<std::vector<std::string>> GateTable(const GateReport& report);

// "12.31 ms", "4.2 GB/s": three to four digits.
std::string FormatFigure(double value, const std::string& unit);
// "+3.1 %"
std::string FormatShift(double share);

}  // namespace altlas::profile
