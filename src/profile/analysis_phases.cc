// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "profile/span_kernels.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kPhaseKernelsShown = 10;

// A moment of a thread belongs to the operator that began last of those that run. Returns what of it each
// name has, and the operators that began while none ran.
class SelfTimes {
 public:
  explicit SelfTimes(std::size_t names) : totals_(names) {}

  void Walk(const std::vector<SpanRow>& spans) {
    for (const auto& span : spans) {
      if (open_.empty() || thread_ != span.thread) {
        Advance(std::nullopt);
        thread_ = span.thread;
        now_ = span.start;
      }
      Advance(span.start);
      if (open_.empty()) {
        ++outermost_.count;
        outermost_.total_ns = AddSaturated(outermost_.total_ns, span.end - span.start);
      }
      open_.push_back({span.end, span.name});
    }
    Advance(std::nullopt);
  }

  std::int64_t total(std::uint32_t name) const { return totals_[name]; }
  const OutermostOperators& outermost() const { return outermost_; }

 private:
  struct Open {
    Ns end;
    std::uint32_t name;
  };

  // Gives the time up to `to` (nullopt: to the end of all) to those that are open.
  void Advance(std::optional<Ns> to) {
    while (!open_.empty()) {
      const auto top = open_.back();
      if (to.has_value() && *to < top.end) {
        totals_[top.name] = AddSaturated(totals_[top.name], *to - now_);
        now_ = *to;
        return;
      }
      if (top.end > now_) {
        totals_[top.name] = AddSaturated(totals_[top.name], top.end - now_);
        now_ = top.end;
      }
      open_.pop_back();
    }
    if (to.has_value()) now_ = *to;
  }

  std::vector<std::int64_t> totals_;
  std::vector<Open> open_;
  std::uint32_t thread_ = 0;
  Ns now_ = 0;
  OutermostOperators outermost_;
};

void WarnOfLeftOut(SpanKernels& sums, const char* what, std::uint32_t source, Summary& summary) {
  if (const auto left_out = sums.TakeLeftOut(); left_out > 0)
    summary.warnings.push_back({"warning",
                                fmt::format("{} {} begin while more than {} others are open that end out of "
                                            "turn: their kernels are not counted",
                                            left_out, what, SpanKernels::kMostStrays),
                                source});
}

void AddPhaseKernels(const Work& work, const SpanKernels& sums, std::vector<SummaryPhase*>& phase_of) {
  for (const auto& [key, sum] : sums.by_kernel()) {
    auto* phase = phase_of[key >> 32U];
    phase->kernels.push_back(
        {work.names.kernels.TextOf(static_cast<std::uint32_t>(key)), sum.count, sum.total_ns});
  }
  for (auto* phase : phase_of) {
    if (phase == nullptr) continue;
    std::sort(phase->kernels.begin(), phase->kernels.end(), [](const PhaseKernel& a, const PhaseKernel& b) {
      return a.total_ns != b.total_ns ? a.total_ns > b.total_ns : a.full_name < b.full_name;
    });
    if (phase->kernels.size() > kPhaseKernelsShown) phase->kernels.resize(kPhaseKernelsShown);
  }
}

}  // namespace

void AddPhases(const Work& work, Summary& summary) {
  const auto& phases = work.names.phases.items;
  const auto timings = TimingsByNumber(phases.size(), [&](auto take) {
    for (const auto& source : work.sources)
      for (const auto& row : source.columns.ranges) take(row.name, row.end - row.start);
  });
  std::vector<std::uint64_t> marks(phases.size());
  SpanKernels sums(phases.size());
  for (std::uint32_t number = 0; number < work.sources.size(); ++number) {
    const auto& source = work.sources[number];
    for (const auto& [phase, count] : source.columns.marks) marks[phase] += count;
    if (!source.columns.ranges.empty()) sums.Walk(source, SpansByThread(source.columns.ranges));
    WarnOfLeftOut(sums, "ranges", number, summary);
  }
  summary.phases.resize(phases.size());
  std::vector<SummaryPhase*> phase_of(phases.size(), nullptr);
  for (std::uint32_t number = 0; number < phases.size(); ++number) {
    auto& phase = summary.phases[number];
    phase.name = work.names.texts.TextOf(phases[number].name);
    phase.domain = work.names.texts.TextOf(phases[number].domain);
    phase.timing = timings[number];
    phase.marks = marks[number];
    phase.kernel_count = sums.count(number);
    phase.kernel_ns = sums.total(number);
    phase.self_kernel_ns = sums.self(number);
    phase.projected_ns = sums.projected(number);
    phase_of[number] = &phase;
  }
  AddPhaseKernels(work, sums, phase_of);
  std::sort(summary.phases.begin(), summary.phases.end(), [](const SummaryPhase& a, const SummaryPhase& b) {
    if (a.timing.total_ns != b.timing.total_ns) return a.timing.total_ns > b.timing.total_ns;
    return std::tie(a.name, a.domain) < std::tie(b.name, b.domain);
  });
}

OutermostOperators AddOperators(const Work& work, Summary& summary) {
  const auto count = work.names.operators.size();
  const auto timings = TimingsByNumber(count, [&](auto take) {
    for (const auto& source : work.sources)
      for (const auto& row : source.columns.operators) take(row.name, row.end - row.start);
  });
  SelfTimes selves(count);
  SpanKernels sums(count);
  for (std::uint32_t number = 0; number < work.sources.size(); ++number) {
    const auto& source = work.sources[number];
    if (source.columns.operators.empty()) continue;
    const auto spans = SpansByThread(source.columns.operators);
    const auto before = selves.outermost().total_ns;
    selves.Walk(spans);
    summary.sources[number].operator_ns = SubtractSaturated(selves.outermost().total_ns, before);
    sums.Walk(source, spans);
    WarnOfLeftOut(sums, "operators", number, summary);
  }
  std::int64_t all = 0;
  for (std::uint32_t name = 0; name < count; ++name) all = AddSaturated(all, selves.total(name));
  for (std::uint32_t name = 0; name < count; ++name) {
    if (timings[name].count == 0) continue;
    auto& made = summary.operators.emplace_back();
    made.name = work.names.operators.TextOf(name);
    made.timing = timings[name];
    made.self_ns = selves.total(name);
    made.share = Ratio(static_cast<double>(made.self_ns), static_cast<double>(all));
    made.kernel_count = sums.count(name);
    made.kernel_ns = sums.total(name);
  }
  std::sort(summary.operators.begin(), summary.operators.end(), [](const auto& a, const auto& b) {
    return a.self_ns != b.self_ns ? a.self_ns > b.self_ns : a.name < b.name;
  });
  return selves.outermost();
}

}  // namespace altlas::profile
