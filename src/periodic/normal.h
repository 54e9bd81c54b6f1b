// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <deque>
#include <vector>

namespace altlas::periodic {

// When a figure is slow; the keys of `profile.periodic` of the same names.
struct NormalRules {
  std::size_t window = 60;
  std::size_t minimum_samples = 20;
  double threshold = 5;
  double minimum_change = 0.1;
  std::size_t adopt_after = 30;
};

enum class Verdict {
  kLearning,  // too few samples before it: it is one more
  kNormal,
  kSuspect,  // slow, and the one before it was not: chance, until the next one is slow too
  kAnomaly,  // slow, as the one before it
  kAdopted,  // slow for so long that this is the normal from now on
};

struct Judgement {
  Verdict verdict = Verdict::kLearning;
  double median = 0;  // of the window before this sample; 0 where it learns
  double spread =
      0;  // 1.4826 times the median of |x - median| there: a normal distribution's standard deviation
  double limit = 0;               // above it a figure is slow
  std::size_t samples = 0;        // in the window
  std::size_t slow_in_a_row = 0;  // this one included
};

// What is normal for one figure (seconds; more is worse), learned from its last samples, and whether the next
// one is. The rule: x is slow where x - median > max(threshold * spread, minimum_change * median); that is
// the modified z-score of Iglewicz and Hoaglin ("How to Detect and Handle Outliers", ASQC 1993) with a floor,
// so that a figure that never moves does not alarm at a hair. Two slow samples in a row are an anomaly; one
// alone is chance and joins the window with the sample after it. Anomalous samples stay outside the window,
// so that they do not become normal by and by; `adopt_after` of them in a row become the window. Faster
// samples join it at once. A figure that creeps slower than the window forgets is not noticed. Pure: no
// clock, no I/O; the same values give the same verdicts. Not thread-safe. Values are finite.
class Normal {
 public:
  Judgement Take(double value, const NormalRules& rules);
  // An anomaly that the last sample did not end.
  bool slow() const { return slow_.size() >= 2; }

 private:
  void Join(double value, const NormalRules& rules);
  std::deque<double> window_;  // oldest first
  std::vector<double> slow_;   // in a row, up to now
};

}  // namespace altlas::periodic
