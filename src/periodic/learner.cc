// SPDX-License-Identifier: Apache-2.0
#include "periodic/learner.h"

#include <fmt/format.h>

namespace altlas::periodic {
namespace {

constexpr std::size_t kLongestWhy = 4096;

std::string Time(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3g} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} us", seconds * 1e6);
}

void AddSentence(std::string& why, const std::string& sentence) {
  if (why.size() + sentence.size() + 2 > kLongestWhy) return;
  why += (why.empty() ? "" : "; ") + sentence;
}

}  // namespace

std::string Sentence(const store::ProfileRow& row, const store::ProfileMeasure& measure,
                     const Judgement& judgement) {
  const bool token = measure.name.starts_with("prefill");
  return fmt::format(
      "{} of {} on {} took {} a {}; normal is {} (spread {}, {} samples): {:+.0f} %, the limit is {}",
      measure.name, row.model, row.device, Time(measure.seconds), token ? "token" : "step",
      Time(judgement.median), Time(judgement.spread), judgement.samples,
      (measure.seconds / judgement.median - 1) * 100, Time(judgement.limit));
}

std::vector<Change> Learner::Take(store::ProfileRow& row) {
  std::vector<Change> changes;
  row.anomaly = false;
  row.why.clear();
  for (auto& measure : row.measures) {
    measure.anomaly = false;
    measure.normal = measure.spread = 0;
    measure.samples = 0;
    const Figure figure{row.model, row.device, measure.name};
    auto found = normals_.find(figure);
    if (found == normals_.end()) {
      if (normals_.size() >= kMostFigures) continue;
      found = normals_.emplace(figure, Normal()).first;
    }
    auto& normal = found->second;
    const bool was_slow = normal.slow();
    const auto judgement = normal.Take(measure.seconds, rules_);
    measure.normal = judgement.median;
    measure.spread = judgement.spread;
    measure.samples = static_cast<std::int64_t>(judgement.samples);
    measure.anomaly = judgement.verdict == Verdict::kAnomaly;
    if (measure.anomaly) {
      const auto sentence = Sentence(row, measure, judgement);
      row.anomaly = true;
      AddSentence(row.why, sentence);
      if (!was_slow) changes.push_back({Change::Kind::kBegan, sentence});
    } else if (judgement.verdict == Verdict::kAdopted) {
      changes.push_back(
          {Change::Kind::kAdopted, fmt::format("{}; it has been so for {} samples and is the normal now",
                                               Sentence(row, measure, judgement), judgement.slow_in_a_row)});
    } else if (was_slow && judgement.verdict == Verdict::kLearning) {
      changes.push_back(
          {Change::Kind::kEnded,
           fmt::format("{} of {} on {} is learned anew: minimum_samples is {} now, and there are {}",
                       measure.name, row.model, row.device, rules_.minimum_samples, judgement.samples)});
    } else if (was_slow) {
      changes.push_back({Change::Kind::kEnded, Sentence(row, measure, judgement)});
    }
  }
  return changes;
}

}  // namespace altlas::periodic
