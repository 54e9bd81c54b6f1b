// SPDX-License-Identifier: Apache-2.0
#include "profile/gate_report.h"

#include <algorithm>
#include <cmath>

#include "base/json_writer.h"
#include "base/utf8.h"

namespace altlas::profile {
namespace {

// Shares as percent; what is infinite is left to the JSON writer, which says null.
double InPercent(double share) { return 100 * share; }

void WriteMaybe(JsonWriter& out, std::string_view key, const std::optional<double>& value,
                double factor = 1) {
  if (value.has_value()) out.Key(key).Double(factor * *value);
}

void WriteVerdict(JsonWriter& out, const MetricVerdict& metric) {
  out.BeginObject();
  out.Key("name").String(metric.name).Key("unit").String(metric.unit);
  out.Key("outcome").String(MetricOutcomeName(metric.outcome)).Key("why").String(metric.why);
  out.Key("is_required").Bool(metric.is_required).Key("higher_is_better").Bool(metric.higher_is_better);
  WriteMaybe(out, "share_percent", metric.share, 100);
  out.Key("base_runs").Unsigned(metric.base_runs).Key("head_runs").Unsigned(metric.head_runs);
  out.Key("base_median").Double(metric.base_median).Key("head_median").Double(metric.head_median);
  out.Key("shift_percent").Double(InPercent(metric.shift));
  out.Key("shift_low_percent").Double(InPercent(metric.bounds.low));
  out.Key("shift_high_percent").Double(InPercent(metric.bounds.high));
  out.Key("median_ratio_low").Double(metric.ratio_bootstrap.low);
  out.Key("median_ratio_high").Double(metric.ratio_bootstrap.high);
  out.Key("threshold_percent").Double(InPercent(metric.threshold));
  out.Key("line_percent").Double(InPercent(metric.line));
  out.Key("noise_percent").Double(InPercent(metric.noise));
  out.Key("session_noise_percent").Double(InPercent(metric.session_noise));
  out.Key("detectable_percent").Double(InPercent(metric.detectable));
  out.Key("screen").BeginObject().Key("p").Double(metric.screen_p).Key("q").Double(metric.q);
  out.Key("shift_percent").Double(InPercent(metric.screen_shift));
  out.Key("is_flagged").Bool(metric.is_flagged).EndObject();
  if (metric.confirm_p.has_value()) {
    out.Key("confirm").BeginObject().Key("p").Double(*metric.confirm_p);
    out.Key("level").Double(metric.confirm_level);
    WriteMaybe(out, "shift_percent", metric.confirm_shift, 100);
    WriteMaybe(out, "pooled_p", metric.pooled_p);
    out.Key("pooled_level").Double(metric.pooled_level).EndObject();
  }
  out.EndObject();
}

std::string EscapeMarkdown(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      out += ' ';
      continue;
    }
    if (std::string_view("\\`*_[]<>|#&~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string EscapeXml(std::string_view text) {
  std::string out;
  for (const char c : ReplaceInvalidUtf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      default:
        // XML 1.0 has no control characters, not even written as references.
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
  // Nor has it these two code points.
  for (const char* never : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"})
    for (auto at = out.find(never); at != std::string::npos; at = out.find(never, at))
      out.replace(at, 3, "?");
  return out;
}

std::string ShortName(const std::string& name) {
  constexpr std::size_t kWidth = 48;
  if (name.size() <= kWidth) return name;
  std::size_t head = 30;
  while (head > 0 && (static_cast<unsigned char>(name[head]) & 0xC0) == 0x80) --head;
  std::size_t tail = name.size() - 15;
  while (tail < name.size() && (static_cast<unsigned char>(name[tail]) & 0xC0) == 0x80) ++tail;
  return name.substr(0, head) + "..." + name.substr(tail);
}

void AppendCase(std::string& out, const MetricVerdict& metric) {
  out += fmt::format("    <testcase classname=\"alt_las.gate\" name=\"{}\">\n", EscapeXml(metric.name));
  if (metric.outcome == MetricOutcome::kFailed)
    out += fmt::format("      <failure message=\"{}\"/>\n", EscapeXml(metric.why));
  if (metric.outcome == MetricOutcome::kOpen || metric.outcome == MetricOutcome::kNotJudged)
    out += fmt::format("      <skipped message=\"{}\"/>\n", EscapeXml(metric.why));
  out += fmt::format(
      "      <system-out>{}</system-out>\n    </testcase>\n",
      EscapeXml(fmt::format("{} -> {} ({}, bounds {} to {})", FormatFigure(metric.base_median, metric.unit),
                            FormatFigure(metric.head_median, metric.unit), FormatShift(metric.shift),
                            FormatShift(metric.bounds.low), FormatShift(metric.bounds.high))));
}

}  // namespace

std::string FormatShift(double share) {
  if (!std::isfinite(share)) return "?";
  return fmt::format("{:+.1f} %", 100 * share);
}

std::string FormatFigure(double value, const std::string& unit) {
  if (!std::isfinite(value)) return "-";
  if (unit == "ms") {
    if (std::abs(value) >= 10'000) return fmt::format("{:.4g} s", value / 1000);
    if (std::abs(value) < 1) return fmt::format("{:.4g} us", value * 1000);
  }
  return unit == "1" ? fmt::format("{:.4g}", value) : fmt::format("{:.4g} {}", value, unit);
}

std::string FormatGateJson(const GateReport& report, const GateOrigin& origin) {
  JsonWriter out;
  out.BeginObject().Key("schema").String("altlas.gate").Key("schema_version").Int(1);
  out.Key("outcome").String(OutcomeName(report.outcome));
  out.Key("exit_code").Int(OutcomeExitCode(report.outcome));
  out.Key("sentence").String(report.sentence);
  out.Key("rule").String(origin.rule).Key("baseline").String(origin.baseline).Key("head").String(origin.head);
  out.Key("reasons").BeginArray();
  for (const auto& reason : report.reasons) {
    out.BeginObject().Key("code").String(reason.code).Key("text").String(reason.text);
    out.Key("advice").String(reason.advice).Key("is_veto").Bool(reason.is_veto).EndObject();
  }
  out.EndArray().Key("notes").BeginArray();
  for (const auto& note : report.notes) out.String(note);
  out.EndArray();
  if (report.runs_needed.has_value()) out.Key("runs_needed").Unsigned(*report.runs_needed);
  out.Key("metrics").BeginArray();
  for (const auto& metric : report.metrics) WriteVerdict(out, metric);
  out.EndArray().EndObject();
  return out.Take() + "\n";
}

std::string FormatGateMarkdown(const GateReport& report, const GateOrigin& origin) {
  std::string out = fmt::format("## Performance gate: {}\n\n{}\n", OutcomeName(report.outcome),
                                EscapeMarkdown(report.sentence));
  for (const auto& reason : report.reasons)
    out += fmt::format("\n- **{}**: {}. *What to do:* {}.", reason.code, EscapeMarkdown(reason.text),
                       EscapeMarkdown(reason.advice));
  if (!report.reasons.empty()) out += '\n';
  const auto rows = GateTable(report);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += i == 0 ? "\n|" : "|";
    for (const auto& cell : rows[i]) out += " " + EscapeMarkdown(cell) + " |";
    out += '\n';
    if (i > 0) continue;
    out += '|';
    for (std::size_t column = 0; column < rows[i].size(); ++column) out += column == 0 ? "---|" : "---:|";
    out += '\n';
  }
  for (const auto& note : report.notes) out += fmt::format("\n{}.\n", EscapeMarkdown(note));
  if (!origin.baseline.empty()) out += fmt::format("\nBaseline: {}.\n", EscapeMarkdown(origin.baseline));
  return out;
}

std::string FormatGateJunit(const GateReport& report, const GateOrigin& origin) {
  std::size_t failures = report.outcome == Outcome::kFail ? 1 : 0;
  std::size_t skipped = report.outcome == Outcome::kInconclusive ? 1 : 0;
  std::string cases;
  for (const auto& metric : report.metrics) {
    AppendCase(cases, metric);
    failures += metric.outcome == MetricOutcome::kFailed ? 1 : 0;
    skipped += metric.outcome == MetricOutcome::kOpen || metric.outcome == MetricOutcome::kNotJudged ? 1 : 0;
  }
  std::string gate;
  if (report.outcome == Outcome::kFail)
    gate = fmt::format("      <failure message=\"{}\"/>\n", EscapeXml(report.sentence));
  if (report.outcome == Outcome::kInconclusive)
    gate = fmt::format("      <skipped message=\"{}\"/>\n", EscapeXml(report.sentence));
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites>\n  <testsuite name=\"alt_las profile gate {}\" tests=\"{}\" failures=\"{}\" errors=\"0\" "
      "skipped=\"{}\">\n"
      "    <testcase classname=\"alt_las.gate\" name=\"outcome\">\n{}    </testcase>\n{}"
      "  </testsuite>\n</testsuites>\n",
      EscapeXml(origin.rule), report.metrics.size() + 1, failures, skipped, gate, cases);
}

std::vector<std::vector<std::string>> GateTable(const GateReport& report) {
  const bool has_base = std::any_of(report.metrics.begin(), report.metrics.end(),
                                    [](const MetricVerdict& metric) { return metric.base_runs > 0; });
  std::vector<std::vector<std::string>> rows = {{"metric", has_base ? "baseline" : "limit", "new", "change",
                                                 "bounds", "noise", "found from", "result"}};
  for (const auto& metric : report.metrics) {
    const bool is_bounded = std::isfinite(metric.bounds.low) && std::isfinite(metric.bounds.high);
    rows.push_back(
        {ShortName(metric.name) + (metric.is_required ? "" : " (watched)"),
         FormatFigure(metric.base_median, metric.unit), FormatFigure(metric.head_median, metric.unit),
         FormatShift(metric.shift),
         is_bounded ? fmt::format("{:+.1f} to {:+.1f} %", 100 * metric.bounds.low, 100 * metric.bounds.high)
                    : "-",
         has_base ? fmt::format("{:.1f} %", 100 * metric.noise) : "-",
         has_base && std::isfinite(metric.detectable) ? fmt::format("{:.1f} %", 100 * metric.detectable)
                                                      : "-",
         std::string(MetricOutcomeName(metric.outcome))});
  }
  return rows;
}

}  // namespace altlas::profile
