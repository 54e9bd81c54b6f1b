// SPDX-License-Identifier: Apache-2.0
// Which metrics are judged, what stands against judging, and the outcome.
#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "profile/gate_parts.h"

namespace altlas::profile {
namespace gate_parts {
namespace {

constexpr double kForeignCpu = 0.10;   // of the machine, between the two sides
constexpr double kClockSpread = 0.02;  // between their medians
constexpr double kTrendLevel = 0.01;

bool IsPart(const std::string& name) { return name.starts_with("kernel:") || name.starts_with("operator:"); }

bool IsHeavy(const GateSettings& settings, const MetricValues& metric) {
  return metric.share.value_or(1) >= settings.min_share && metric.run_ms.value_or(1e9) >= settings.floor_ms;
}

template <typename Test>
std::size_t CountRuns(const Stage& runs, Test test) {
  std::size_t count = 0;
  for (const auto* session : {&runs.base, &runs.head})
    count += static_cast<std::size_t>(std::count_if(session->runs.begin(), session->runs.end(), test));
  return count;
}

std::string FirstIncomplete(const Stage& runs) {
  for (const auto* session : {&runs.base, &runs.head})
    for (const auto& run : session->runs)
      if (!run.incomplete.empty()) return run.incomplete;
  return {};
}

void VetoRuns(const Stage& runs, GateReport& report) {
  const std::size_t all = runs.base.runs.size() + runs.head.runs.size();
  if (const auto n = CountRuns(runs, [](const RunState& run) { return !run.throttled.empty(); }); n > 0)
    report.reasons.push_back(
        {"throttled", fmt::format("{} of {} runs were throttled", n, all),
         "let the machine cool down, lower its clocks to what it can hold, and run again", true});
  if (const auto n = CountRuns(runs, [](const RunState& run) { return !run.foreign_processes.empty(); });
      n > 0)
    report.reasons.push_back({"foreign-processes",
                              fmt::format("other processes used the GPU during {} of {} runs", n, all),
                              "run on an idle device", true});
  if (const auto n = CountRuns(runs, [](const RunState& run) { return run.dropped_records > 0; }); n > 0)
    report.reasons.push_back({"dropped-records",
                              fmt::format("the captures of {} of {} runs dropped records", n, all),
                              "capture less (fewer traces, a shorter range) or with larger buffers", true});
  if (const auto n = CountRuns(runs, [](const RunState& run) { return !run.incomplete.empty(); }); n > 0)
    report.reasons.push_back(
        {"capture-incomplete",
         fmt::format("the captures of {} of {} runs are not whole: {}", n, all, FirstIncomplete(runs)),
         "capture again, and copy the whole file", true});
}

template <typename Get>
std::optional<double> MedianState(const Session& session, Get get) {
  std::vector<double> known;
  for (const auto& run : session.runs)
    if (const auto value = get(run); value.has_value()) known.push_back(*value);
  if (known.empty()) return std::nullopt;
  return Median(known);
}

void VetoForeignCpu(const GateSettings& settings, const Stage& runs, GateReport& report) {
  const auto get = [](const RunState& run) { return run.foreign_cpu; };
  const auto base = MedianState(runs.base, get);
  const auto head = MedianState(runs.head, get);
  if (!base.has_value() || !head.has_value()) return;
  if (!settings.interleaved && std::abs(*base - *head) > kForeignCpu) {
    report.reasons.push_back(
        {"foreign-processes",
         fmt::format(
             "other processes took {:.0f} % of the processors during the baseline's runs and {:.0f} % "
             "during the new ones",
             100 * *base, 100 * *head),
         "run on a quiet machine, or side by side with --against", true});
  } else if (std::max(*base, *head) > kForeignCpu) {
    report.notes.push_back(fmt::format(
        "other processes took {:.0f} % of the processors during these runs: that is part of the noise",
        100 * std::max(*base, *head)));
  }
}

void VetoClocks(const Stage& runs, GateReport& report) {
  const auto get = [](const RunState& run) { return run.clock_mhz; };
  const auto base = MedianState(runs.base, get);
  const auto head = MedianState(runs.head, get);
  if (!base.has_value() || !head.has_value() || std::abs(*head / *base - 1) <= kClockSpread) return;
  report.reasons.push_back(
      {"clocks-differ",
       fmt::format("the GPU ran at {:.0f} MHz for the baseline and at {:.0f} MHz now", *base, *head),
       "lock the clocks (nvidia-smi --lock-gpu-clocks) for both", true});
}

void CompareParts(const GateSettings& settings, const Stage& runs, GateReport& report) {
  if (runs.base.runs.empty()) return;  // a limit: nothing to compare with
  std::vector<std::string> gone;
  std::vector<std::string> fresh;
  const auto collect = [&](const Session& from, const Session& other, std::vector<std::string>& names) {
    for (const auto& [name, metric] : from.metrics)
      if (IsPart(name) && IsHeavy(settings, metric) && !other.metrics.contains(name)) names.push_back(name);
  };
  collect(runs.base, runs.head, gone);
  collect(runs.head, runs.base, fresh);
  if (gone.empty() && fresh.empty()) return;
  const auto first = [](const std::vector<std::string>& names) {
    return names.empty() ? std::string("none") : fmt::format("{} (such as \"{}\")", names.size(), names[0]);
  };
  report.reasons.push_back(
      {"kernel-set-differs",
       fmt::format("kernels of the baseline that are gone: {}; new ones: {}", first(gone), first(fresh)),
       "if that was meant, record the baseline anew; the run time is still judged", false});
}

void VetoDrift(const GateSettings& settings, const std::vector<std::string>& required, const Stage& runs,
               GateReport& report) {
  if (settings.interleaved) return;
  for (const auto& name : required) {
    const auto costs = LogCosts(runs.head, name);
    const auto trend = Trend(costs);
    if (costs.size() < 6 || trend.p > kTrendLevel) continue;
    const auto half = static_cast<std::ptrdiff_t>(costs.size() / 2);
    const std::vector<double> early(costs.begin(), costs.begin() + half);
    const std::vector<double> late(costs.begin() + half, costs.end());
    const double moved = HodgesLehmann(late, early);
    if (std::abs(moved) < std::log1p(settings.threshold) / 2) continue;
    report.reasons.push_back(
        {"drift",
         fmt::format("{} drifts: the later runs differ from the earlier ones by {:+.1f} %", name,
                     100 * AsShare(moved)),
         "more warm-up runs (--warmup), or side by side with --against, where a drift meets both alike",
         true});
  }
}

std::string Worst(const GateReport& report, MetricOutcome outcome) {
  const MetricVerdict* worst = nullptr;
  for (const auto& metric : report.metrics)
    if (metric.outcome == outcome && (worst == nullptr || metric.shift > worst->shift)) worst = &metric;
  return worst == nullptr ? std::string() : fmt::format("{}: {}", worst->name, worst->why);
}

std::string PassSentence(const GateSettings& settings, const GateReport& report) {
  for (const auto& metric : report.metrics)
    if (metric.is_required)
      return fmt::format("{}: {}; a regression of {:.1f} % would have been found with {:.0f} % probability",
                         metric.name, metric.why, 100 * metric.detectable, 100 * settings.power);
  return "nothing judged is worse";
}

void AddOpenReasons(const GateSettings& settings, bool was_confirmed, GateReport& report) {
  if (!report.to_confirm.empty() && !was_confirmed) {
    report.reasons.push_back(
        {"not-confirmed",
         fmt::format("{} of {} metrics look worse or are open after screening; only fresh "
                     "runs can tell",
                     report.to_confirm.size(), report.metrics.size()),
         "give as many runs again (the runs given are halved: one half screens, the other "
         "confirms)",
         false});
    return;
  }
  if (const auto open = Worst(report, MetricOutcome::kOpen); !open.empty())
    report.reasons.push_back(
        {"noise-too-large", open,
         report.runs_needed.has_value()
             ? fmt::format("with --runs {} a regression of {:.3g} % would be found; or quiet the machine, or "
                           "raise --threshold",
                           *report.runs_needed, 100 * settings.threshold)
             : "the noise is too large for any number of runs: quiet the machine, make the command run "
               "longer, "
               "or raise --threshold",
         false});
}

}  // namespace

std::vector<double> KnownValues(const Session& session, const std::string& name) {
  std::vector<double> known;
  const auto found = session.metrics.find(name);
  if (found == session.metrics.end()) return known;
  for (const double value : found->second.values)
    if (!std::isnan(value)) known.push_back(value);
  return known;
}

std::vector<double> LogCosts(const Session& session, const std::string& name) {
  auto values = KnownValues(session, name);
  if (values.empty()) return values;
  const bool higher_is_better = session.metrics.at(name).higher_is_better;
  for (double& value : values) {
    if (!(value > 0) || !std::isfinite(value)) return {};
    value = higher_is_better ? -std::log(value) : std::log(value);
  }
  return values;
}

double AsShare(double log_shift) { return std::expm1(log_shift); }

void FindReasons(const GateSettings& settings, const std::vector<std::string>& required, const Stage& runs,
                 GateReport& report) {
  VetoRuns(runs, report);
  VetoForeignCpu(settings, runs, report);
  VetoClocks(runs, report);
  CompareParts(settings, runs, report);
  VetoDrift(settings, required, runs, report);
}

void Conclude(const GateSettings& settings, bool was_confirmed, GateReport& report) {
  for (const auto& metric : report.metrics)
    if (metric.is_required && metric.outcome == MetricOutcome::kNotJudged)
      report.reasons.push_back(
          {"not-judged", fmt::format("{}: {}", metric.name, metric.why), "choose another --metric", true});
  AddOpenReasons(settings, was_confirmed, report);
  const bool has_veto = std::any_of(report.reasons.begin(), report.reasons.end(),
                                    [](const GateReason& r) { return r.is_veto; });
  const auto failed = Worst(report, MetricOutcome::kFailed);
  if (!failed.empty() && !has_veto) {
    report.outcome = Outcome::kFail;
    report.sentence = failed;
  } else if (report.reasons.empty()) {
    report.outcome = Outcome::kPass;
    report.sentence = PassSentence(settings, report);
  } else {
    report.outcome = Outcome::kInconclusive;
    // A veto explains more than what follows from it.
    const auto first = std::find_if(report.reasons.begin(), report.reasons.end(),
                                    [](const GateReason& r) { return r.is_veto; });
    report.sentence = (first == report.reasons.end() ? report.reasons.front() : *first).text;
  }
}

}  // namespace gate_parts

namespace {

using gate_parts::IsHeavy;
using gate_parts::IsPart;

// A wish is a name, or for kernels and operators a piece of one that fits only one.
Result<std::string> FindWished(const std::string& wish, const Session& base, const Session& head) {
  const auto in_both = [&](const std::string& name) {
    return base.metrics.contains(name) && head.metrics.contains(name);
  };
  if (in_both(wish)) return wish;
  std::vector<std::string> names;
  std::vector<std::string> fitting;
  const auto colon = wish.find(':');
  for (const auto& [name, metric] : head.metrics) {
    if (!in_both(name)) continue;
    names.push_back(name);
    if (colon != std::string::npos && colon + 1 < wish.size() &&
        name.starts_with(wish.substr(0, colon + 1)) &&
        name.find(wish.substr(colon + 1), colon + 1) != std::string::npos)
      fitting.push_back(name);
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.size() > 1)
    return FailField("--metric", "\"{}\" fits {} metrics, such as \"{}\" and \"{}\": write more of the name",
                     wish, fitting.size(), fitting[0], fitting[1]);
  const auto near = Nearest(wish, names);
  return Fail(ErrorCode::kNotFound, "no metric \"{}\" in both the baseline and the new runs{}", wish,
              !near.empty()   ? fmt::format("; did you mean \"{}\"?", near)
              : names.empty() ? std::string("; they have none in common")
                              : fmt::format("; there are {} such as \"{}\"", names.size(), names.front()));
}

std::optional<std::string> MainMetric(const Session& base, const Session& head) {
  for (const char* name : {"wall", "total_time_ms", "avg_kernel_time"})
    if (base.metrics.contains(name) && head.metrics.contains(name)) return name;
  for (const auto& [name, metric] : head.metrics)
    if (base.metrics.contains(name)) return name;
  return std::nullopt;
}

}  // namespace

Result<Selection> SelectMetrics(const GateSettings& settings, const Session& base, const Session& head) {
  Selection selection;
  for (const auto& wish : settings.metrics) {
    ALTLAS_TRY(auto name, FindWished(wish, base, head));
    if (std::find(selection.required.begin(), selection.required.end(), name) == selection.required.end())
      selection.required.push_back(std::move(name));
  }
  if (settings.metrics.empty()) {
    auto main = MainMetric(base, head);
    if (!main.has_value())
      return Fail(ErrorCode::kNotFound, "the baseline and the new runs have no metric in common");
    selection.required.push_back(std::move(*main));
  }
  for (const auto& name : selection.required)
    if (base.metrics.at(name).unit != head.metrics.at(name).unit)
      return Fail(ErrorCode::kInvalidArgument,
                  "{} is in \"{}\" in the baseline and in \"{}\" in the new runs: record the baseline anew",
                  name, base.metrics.at(name).unit, head.metrics.at(name).unit);
  for (const auto& [name, metric] : head.metrics) {
    const auto other = base.metrics.find(name);
    if (other == base.metrics.end() || other->second.unit != metric.unit || !settings.metrics.empty() ||
        name == selection.required.front())
      continue;
    // The head's figures are sums and means over the kernels, which are judged one by one.
    if (!IsPart(name) && name != "cpu" && !name.starts_with("bench:")) continue;
    if (IsHeavy(settings, metric) && IsHeavy(settings, other->second)) selection.watched.push_back(name);
  }
  std::stable_sort(selection.watched.begin(), selection.watched.end(), [&](const auto& a, const auto& b) {
    return head.metrics.at(a).share.value_or(2) > head.metrics.at(b).share.value_or(2);
  });
  return selection;
}

}  // namespace altlas::profile
