// SPDX-License-Identifier: Apache-2.0
#include "profile/intervals.h"

#include <algorithm>

#include "profile/timing.h"

namespace altlas::profile {

IntervalSet UnionOf(std::vector<Interval> intervals) {
  const auto earlier = [](const Interval& a, const Interval& b) { return a.start < b.start; };
  if (!std::is_sorted(intervals.begin(), intervals.end(), earlier))
    std::sort(intervals.begin(), intervals.end(), earlier);
  std::size_t kept = 0;
  for (const auto& next : intervals) {
    if (next.end <= next.start) continue;
    if (kept > 0 && next.start <= intervals[kept - 1].end) {
      intervals[kept - 1].end = std::max(intervals[kept - 1].end, next.end);
    } else {
      intervals[kept++] = next;
    }
  }
  intervals.resize(kept);
  return intervals;
}

IntervalSet UnionOf(const IntervalSet& a, const IntervalSet& b) {
  std::vector<Interval> both(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), both.begin(),
             [](const Interval& x, const Interval& y) { return x.start < y.start; });
  return UnionOf(std::move(both));
}

IntervalSet IntersectionOf(const IntervalSet& a, const IntervalSet& b) {
  IntervalSet both;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const auto start = std::max(a[i].start, b[j].start);
    const auto end = std::min(a[i].end, b[j].end);
    if (start < end) both.push_back({start, end});
    if (a[i].end < b[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return both;
}

IntervalSet ComplementOf(const IntervalSet& set, Interval window) {
  IntervalSet rest;
  auto at = window.start;
  for (const auto& piece : set) {
    if (piece.start >= window.end) break;
    if (piece.start > at) rest.push_back({at, piece.start});
    at = std::max(at, piece.end);
  }
  if (at < window.end) rest.push_back({at, window.end});
  return rest;
}

Ns LengthOf(const IntervalSet& set) {
  Ns length = 0;
  for (const auto& piece : set) length = AddSaturated(length, piece.end - piece.start);
  return length;
}

IntervalLengths::IntervalLengths(IntervalSet set) : set_(std::move(set)), sums_{0} {
  for (const auto& piece : set_) sums_.push_back(AddSaturated(sums_.back(), piece.end - piece.start));
}

Ns IntervalLengths::Before(Ns at) const {
  const auto after =
      std::partition_point(set_.begin(), set_.end(), [at](const Interval& piece) { return piece.end <= at; });
  const auto whole = sums_[static_cast<std::size_t>(after - set_.begin())];
  return after != set_.end() && after->start < at ? AddSaturated(whole, at - after->start) : whole;
}

Ns IntervalLengths::Within(Ns start, Ns end) const {
  return set_.empty() || end <= start ? 0 : Before(end) - Before(start);
}

}  // namespace altlas::profile
