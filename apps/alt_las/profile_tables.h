// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profile/summary.h"
#include "profile/summary_diff.h"

// Profile summaries and comparisons as text.
namespace altlas::app {

// Everything of a summary that a person reads first: where it comes from, findings, the head, and the largest
// rows of each table (`rows`; 0: all).
std::string FormatSummaryTables(const profile::Summary& summary, std::size_t rows);
std::string FormatDiffTables(const profile::SummaryDiff& diff, std::size_t rows);

// The names that FormatSummaryCsv takes.
const std::vector<std::string>& CsvTableNames();
// One table whole as CSV (RFC 4180, a head line, numbers without units); nullopt for a name that is none.
std::optional<std::string> FormatSummaryCsv(const profile::Summary& summary, std::string_view table);

}  // namespace altlas::app
