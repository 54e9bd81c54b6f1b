// SPDX-License-Identifier: Apache-2.0
#include "periodic/normal.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "profile/statistics.h"

namespace altlas::periodic {

void Normal::Join(double value, const NormalRules& rules) {
  window_.push_back(value);
  while (window_.size() > std::max<std::size_t>(1, rules.window)) window_.pop_front();
}

Judgement Normal::Take(double value, const NormalRules& rules) {
  Judgement judgement;
  judgement.samples = window_.size();
  if (window_.size() < std::max<std::size_t>(1, rules.minimum_samples)) {
    // The rules may have changed in the middle of an anomaly: what is being learned anew is not slow.
    slow_.clear();
    Join(value, rules);
    return judgement;
  }
  const std::vector<double> values(window_.begin(), window_.end());
  judgement.median = profile::Median(values);
  judgement.spread = profile::ScaledMad(values);
  judgement.limit = judgement.median + std::max(rules.threshold * judgement.spread,
                                                rules.minimum_change * std::abs(judgement.median));
  if (!(value > judgement.limit)) {
    // A lone slow one was chance, and chance is a part of the normal: without it the spread would shrink for
    // ever.
    if (slow_.size() == 1) Join(slow_.front(), rules);
    slow_.clear();
    Join(value, rules);
    judgement.verdict = Verdict::kNormal;
    return judgement;
  }
  slow_.push_back(value);
  judgement.slow_in_a_row = slow_.size();
  if (slow_.size() < 2) {
    judgement.verdict = Verdict::kSuspect;
  } else if (slow_.size() < rules.adopt_after) {
    judgement.verdict = Verdict::kAnomaly;
  } else {
    judgement.verdict = Verdict::kAdopted;
    window_.clear();
    for (const double slow : slow_) Join(slow, rules);
    slow_.clear();
  }
  return judgement;
}

}  // namespace altlas::periodic
