// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "profile_tables.h"

namespace altlas::app {
namespace {

// A spreadsheet runs a cell that begins with one of these, and names come from the capture.
bool LooksLikeFormula(std::string_view text) {
  return !text.empty() &&
         (text[0] == '=' || text[0] == '+' || text[0] == '-' || text[0] == '@' || text[0] == '\t');
}

std::string Cell(std::string_view text) {
  std::string out;
  if (LooksLikeFormula(text)) out = "'";
  out += text;
  if (out.find_first_of(",\"\r\n") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

constexpr const char* kTimingHead = "count,total_ns,mean_ns,median_ns,p95_ns,min_ns,max_ns,stddev_ns";

std::string TimingCsv(const profile::Timing& timing) {
  return fmt::format("{},{},{},{},{},{},{},{}", timing.count, timing.total_ns, timing.mean_ns,
                     timing.median_ns, timing.p95_ns, timing.min_ns, timing.max_ns, timing.stddev_ns);
}

std::string Maybe(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

std::string KernelsCsv(const profile::Summary& summary) {
  auto text = fmt::format("name,{},share,full_name\r\n", kTimingHead);
  for (const auto& kernel : summary.kernels)
    text += fmt::format("{},{},{},{}\r\n", Cell(kernel.name), TimingCsv(kernel.timing), kernel.share,
                        Cell(kernel.full_name));
  return text;
}

std::string OperatorsCsv(const profile::Summary& summary) {
  auto text = fmt::format("name,{},self_ns,share,kernel_count,kernel_ns\r\n", kTimingHead);
  for (const auto& item : summary.operators)
    text += fmt::format("{},{},{},{},{},{}\r\n", Cell(item.name), TimingCsv(item.timing), item.self_ns,
                        item.share, item.kernel_count, item.kernel_ns);
  return text;
}

std::string CopiesCsv(const profile::Summary& summary) {
  auto text = fmt::format(
      "kind,source_memory,target_memory,bytes,{},engine_bytes_per_second,api_count,api_ns,api_bytes_per_"
      "second\r\n",
      kTimingHead);
  for (const auto& copy : summary.copies)
    text += fmt::format("{},{},{},{},{},{},{},{},{}\r\n", Cell(copy.kind), Cell(copy.source_memory),
                        Cell(copy.target_memory), copy.bytes, TimingCsv(copy.timing),
                        Maybe(copy.engine_bytes_per_second), copy.api_count, copy.api_ns,
                        Maybe(copy.api_bytes_per_second));
  return text;
}

std::string ApiCsv(const profile::Summary& summary) {
  auto text = fmt::format("name,{},share,failures\r\n", kTimingHead);
  for (const auto& api : summary.api)
    text += fmt::format("{},{},{},{}\r\n", Cell(api.name), TimingCsv(api.timing), api.share, api.failures);
  return text;
}

std::string PhasesCsv(const profile::Summary& summary) {
  auto text =
      fmt::format("name,domain,{},marks,kernel_count,kernel_ns,self_kernel_ns,projected_ns\r\n", kTimingHead);
  for (const auto& phase : summary.phases)
    text += fmt::format("{},{},{},{},{},{},{},{}\r\n", Cell(phase.name), Cell(phase.domain),
                        TimingCsv(phase.timing), phase.marks, phase.kernel_count, phase.kernel_ns,
                        phase.self_kernel_ns, phase.projected_ns);
  return text;
}

std::string HeadCsv(const profile::Summary& summary) {
  std::string text = "name,value,kind,text\r\n";
  for (const auto& figure : summary.head) {
    const auto* kind = figure.kind == profile::ProvenanceKind::kMeasured  ? "measured"
                       : figure.kind == profile::ProvenanceKind::kDerived ? "derived"
                                                                          : "absent";
    text += fmt::format("{},{},{},{}\r\n", Cell(figure.name), Maybe(figure.value), kind, Cell(figure.text));
  }
  return text;
}

std::string GapsCsv(const profile::Summary& summary) {
  std::string text = "cause,count,total_ns,share\r\n";
  if (summary.gaps)
    for (const auto& gap : summary.gaps->causes)
      text += fmt::format("{},{},{},{}\r\n", gap.cause, gap.count, gap.total_ns, gap.share);
  return text;
}

struct CsvTable {
  std::string name;
  std::string (*format)(const profile::Summary&);
};

const std::vector<CsvTable>& CsvTables() {
  static const std::vector<CsvTable> kTables = {
      {"kernels", KernelsCsv}, {"operators", OperatorsCsv}, {"copies", CopiesCsv}, {"api", ApiCsv},
      {"phases", PhasesCsv},   {"gaps", GapsCsv},           {"figures", HeadCsv}};
  return kTables;
}

}  // namespace

const std::vector<std::string>& CsvTableNames() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto& table : CsvTables()) names.push_back(table.name);
    return names;
  }();
  return kNames;
}

std::optional<std::string> FormatSummaryCsv(const profile::Summary& summary, std::string_view table) {
  for (const auto& known : CsvTables())
    if (known.name == table) return known.format(summary);
  return std::nullopt;
}

}  // namespace altlas::app
