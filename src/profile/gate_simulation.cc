// SPDX-License-Identifier: Apache-2.0
#include "profile/gate_simulation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/random.h"

namespace altlas::profile {
namespace {

double DrawNormal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.Unit()));
  return radius * std::cos(2 * std::numbers::pi * random.Unit());
}

// The runs of a whole experiment in the order of time, as factors around 1.
class NoiseSource {
 public:
  NoiseSource(const Noise& noise, Random& random)
      : noise_(noise), random_(random), middle_(Median(noise.recorded)) {
    Jump();
  }
  void Jump() { at_ = random_.Below(noise_.recorded.size()); }
  double Next() {
    const auto index =
        noise_.in_order ? at_++ % noise_.recorded.size() : random_.Below(noise_.recorded.size());
    // A value drawn twice would be a tie, which real times do not have.
    double factor = noise_.recorded[index] / middle_ * (1 + 1e-7 * random_.Unit());
    if (noise_.added_noise > 0) {
      const double keep = noise_.autocorrelation;
      before_ = keep * before_ + std::sqrt(1 - keep * keep) * noise_.added_noise * DrawNormal(random_);
      factor *= std::exp(before_);
    }
    if (noise_.outlier_share > 0 && random_.Unit() < noise_.outlier_share) factor *= 1 + noise_.outlier_size;
    return factor * std::exp(noise_.drift_per_run * static_cast<double>(count_++));
  }

 private:
  const Noise& noise_;
  Random& random_;
  double middle_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
  double before_ = 0;
};

struct DrawnValues {
  std::vector<double> base;
  std::vector<double> head;
};

struct Drawn {
  DrawnValues screen;
  DrawnValues confirm;
};

Drawn DrawInterleaved(const Simulation& simulation, NoiseSource& source) {
  Drawn drawn;
  const auto take_turns = [&](std::size_t pairs, DrawnValues& into) {
    for (std::size_t i = 0; i < pairs; ++i) {
      auto& first = i % 2 == 0 ? into.base : into.head;
      auto& second = i % 2 == 0 ? into.head : into.base;
      first.push_back(source.Next());
      second.push_back(source.Next());
    }
  };
  take_turns(simulation.runs, drawn.screen);
  take_turns(simulation.confirm, drawn.confirm);
  return drawn;
}

Drawn DrawBaselineFirst(const Simulation& simulation, NoiseSource& source) {
  Drawn drawn;
  for (std::size_t i = 0; i < simulation.runs + simulation.confirm; ++i) {
    // As Half() deals them: every second run screens.
    const bool screens = drawn.confirm.base.size() >= simulation.confirm ||
                         (i % 2 == 0 && drawn.screen.base.size() < simulation.runs);
    (screens ? drawn.screen : drawn.confirm).base.push_back(source.Next());
  }
  source.Jump();
  for (std::size_t i = 0; i < simulation.runs; ++i) drawn.screen.head.push_back(source.Next());
  for (std::size_t i = 0; i < simulation.confirm; ++i) drawn.confirm.head.push_back(source.Next());
  return drawn;
}

void Put(Session& session, const std::string& name, const std::vector<double>& factors, double scale,
         std::optional<double> share) {
  session.runs.resize(factors.size());
  auto& metric = session.metrics[name];
  metric.share = share;
  for (const double factor : factors) metric.values.push_back(scale * factor);
}

struct Experiment {
  Stage screen;
  Stage confirm;
};

Experiment Play(const Simulation& simulation, Random& random) {
  Experiment experiment;
  for (std::size_t i = 0; i <= simulation.kernels; ++i) {
    NoiseSource source(simulation.noise, random);
    const Drawn drawn = simulation.design == Design::kInterleaved ? DrawInterleaved(simulation, source)
                                                                  : DrawBaselineFirst(simulation, source);
    const std::string name = i == 0 ? "wall" : fmt::format("kernel:k{}", i);
    const double regression = i == 0   ? simulation.wall_regression
                              : i == 1 ? simulation.kernel_regression
                                       : 0.0;
    std::optional<double> share;
    if (i > 0) share = 1 / static_cast<double>(simulation.kernels);
    constexpr double kBaseMs = 100;
    Put(experiment.screen.base, name, drawn.screen.base, kBaseMs, share);
    Put(experiment.screen.head, name, drawn.screen.head, kBaseMs * (1 + regression), share);
    Put(experiment.confirm.base, name, drawn.confirm.base, kBaseMs, share);
    Put(experiment.confirm.head, name, drawn.confirm.head, kBaseMs * (1 + regression), share);
  }
  return experiment;
}

}  // namespace

Tally Simulate(const Simulation& simulation, std::size_t trials, std::uint64_t seed) {
  Random random(seed);
  Tally tally;
  GateSettings settings = simulation.settings;
  settings.resamples = 0;
  settings.interleaved = simulation.design == Design::kInterleaved;
  std::vector<double> detectable;
  for (; tally.trials < trials; ++tally.trials) {
    const Experiment experiment = Play(simulation, random);
    auto report = Judge(settings, {}, {}, experiment.screen, std::nullopt);
    if (report.has_value() && !report->to_confirm.empty() && simulation.confirm > 0)
      report = Judge(settings, {}, {}, experiment.screen, experiment.confirm);
    if (!report.has_value()) {
      ++tally.inconclusive;
      continue;
    }
    if (!report->metrics.empty()) detectable.push_back(report->metrics.front().detectable);
    tally.pass += report->outcome == Outcome::kPass ? 1 : 0;
    tally.fail += report->outcome == Outcome::kFail ? 1 : 0;
    tally.inconclusive += report->outcome == Outcome::kInconclusive ? 1 : 0;
  }
  tally.detectable_median = Median(detectable);
  return tally;
}

}  // namespace altlas::profile
