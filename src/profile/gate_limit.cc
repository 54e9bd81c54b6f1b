// SPDX-License-Identifier: Apache-2.0
// The two rules that hold runs against a limit instead of a baseline.
#include <cmath>

#include "profile/gate_parts.h"

namespace altlas::profile {
namespace {

// So many digits, and never a power of ten: people compare it with the limit they gave.
std::string Digits(double value, int digits) {
  return std::abs(value) < std::pow(10, digits) ? fmt::format("{:.{}g}", value, digits)
                                                : fmt::format("{:.0f}", value);
}

Result<std::string> OwnMetric(const std::string& metric, const Session& head) {
  GateSettings settings;
  settings.metrics = {metric};
  ALTLAS_TRY(auto selection, SelectMetrics(settings, head, head));
  const auto& name = selection.required.front();
  if (const auto& unit = head.metrics.at(name).unit; unit != "ms")
    return FailField("--threshold",
                     "{} is measured in \"{}\", and a limit is a time: judge it by a share of a "
                     "baseline, such as 5%",
                     name, unit);
  return name;
}

MetricVerdict LimitVerdict(const std::string& name, const Session& head, double limit) {
  const auto& column = head.metrics.at(name);
  const auto values = gate_parts::KnownValues(head, name);
  MetricVerdict verdict;
  verdict.name = name;
  verdict.unit = column.unit;
  verdict.higher_is_better = column.higher_is_better;
  verdict.is_required = true;
  verdict.head_runs = values.size();
  verdict.base_median = limit;
  verdict.head_median = Median(values);
  verdict.shift = verdict.head_median / limit - 1;
  return verdict;
}

std::size_t LeastRunsOfLimit(const GateSettings& settings) {
  return static_cast<std::size_t>(std::ceil(-std::log2(settings.false_alarm)));
}

}  // namespace

Result<GateReport> JudgeLimit(const GateSettings& settings, const std::string& metric, double limit,
                              std::vector<GateReason> standing, const Session& head) {
  ALTLAS_TRY(const std::string name, OwnMetric(metric, head));
  GateReport report;
  report.reasons = std::move(standing);
  auto verdict = LimitVerdict(name, head, limit);
  const auto values = gate_parts::KnownValues(head, name);
  const auto sure = MedianInterval(values, settings.false_alarm);
  const auto likely = MedianInterval(values, settings.miss);
  verdict.bounds = {likely.low / limit - 1, likely.high / limit - 1};
  const bool higher = verdict.higher_is_better;
  const bool over = higher ? sure.high < limit : sure.low > limit;
  const bool under = higher ? likely.low >= limit : likely.high <= limit;
  const std::string seen = fmt::format("the median of {} run{} is {} {}, the limit {} {}", values.size(),
                                       values.size() == 1 ? "" : "s", Digits(verdict.head_median, 4),
                                       verdict.unit, Digits(limit, 4), verdict.unit);
  verdict.outcome = over ? MetricOutcome::kFailed : under ? MetricOutcome::kClear : MetricOutcome::kOpen;
  verdict.why = seen;
  Stage runs;
  runs.head = head;
  gate_parts::FindReasons(settings, {}, runs, report);
  bool has_veto = false;
  for (const auto& reason : report.reasons) has_veto = has_veto || reason.is_veto;
  if (!over && !under)
    report.reasons.push_back(
        {values.size() < LeastRunsOfLimit(settings) ? "too-few-runs" : "noise-too-large",
         fmt::format("{}: {}, and the runs do not settle on which side it lies", name, seen),
         fmt::format("give more runs (at least {}), or --rule document to compare one number as it is",
                     LeastRunsOfLimit(settings)),
         false});
  report.outcome = over && !has_veto        ? Outcome::kFail
                   : report.reasons.empty() ? Outcome::kPass
                                            : Outcome::kInconclusive;
  report.sentence = report.outcome == Outcome::kInconclusive ? report.reasons.front().text
                                                             : fmt::format("{}: {}", name, seen);
  report.metrics.push_back(std::move(verdict));
  return report;
}

Result<GateReport> JudgeDocument(const std::string& metric, double limit, const Session& head) {
  if (head.runs.size() != 1)
    return Fail(
        ErrorCode::kInvalidArgument,
        "the document's rule judges one summary, and {} were given: leave --rule document out to judge "
        "several runs together",
        head.runs.size());
  ALTLAS_TRY(const std::string name, OwnMetric(metric, head));
  GateReport report;
  auto verdict = LimitVerdict(name, head, limit);
  if (verdict.head_runs == 0 || !std::isfinite(verdict.head_median))
    return Fail(ErrorCode::kInvalidArgument, "the summary's {} is no number", name);
  const bool over = verdict.higher_is_better ? verdict.head_median < limit : verdict.head_median > limit;
  verdict.outcome = over ? MetricOutcome::kFailed : MetricOutcome::kClear;
  verdict.why = fmt::format("{} {} {} the limit of {} {}", Digits(verdict.head_median, 6), verdict.unit,
                            over ? "is over" : "is within", Digits(limit, 6), verdict.unit);
  report.outcome = over ? Outcome::kFail : Outcome::kPass;
  report.sentence = fmt::format("{}: {}", name, verdict.why);
  if (const auto& wrong = head.runs.front().incomplete; !wrong.empty()) {
    report.outcome = Outcome::kInconclusive;
    report.sentence = fmt::format("the summary's capture is not whole: {}", wrong);
    report.reasons.push_back(
        {"capture-incomplete", report.sentence, "capture again, and copy the whole file", true});
  }
  report.notes.push_back(
      "one number of one run was compared: this rule knows nothing of noise, and a mean over all kernels "
      "hides "
      "most regressions");
  report.metrics.push_back(std::move(verdict));
  return report;
}

}  // namespace altlas::profile
