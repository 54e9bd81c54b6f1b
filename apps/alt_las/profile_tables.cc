// SPDX-License-Identifier: Apache-2.0
#include "profile_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "tables.h"

namespace altlas::app {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string Scaled(double value, const std::vector<std::pair<double, const char*>>& units,
                   const char* least) {
  for (const auto& [size, unit] : units)
    if (value >= size || value <= -size) return fmt::format("{:.2f} {}", value / size, unit);
  return fmt::format("{:.0f} {}", value, least);
}

std::string Time(double ns) { return Scaled(ns, {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}}, "ns"); }
std::string Time(std::int64_t ns) { return Time(static_cast<double>(ns)); }
std::string Bytes(double bytes) {
  return Scaled(bytes, {{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}}, "B");
}
std::string Percent(double share) { return fmt::format("{:.1f} %", 100 * share); }
std::string Rate(const std::optional<double>& rate) { return rate ? Bytes(*rate) + "/s" : "-"; }

// A table under its title, the first `rows` of it; nothing where it has none.
std::string Titled(std::string_view title, Rows table, std::size_t rows) {
  if (table.size() < 2) return "";
  const auto all = table.size() - 1;
  const auto shown = rows == 0 ? all : std::min(rows, all);
  table.resize(shown + 1);
  auto text = fmt::format("\n{}\n{}", title, FormatTable(std::move(table)));
  if (shown < all) text += fmt::format("... and {} more (--rows 0 shows all)\n", all - shown);
  return text;
}

std::vector<std::string> TimingCells(const profile::Timing& timing) {
  return {fmt::format("{}", timing.count), Time(timing.total_ns), Time(timing.mean_ns),
          Time(timing.median_ns), Time(timing.p95_ns)};
}

std::vector<std::string> Joined(std::vector<std::string> first, std::vector<std::string> second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::string Sources(const profile::Summary& summary) {
  std::string text;
  for (const auto& source : summary.sources) {
    text += Printable(source.path) + ": " + Printable(source.format);
    if (!source.tool.empty()) text += ", " + Printable(source.tool);
    if (!source.schema.empty()) text += ", schema " + Printable(source.schema);
    if (source.rank) text += fmt::format(", rank {}", *source.rank);
    text += "\n";
  }
  if (summary.scenario) text += "scenario " + Printable(summary.scenario->name) + "\n";
  // Notes for information are in the JSON: a terminal is for what changes how the figures are read.
  for (const auto& warning : summary.warnings)
    if (warning.severity != "info")
      text += Printable(warning.severity) + ": " + Printable(warning.text) + "\n";
  return text;
}

std::string FindingsText(const profile::Summary& summary) {
  if (summary.findings.empty()) return "";
  std::string text = "\nFINDINGS\n";
  for (const auto& finding : summary.findings) {
    const auto* mark = finding.severity == "warning" ? "!" : finding.severity == "notice" ? "-" : " ";
    text += fmt::format("{} {}\n    {}\n", mark, Printable(finding.sentence), Printable(finding.mend));
    if (!finding.command.empty()) text += "    " + Printable(finding.command) + "\n";
  }
  return text;
}

std::string HeadText(const profile::Summary& summary) {
  Rows rows;
  for (const auto& figure : summary.head)
    if (figure.value) rows.push_back({figure.name, fmt::format("{:.6g}", *figure.value), figure.text});
  if (rows.empty()) return "";
  rows.insert(rows.begin(), {"FIGURE", "VALUE", "HOW"});
  return "\n" + FormatTable(std::move(rows));
}

Rows KernelRows(const profile::Summary& summary) {
  Rows rows = {{"KERNEL", "COUNT", "TOTAL", "MEAN", "MEDIAN", "P95", "SHARE"}};
  for (const auto& kernel : summary.kernels)
    rows.push_back(Joined(Joined({kernel.name}, TimingCells(kernel.timing)), {Percent(kernel.share)}));
  return rows;
}

Rows OperatorRows(const profile::Summary& summary) {
  Rows rows = {{"OPERATOR", "COUNT", "TOTAL", "MEAN", "MEDIAN", "P95", "SELF", "SHARE"}};
  for (const auto& item : summary.operators)
    rows.push_back(
        Joined(Joined({item.name}, TimingCells(item.timing)), {Time(item.self_ns), Percent(item.share)}));
  return rows;
}

Rows CopyRows(const profile::Summary& summary) {
  Rows rows = {{"COPY", "FROM", "TO", "COUNT", "BYTES", "TOTAL", "ENGINE", "IN CALLS", "AS CALLED"}};
  auto copies = summary.copies;
  if (summary.memsets) copies.push_back(*summary.memsets);
  for (const auto& copy : copies)
    rows.push_back({copy.kind, copy.source_memory, copy.target_memory, fmt::format("{}", copy.timing.count),
                    Bytes(static_cast<double>(copy.bytes)), Time(copy.timing.total_ns),
                    Rate(copy.engine_bytes_per_second), copy.api_count > 0 ? Time(copy.api_ns) : "-",
                    Rate(copy.api_bytes_per_second)});
  return rows;
}

Rows GapRows(const profile::Summary& summary) {
  Rows rows = {{"NO KERNEL RAN BECAUSE OF", "GAPS", "TOTAL", "OF THE TIME"}};
  if (!summary.gaps) return rows;
  for (const auto& gap : summary.gaps->causes)
    rows.push_back({gap.cause, fmt::format("{}", gap.count), Time(gap.total_ns), Percent(gap.share)});
  return rows;
}

Rows ApiRows(const profile::Summary& summary) {
  Rows rows = {{"CALL", "COUNT", "TOTAL", "MEAN", "MEDIAN", "P95", "SHARE"}};
  for (const auto& api : summary.api)
    rows.push_back(Joined(Joined({api.name}, TimingCells(api.timing)), {Percent(api.share)}));
  return rows;
}

// Without kernels the columns of their times would be empty: a step's own times say more.
Rows HostPhaseRows(const profile::Summary& summary) {
  Rows rows = {{"PHASE", "DOMAIN", "COUNT", "TOTAL", "MEAN", "MEDIAN", "P95"}};
  for (const auto& phase : summary.phases) {
    auto cells = Joined({phase.name, phase.domain}, TimingCells(phase.timing));
    cells[2] = fmt::format("{}", phase.timing.count + phase.marks);
    rows.push_back(std::move(cells));
  }
  return rows;
}

Rows PhaseRows(const profile::Summary& summary) {
  if (summary.kernels.empty()) return HostPhaseRows(summary);
  Rows rows = {{"PHASE", "DOMAIN", "COUNT", "ON THE HOST", "KERNELS", "KERNEL TIME", "ON THE DEVICE"}};
  for (const auto& phase : summary.phases)
    rows.push_back({phase.name, phase.domain, fmt::format("{}", phase.timing.count + phase.marks),
                    Time(phase.timing.total_ns), fmt::format("{}", phase.kernel_count), Time(phase.kernel_ns),
                    Time(phase.projected_ns)});
  return rows;
}

Rows DeviceRows(const profile::Summary& summary) {
  Rows rows = {{"DEVICE", "NAME", "BUSY", "WINDOW", "KERNELS RAN", "COPIES RAN", "KERNELS"}};
  for (const auto& device : summary.devices)
    rows.push_back({device.id, device.name, fmt::format("{:.1f} %", device.busy_percent),
                    Time(device.window_ns), Time(device.compute_ns), Time(device.copy_ns),
                    fmt::format("{}", device.kernel_count)});
  return rows;
}

Rows StreamRows(const profile::Summary& summary) {
  Rows rows = {{"STREAM", "OF", "KERNELS", "COPIES", "BUSY", "SHARE"}};
  // One stream says nothing that its device does not.
  if (summary.streams.size() < 2) return rows;
  for (const auto& stream : summary.streams)
    rows.push_back({fmt::format("{}", stream.stream), stream.device, fmt::format("{}", stream.kernel_count),
                    fmt::format("{}", stream.copy_count), Time(stream.busy_ns), Percent(stream.share)});
  return rows;
}

Rows AllocationRows(const profile::Summary& summary) {
  Rows rows = {{"MEMORY OF", "KIND", "ALLOCATIONS", "FREES", "PEAK", "AT THE END", "LARGEST"}};
  for (const auto& pool : summary.allocations)
    rows.push_back({pool.device, pool.memory, fmt::format("{}", pool.allocations),
                    fmt::format("{}", pool.frees), Bytes(static_cast<double>(pool.peak_bytes)),
                    Bytes(static_cast<double>(pool.end_bytes)),
                    Bytes(static_cast<double>(pool.largest_bytes))});
  return rows;
}

Rows DetailRows(const profile::Summary& summary) {
  Rows rows = {
      {"NSIGHT COMPUTE", "LAUNCHES", "DURATION", "SM", "MEMORY", "OCCUPANCY", "WARPS", "COALESCED", "BOUND"}};
  const auto percent = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.1f} %", *value) : "-";
  };
  for (const auto& kernel : summary.kernel_details)
    rows.push_back({kernel.name, fmt::format("{}", kernel.count),
                    kernel.duration_ns ? Time(*kernel.duration_ns) : "-",
                    percent(kernel.sm_throughput_percent), percent(kernel.memory_throughput_percent),
                    percent(kernel.achieved_occupancy_percent), percent(kernel.warp_efficiency_percent),
                    percent(kernel.coalescing_percent), kernel.bound.empty() ? "-" : kernel.bound});
  return rows;
}

Rows MetricRows(const profile::Summary& summary) {
  Rows rows = {{"METRIC", "VALUE", "UNIT", ""}};
  for (const auto& metric : summary.metrics)
    rows.push_back({metric.name, fmt::format("{:.6g}", metric.value), metric.unit,
                    metric.is_estimate ? "estimate" : ""});
  return rows;
}

}  // namespace

std::string FormatSummaryTables(const profile::Summary& summary, std::size_t rows) {
  auto text = Sources(summary) + FindingsText(summary) + HeadText(summary);
  text += Titled("METRICS", MetricRows(summary), 0);
  text += Titled("DEVICES", DeviceRows(summary), rows);
  text += Titled("KERNELS", KernelRows(summary), rows);
  text += Titled("OPERATORS", OperatorRows(summary), rows);
  text += Titled("KERNELS IN DETAIL", DetailRows(summary), rows);
  text += Titled("COPIES", CopyRows(summary), rows);
  text += Titled("GAPS", GapRows(summary), 0);
  text += Titled("PHASES", PhaseRows(summary), rows);
  text += Titled("API", ApiRows(summary), rows);
  text += Titled("MEMORY", AllocationRows(summary), rows);
  text += Titled("STREAMS", StreamRows(summary), rows);
  return text;
}

namespace {

std::string Signed(std::string text, double value) { return value > 0 ? "+" + std::move(text) : text; }
std::string SignedTime(double ns) { return Signed(Time(ns), ns); }
std::string Noise(const std::optional<double>& noise) { return noise ? "+-" + Time(*noise) : "-"; }
std::string Change(const profile::DiffFigure& figure) {
  if (figure.before == 0) return figure.after == 0 ? "" : "new";
  return fmt::format("{:+.1f} %", 100 * figure.delta() / figure.before);
}
// Whether the difference says anything, where that is known.
const char* Verdict(const profile::DiffFigure& figure) {
  const auto beyond = figure.IsBeyondNoise();
  if (!beyond) return "";
  return *beyond ? "beyond the noise" : "within the noise";
}

Rows DiffRows(const char* what, const std::vector<profile::DiffRow>& list) {
  Rows rows = {{what, "COUNT", "BEFORE", "AFTER", "DELTA", "BY COUNT", "BY TIME", "NOISE", ""}};
  for (const auto& row : list)
    rows.push_back({row.name, fmt::format("{:.6g} > {:.6g}", row.count.before, row.count.after),
                    Time(row.total_ns.before), Time(row.total_ns.after), SignedTime(row.total_ns.delta()),
                    SignedTime(row.by_count_ns), SignedTime(row.by_time_ns), Noise(row.total_ns.noise),
                    row.state == "changed" ? Verdict(row.total_ns) : row.state.c_str()});
  return rows;
}

Rows DiffPhases(const std::vector<profile::DiffRow>& list) {
  Rows rows = {{"PHASE", "COUNT", "ON THE HOST", "DELTA", "KERNEL TIME OF ITS OWN", "DELTA", "NOISE"}};
  for (const auto& row : list) {
    const auto host = row.host_ns.value_or(profile::DiffFigure{});
    rows.push_back({row.full_name, fmt::format("{:.6g} > {:.6g}", row.count.before, row.count.after),
                    Time(host.before) + " > " + Time(host.after), SignedTime(host.delta()),
                    Time(row.total_ns.before) + " > " + Time(row.total_ns.after),
                    SignedTime(row.total_ns.delta()), Noise(row.total_ns.noise)});
  }
  return rows;
}

Rows DiffFigures(const char* what, const std::vector<profile::DiffMetric>& metrics) {
  Rows rows = {{what, "BEFORE", "AFTER", "CHANGE", "NOISE", ""}};
  for (const auto& metric : metrics)
    rows.push_back({metric.unit.empty() ? metric.name : metric.name + " (" + metric.unit + ")",
                    fmt::format("{:.6g}", metric.value.before), fmt::format("{:.6g}", metric.value.after),
                    Change(metric.value),
                    metric.value.noise ? fmt::format("+-{:.3g}", *metric.value.noise) : "-",
                    Verdict(metric.value)});
  return rows;
}

}  // namespace

std::string FormatDiffTables(const profile::SummaryDiff& diff, std::size_t rows) {
  std::string text = fmt::format("{} run{} before, {} after\n", diff.runs_before,
                                 diff.runs_before == 1 ? "" : "s", diff.runs_after);
  for (const auto& warning : diff.warnings) text += "warning: " + Printable(warning) + "\n";
  if (!diff.whole.empty()) {
    text += fmt::format("\n{}: {} > {}, {} ({}) {}\n", diff.whole, Time(diff.whole_ns.before),
                        Time(diff.whole_ns.after), SignedTime(diff.whole_ns.delta()), Change(diff.whole_ns),
                        Verdict(diff.whole_ns));
    Rows terms = {{"OF THAT", "DELTA", "NOISE"}};
    for (const auto& term : diff.terms)
      terms.push_back({term.name, SignedTime(term.delta_ns), Noise(term.noise_ns)});
    terms.push_back({"together", SignedTime(diff.whole_ns.delta()), Noise(diff.whole_ns.noise)});
    text += FormatTable(std::move(terms));
  }
  text += Titled("METRICS", DiffFigures("METRIC", diff.metrics), 0);
  text += Titled("KERNELS", DiffRows("KERNEL", diff.kernels), rows);
  text += Titled("OPERATORS", DiffRows("OPERATOR", diff.operators), rows);
  text += Titled("PHASES", DiffPhases(diff.phases), rows);
  text += Titled("FIGURES", DiffFigures("FIGURE", diff.head), 0);
  return text;
}

}  // namespace altlas::app
