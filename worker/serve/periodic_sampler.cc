// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/periodic_sampler.h"

#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace altlas::serve {
namespace {

using profile::ServingPhase;

// Steps kept of a kind before the first is thinned; a sample of a quiet worker allocates little.
constexpr std::size_t kFirstKept = 64;

struct ProcessUse {
  double processor_seconds = 0;
  std::uint64_t memory_peak_bytes = 0;
};
ProcessUse UseOfThisProcess() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return {};
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return {seconds(usage.ru_utime) + seconds(usage.ru_stime),
          static_cast<std::uint64_t>(std::max<long>(0, usage.ru_maxrss)) * 1024};
}

// By nearest rank, the median too: always a step that was measured.
template <typename T>
T RankOf(std::vector<T>& values, double share) {
  if (values.empty()) return {};
  const auto rank = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto place = values.begin() + std::max<std::ptrdiff_t>(1, rank) - 1;
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

template <typename T>
void KeepEverySecond(std::vector<T>& values) {
  for (std::size_t i = 0; 2 * i < values.size(); ++i) values[i] = values[2 * i];
  values.resize((values.size() + 1) / 2);
}

}  // namespace

StepSizes SizesLike(std::uint32_t size) {
  if (size < 16) return {size, size};
  const std::uint32_t width = std::bit_floor(size) / 8;
  const std::uint32_t from = size / width * width;
  return {from, from + (width - 1)};
}

// One for each model. On the engine's thread.
class PeriodicSampler::Listener final : public PhaseListener {
 public:
  Listener(PeriodicSampler& owner, Model& model, PhaseListener* next)
      : owner_(owner), model_(model), next_(next) {}

  PhaseMark Begin(ServingPhase phase) override {
    PhaseMark mark = next_ != nullptr ? next_->Begin(phase) : PhaseMark();
    if (owner_.operators_ != nullptr) owner_.SwitchOperators();
    if (owner_.active_.load(std::memory_order_relaxed))
      mark.sampled = owner_.clock_.Now().time_since_epoch().count();
    return mark;
  }
  void End(ServingPhase phase, PhaseMark mark) override {
    if (owner_.active_.load(std::memory_order_relaxed))
      owner_.Count(model_, phase, mark, owner_.clock_.Now());
    if (next_ != nullptr) next_->End(phase, mark);
  }

 private:
  PeriodicSampler& owner_;
  Model& model_;
  PhaseListener* const next_;
};

PeriodicSampler::PeriodicSampler(const Clock& clock, OperatorWatch* operators)
    : clock_(clock), operators_(operators) {}
PeriodicSampler::~PeriodicSampler() = default;

PhaseListener* PeriodicSampler::For(std::string model, PhaseListener* next) {
  MutexLock lock(mutex_);
  models_.push_back(std::make_unique<Model>());
  models_.back()->name = std::move(model);
  listeners_.push_back(std::make_unique<Listener>(*this, *models_.back(), next));
  return listeners_.back().get();
}

void PeriodicSampler::Begin(const wire::ProfileAsk& ask) {
  MutexLock lock(mutex_);
  ask_ = ask;
  began_ = clock_.Now();
  processor_began_ = UseOfThisProcess().processor_seconds;
  for (auto& model : models_) {
    model->requests = model->prompt_tokens = model->generated_tokens = 0;
    model->series.clear();
  }
  const bool watch = operators_ != nullptr && ask.operators > 0;
  if (watch) (void)operators_->Take(0);
  watch_operators_ = watch;
  active_ = true;
}

wire::ProfileReport PeriodicSampler::Finish() {
  active_ = false;
  const bool watched = watch_operators_.exchange(false);
  MutexLock lock(mutex_);
  wire::ProfileReport report;
  report.id = ask_.id;
  report.seconds = Seconds(std::max(Duration::zero(), clock_.Now() - began_));
  const auto use = UseOfThisProcess();
  report.processor_seconds = std::max(0.0, use.processor_seconds - processor_began_);
  report.memory_peak_bytes = use.memory_peak_bytes;
  for (auto& model : models_) {
    if (!model->series.empty() && report.models.size() < wire::kMaxModels)
      report.models.push_back(Told(*model));
    model->series.clear();
  }
  if (watched) {
    report.operator_sampling = operators_->sampling();
    report.operators = operators_->Take(std::min(ask_.operators, wire::kMaxProfileOperators));
  }
  return report;
}

void PeriodicSampler::SwitchOperators() {
  const bool wanted = watch_operators_.load(std::memory_order_relaxed);
  if (wanted == operators_on_) return;
  operators_on_ = wanted;
  operators_->Switch(wanted);
}

void PeriodicSampler::Count(Model& model, ServingPhase phase, const PhaseMark& mark, TimePoint end) {
  MutexLock lock(mutex_);
  if (!active_.load(std::memory_order_relaxed)) return;  // Finish was first
  if (phase == ServingPhase::kQueue) ++model.requests;
  // One that began before the sample is not whole.
  const TimePoint begin{Duration(mark.sampled)};
  if (mark.sampled == 0 || begin < began_ || end < begin) return;
  const Kind kind{phase, SizesLike(mark.size)};
  auto found = model.series.find(kind);
  if (found == model.series.end()) {
    if (model.series.size() >= kMostSeries) return;
    found = model.series.emplace(kind, Series()).first;
    found->second.kept.reserve(kFirstKept);
  }
  auto& series = found->second;
  if (phase == ServingPhase::kPrefill) model.prompt_tokens += mark.prompt;
  if (phase == ServingPhase::kDetokenise) model.generated_tokens += mark.size;
  series.tokens += mark.size;
  series.sum += end - begin;
  if (series.count++ % series.stride != 0) return;
  series.kept.push_back((end - begin).count());
  if (mark.size > 0) series.kept_per_token.push_back(Seconds(end - begin) / mark.size);
  if (series.kept.size() < kKeptSteps) return;
  KeepEverySecond(series.kept);
  KeepEverySecond(series.kept_per_token);
  series.stride *= 2;
}

wire::ProfileReport::Phase PeriodicSampler::Told(const Kind& kind, Series& series) {
  wire::ProfileReport::Phase phase;
  phase.name = profile::PhaseName(kind.phase);
  phase.size_from = kind.sizes.from;
  phase.size_to = kind.sizes.to;
  phase.count = series.count;
  phase.tokens = series.tokens;
  phase.sum_seconds = Seconds(series.sum);
  phase.median_seconds = Seconds(Duration(RankOf(series.kept, 0.5)));
  phase.p95_seconds = Seconds(Duration(RankOf(series.kept, 0.95)));
  phase.median_seconds_per_token = RankOf(series.kept_per_token, 0.5);
  return phase;
}

wire::ProfileReport::Model PeriodicSampler::Told(Model& model) {
  wire::ProfileReport::Model told{
      model.name, model.requests, model.prompt_tokens, model.generated_tokens, {}};
  for (auto& [kind, series] : model.series) told.phases.push_back(Told(kind, series));
  std::stable_sort(told.phases.begin(), told.phases.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  if (told.phases.size() > wire::kMaxProfilePhases) told.phases.resize(wire::kMaxProfilePhases);
  return told;
}

}  // namespace altlas::serve
