// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "profile/events.h"

namespace altlas::profile {

// A stretch of time, end not below start; the end itself is outside. Empty ones have no length and touch
// nothing.
struct Interval {
  Ns start = 0;
  Ns end = 0;
  bool operator==(const Interval&) const = default;
};

// A set of moments: sorted stretches that neither touch nor overlap, none of them empty.
using IntervalSet = std::vector<Interval>;

// The union of any stretches, in any order.
IntervalSet UnionOf(std::vector<Interval> intervals);
IntervalSet UnionOf(const IntervalSet& a, const IntervalSet& b);
// The moments that both hold.
IntervalSet IntersectionOf(const IntervalSet& a, const IntervalSet& b);
// The moments of `window` that `set` does not hold.
IntervalSet ComplementOf(const IntervalSet& set, Interval window);
// How long a set is.
Ns LengthOf(const IntervalSet& set);

// Lengths of a set within stretches, each in O(log n).
class IntervalLengths {
 public:
  IntervalLengths() = default;
  explicit IntervalLengths(IntervalSet set);
  Ns Within(Ns start, Ns end) const;

 private:
  // Length of what lies before `at`.
  Ns Before(Ns at) const;
  IntervalSet set_;
  std::vector<Ns> sums_;  // length of the first i stretches
};

}  // namespace altlas::profile
