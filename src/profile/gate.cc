// SPDX-License-Identifier: Apache-2.0
#include "profile/gate.h"

#include <algorithm>
#include <cmath>

#include "profile/gate_parts.h"

namespace altlas::profile {
namespace {

using gate_parts::AsShare;
using gate_parts::LogCosts;

constexpr std::uint64_t kBootstrapSeed = 20;
// Where the detectable shift is so many times the threshold, a bound below the threshold is luck, or a
// machine that was slower while the baseline was recorded.
constexpr double kMostBlind = 1.5;

struct MetricWork {
  MetricVerdict verdict;
  std::vector<double> base;  // screening runs
  std::vector<double> head;
  double scale = 0;
  double log_threshold = 0;
  double log_line = 0;
  double log_detectable = 0;
};

// What the significance tests ask for, as normal quantiles: found once for all metrics.
struct Quantiles {
  double power = 0;   // of one stage that must succeed
  double each = 0;    // of two that must
  double screen = 0;  // its level
  double pooled = 0;  // the level of all runs together
  double pooled_level = 0;
};

Quantiles FindQuantiles(const GateSettings& settings, std::size_t judged) {
  Quantiles found;
  found.power = NormalQuantile(settings.power);
  found.each = NormalQuantile(std::sqrt(settings.power));
  found.screen = NormalQuantile(1 - settings.screen_p);
  found.pooled_level = settings.false_alarm / 2 / static_cast<double>(std::max<std::size_t>(judged, 1));
  found.pooled = NormalQuantile(1 - found.pooled_level);
  return found;
}

struct StageSizes {
  std::size_t screen = 0;  // of the smaller side
  std::size_t confirm = 0;
};

// The logarithmic regression that ends in FAIL with the settings' power: all runs must show it significantly
// and past the line; a metric that is only watched must first be flagged by the screening runs.
double Detectable(const Quantiles& q, double scale, double line, StageSizes sizes, bool is_required) {
  const std::size_t all = sizes.screen + sizes.confirm;
  const double error = ShiftError(scale, all, all);
  if (LeastRankSumP(all, all) > q.pooled_level) return kUnbounded;
  const double power = is_required ? q.power : q.each;
  const double confirmed = std::max(line + power * error, (q.pooled + power) * error);
  if (is_required) return confirmed;
  const double first = ShiftError(scale, sizes.screen, sizes.screen);
  return std::max({confirmed, line + q.each * first, (q.screen + q.each) * first});
}

double SessionSpread(const std::vector<Session>& sessions, const std::string& name) {
  double least = kUnbounded;
  double most = -kUnbounded;
  for (const auto& session : sessions) {
    const auto costs = LogCosts(session, name);
    if (costs.empty()) continue;
    const double middle = Median(costs);
    least = std::min(least, middle);
    most = std::max(most, middle);
  }
  return most > least ? most - least : 0;
}

void ScreenMetric(const GateSettings& settings, const Quantiles& q, const std::vector<Session>& sessions,
                  MetricWork& work) {
  auto& verdict = work.verdict;
  work.scale = PooledScale(work.base, work.head);
  const double spread = SessionSpread(sessions, verdict.name);
  const double wanted = std::log1p(settings.threshold);
  work.log_threshold = wanted;
  work.log_line = std::max(wanted / 2, settings.noise_factor * spread);
  const std::size_t screen = std::min(work.base.size(), work.head.size());
  const StageSizes sizes{screen, settings.confirm_runs > 0 ? settings.confirm_runs : screen};
  double found = Detectable(q, work.scale, work.log_line, sizes, verdict.is_required);
  if (!verdict.is_required && found > wanted) {
    // The line rises with the threshold, and what can be found with the line: one more step settles it.
    work.log_line = std::max(work.log_line, found / 2);
    found = Detectable(q, work.scale, work.log_line, sizes, false);
    work.log_threshold = found;
  }
  work.log_detectable = found;
  const auto test = MannWhitney(work.head, work.base, Alternative::kGreater);
  const double shift = HodgesLehmann(work.head, work.base);
  verdict.noise = AsShare(work.scale);
  verdict.session_noise = AsShare(spread);
  verdict.threshold = AsShare(work.log_threshold);
  verdict.line = AsShare(work.log_line);
  verdict.detectable = AsShare(found);
  verdict.screen_p = test.p;
  verdict.screen_shift = AsShare(shift);
  verdict.is_flagged = test.p <= settings.screen_p && shift >= work.log_line;
}

void Summarise(const GateSettings& settings, const Session& base, const Session& head, MetricWork& work,
               const std::vector<double>& base_costs, const std::vector<double>& head_costs) {
  auto& verdict = work.verdict;
  verdict.base_runs = base_costs.size();
  verdict.head_runs = head_costs.size();
  const auto base_values = gate_parts::KnownValues(base, verdict.name);
  const auto head_values = gate_parts::KnownValues(head, verdict.name);
  verdict.base_median = Median(base_values);
  verdict.head_median = Median(head_values);
  verdict.shift = AsShare(HodgesLehmann(head_costs, base_costs));
  const auto bounds = ShiftInterval(head_costs, base_costs, settings.miss);
  verdict.bounds = {AsShare(bounds.low), AsShare(bounds.high)};
  if (settings.resamples > 0)
    verdict.ratio_bootstrap =
        BootstrapMedianRatio(head_values, base_values, settings.miss, kBootstrapSeed, settings.resamples);
}

// Over all runs that there are: clear, improved or open.
void Settle(const GateSettings& settings, MetricWork& work, const std::vector<double>& base,
            const std::vector<double>& head) {
  auto& verdict = work.verdict;
  const auto bounds = ShiftInterval(head, base, settings.miss);
  if (bounds.high < -work.log_line / 2 &&
      MannWhitney(head, base, Alternative::kLess).p <= settings.false_alarm) {
    verdict.outcome = MetricOutcome::kImproved;
    verdict.why = "better than the baseline";
  } else if (verdict.is_required && work.log_detectable > kMostBlind * work.log_threshold) {
    verdict.outcome = MetricOutcome::kOpen;
    verdict.why =
        std::isfinite(work.log_detectable)
            ? fmt::format(
                  "only a regression of {:.1f} % would be found for sure, and the threshold is {:.1f} %",
                  100 * verdict.detectable, 100 * verdict.threshold)
            : std::string("too few runs to find any regression");
  } else if (bounds.high < work.log_threshold) {
    verdict.outcome = MetricOutcome::kClear;
    verdict.why = fmt::format("at most {:.1f} % worse (the threshold is {:.1f} %)",
                              100 * AsShare(bounds.high), 100 * verdict.threshold);
  } else if (verdict.is_required || verdict.is_flagged) {
    verdict.outcome = MetricOutcome::kOpen;
    verdict.why = std::isfinite(bounds.high)
                      ? fmt::format("may be up to {:.1f} % worse, and the threshold is {:.1f} %",
                                    100 * AsShare(bounds.high), 100 * verdict.threshold)
                      : "too few runs to bound it";
  } else {
    verdict.outcome = MetricOutcome::kNotSeen;
    verdict.why = "watched: not seen to be worse, and too noisy to rule it out";
  }
}

std::vector<double> AppendCosts(std::vector<double> first, const std::vector<double>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

void ConfirmMetric(const GateSettings& settings, const Quantiles& q, const Stage& fresh,
                   std::size_t candidates, MetricWork& work) {
  auto& verdict = work.verdict;
  const auto base = LogCosts(fresh.base, verdict.name);
  const auto head = LogCosts(fresh.head, verdict.name);
  const double p = MannWhitney(head, base, Alternative::kGreater).p;
  const double shift = HodgesLehmann(head, base);
  const auto all_base = AppendCosts(work.base, base);
  const auto all_head = AppendCosts(work.head, head);
  const double all_p = MannWhitney(all_head, all_base, Alternative::kGreater).p;
  const double all_shift = HodgesLehmann(all_head, all_base);
  verdict.confirm_p = p;
  verdict.confirm_shift = AsShare(shift);
  verdict.confirm_level = settings.false_alarm / 2 / static_cast<double>(candidates);
  verdict.pooled_p = all_p;
  verdict.pooled_level = q.pooled_level;
  // Two looks at one bound: each may miss half as often.
  GateSettings second = settings;
  second.miss = settings.miss / 2;
  Settle(second, work, all_base, all_head);
  const bool by_fresh = p <= verdict.confirm_level && shift >= work.log_line;
  const bool by_all = all_p <= q.pooled_level && all_shift >= work.log_line;
  if (!by_fresh && !by_all) return;
  verdict.outcome = MetricOutcome::kFailed;
  verdict.why = fmt::format("{:.1f} % worse, confirmed by {} (p = {:.2g})", 100 * AsShare(all_shift),
                            by_fresh ? "fresh runs alone" : "all runs together", by_fresh ? p : all_p);
}

std::vector<MetricWork> PrepareMetrics(const Selection& selection, const Stage& screen) {
  std::vector<MetricWork> all;
  const auto add = [&](const std::string& name, bool is_required) {
    const auto& column = screen.head.metrics.at(name);
    MetricWork work;
    work.verdict.name = name;
    work.verdict.unit = column.unit;
    work.verdict.higher_is_better = column.higher_is_better;
    work.verdict.share = column.share;
    work.verdict.is_required = is_required;
    work.base = LogCosts(screen.base, name);
    work.head = LogCosts(screen.head, name);
    all.push_back(std::move(work));
  };
  for (const auto& name : selection.required) add(name, true);
  for (const auto& name : selection.watched) add(name, false);
  return all;
}

bool HasValues(const MetricWork& work) { return !work.base.empty() && !work.head.empty(); }

void NoteQ(std::vector<MetricWork>& all) {
  std::vector<double> p;
  for (const auto& work : all) p.push_back(work.verdict.screen_p);
  const auto q = AdjustBenjaminiHochberg(p);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].verdict.q = q[i];
}

void CheckCounts(const Stage& stage, std::string_view what, GateReport& report) {
  const std::size_t base = stage.base.runs.size();
  const std::size_t head = stage.head.runs.size();
  if (std::min(base, head) >= kLeastRuns) return;
  report.reasons.push_back(
      {"too-few-runs",
       fmt::format("{}: {} baseline and {} new runs; each side needs {}", what, base, head, kLeastRuns),
       fmt::format("give at least {} runs a side ({} for each of the two stages)", 2 * kLeastRuns,
                   kLeastRuns),
       true});
}

void FindRunsNeeded(const GateSettings& settings, const Quantiles& q, const std::vector<MetricWork>& all,
                    GateReport& report) {
  constexpr std::size_t kMost = 500;
  std::size_t needed = 0;
  for (const auto& work : all) {
    if (work.verdict.outcome != MetricOutcome::kOpen) continue;
    std::size_t n = kLeastRuns;
    while (n <= kMost &&
           Detectable(q, work.scale, work.log_line, {n, n}, true) > std::log1p(settings.threshold))
      ++n;
    if (n > kMost) return;
    needed = std::max(needed, n);
  }
  if (needed > 0) report.runs_needed = needed;
}

}  // namespace

Result<GateReport> Judge(const GateSettings& settings, const std::vector<Session>& sessions,
                         std::vector<GateReason> standing, const Stage& screen,
                         const std::optional<Stage>& confirm) {
  ALTLAS_TRY(const Selection selection, SelectMetrics(settings, screen.base, screen.head));
  GateReport report;
  report.reasons = std::move(standing);
  CheckCounts(screen, "screening", report);
  auto all = PrepareMetrics(selection, screen);
  const Quantiles q = FindQuantiles(settings, all.size());
  for (auto& work : all) {
    if (!HasValues(work)) {
      work.verdict.why = "its values are not all above 0";
      continue;
    }
    ScreenMetric(settings, q, sessions, work);
    Settle(settings, work, work.base, work.head);
    if (work.verdict.is_flagged || work.verdict.outcome == MetricOutcome::kOpen)
      report.to_confirm.push_back(work.verdict.name);
  }
  NoteQ(all);
  if (confirm.has_value() && !report.to_confirm.empty()) CheckCounts(*confirm, "confirming", report);
  Stage runs = screen;
  if (confirm.has_value())
    runs = {JoinSessions({screen.base, confirm->base}), JoinSessions({screen.head, confirm->head})};
  for (auto& work : all) {
    if (!HasValues(work)) continue;
    const bool wanted = std::find(report.to_confirm.begin(), report.to_confirm.end(), work.verdict.name) !=
                        report.to_confirm.end();
    if (confirm.has_value() && wanted)
      ConfirmMetric(settings, q, *confirm, report.to_confirm.size(), work);
    else if (wanted && work.verdict.is_flagged)
      work.verdict.outcome = MetricOutcome::kOpen,
      work.verdict.why = "looks worse; fresh runs must confirm it";
    Summarise(settings, runs.base, runs.head, work, LogCosts(runs.base, work.verdict.name),
              LogCosts(runs.head, work.verdict.name));
  }
  gate_parts::FindReasons(settings, selection.required, runs, report);
  FindRunsNeeded(settings, q, all, report);
  for (auto& work : all) report.metrics.push_back(std::move(work.verdict));
  gate_parts::Conclude(settings, confirm.has_value(), report);
  return report;
}

}  // namespace altlas::profile
