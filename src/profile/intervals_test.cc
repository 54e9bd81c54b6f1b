// SPDX-License-Identifier: Apache-2.0
#include "profile/intervals.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "profile/interner.h"
#include "profile/timing.h"

namespace altlas::profile {
namespace {

constexpr Ns kAxis = 40;

rc::Gen<std::vector<Interval>> AnyIntervals() {
  return rc::gen::container<std::vector<Interval>>(
      rc::gen::map(rc::gen::pair(rc::gen::inRange<Ns>(-kAxis, kAxis), rc::gen::inRange<Ns>(0, 12)),
                   [](const std::pair<Ns, Ns>& pair) {
                     return Interval{pair.first, pair.first + pair.second};
                   }));
}

bool Holds(const std::vector<Interval>& intervals, Ns at) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [at](const Interval& piece) { return piece.start <= at && at < piece.end; });
}

void CheckForm(const IntervalSet& set) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    RC_ASSERT(set[i].start < set[i].end);
    if (i > 0) RC_ASSERT(set[i - 1].end < set[i].start);
  }
}

TEST(Intervals, SetsHoldTheMomentsThatTheirPartsHold) {
  EXPECT_TRUE(rc::check([] {
    const auto a = *AnyIntervals();
    const auto b = *AnyIntervals();
    const auto a_set = UnionOf(a);
    const auto b_set = UnionOf(b);
    const Interval window{*rc::gen::inRange<Ns>(-kAxis, kAxis), *rc::gen::inRange<Ns>(-kAxis, kAxis)};
    const auto either = UnionOf(a_set, b_set);
    const auto both = IntersectionOf(a_set, b_set);
    const auto rest = ComplementOf(a_set, window);
    for (const auto* set : {&a_set, &either, &both, &rest}) CheckForm(*set);
    Ns length = 0;
    for (Ns at = -2 * kAxis; at < 2 * kAxis; ++at) {
      RC_ASSERT(Holds(a_set, at) == Holds(a, at));
      RC_ASSERT(Holds(either, at) == (Holds(a, at) || Holds(b, at)));
      RC_ASSERT(Holds(both, at) == (Holds(a, at) && Holds(b, at)));
      RC_ASSERT(Holds(rest, at) == (!Holds(a, at) && window.start <= at && at < window.end));
      length += Holds(a, at) ? 1 : 0;
    }
    RC_ASSERT(LengthOf(a_set) == length);
  }));
}

TEST(Intervals, LengthsWithinAStretchAreThoseOfItsMoments) {
  EXPECT_TRUE(rc::check([] {
    const auto set = UnionOf(*AnyIntervals());
    const IntervalLengths lengths(set);
    const auto start = *rc::gen::inRange<Ns>(-2 * kAxis, 2 * kAxis);
    const auto end = *rc::gen::inRange<Ns>(-2 * kAxis, 2 * kAxis);
    Ns expected = 0;
    for (auto at = start; at < end; ++at) expected += Holds(set, at) ? 1 : 0;
    RC_ASSERT(lengths.Within(start, end) == expected);
  }));
  EXPECT_EQ(IntervalLengths().Within(0, 10), 0);
}

TEST(Timing, FiguresAreThoseOfTheSortedDurations) {
  EXPECT_TRUE(rc::check([] {
    auto durations = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 1'000'000'000)));
    auto sorted = durations;
    std::sort(sorted.begin(), sorted.end());
    const auto n = sorted.size();
    const auto timing = TimingOf(durations);
    RC_ASSERT(timing.count == n);
    RC_ASSERT(timing.min_ns == sorted.front());
    RC_ASSERT(timing.max_ns == sorted.back());
    std::int64_t total = 0;
    for (const auto duration : sorted) total += duration;
    RC_ASSERT(timing.total_ns == total);
    const auto median =
        n % 2 == 1 ? static_cast<double>(sorted[n / 2])
                   : (static_cast<double>(sorted[n / 2 - 1]) + static_cast<double>(sorted[n / 2])) / 2;
    RC_ASSERT(timing.median_ns == median);
    // The smallest that at least 95 % do not exceed, by trying each.
    const auto p95 = *std::find_if(sorted.begin(), sorted.end(), [&](std::int64_t candidate) {
      const auto within =
          std::count_if(sorted.begin(), sorted.end(), [&](std::int64_t other) { return other <= candidate; });
      return static_cast<std::size_t>(within) * 100 >= n * 95;
    });
    RC_ASSERT(timing.p95_ns == p95);
    double squares = 0;
    for (const auto duration : sorted) squares += std::pow(static_cast<double>(duration) - timing.mean_ns, 2);
    const auto deviation = n > 1 ? std::sqrt(squares / static_cast<double>(n - 1)) : 0;
    RC_ASSERT(std::abs(timing.stddev_ns - deviation) <= 1e-6 * (1 + deviation));
  }));
}

TEST(Timing, SumsStopAtTheLargestNumberInsteadOfTurningNegative) {
  std::vector<std::int64_t> durations(3, std::numeric_limits<std::int64_t>::max() / 2);
  EXPECT_EQ(TimingOf(durations).total_ns, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(AddSaturated(std::numeric_limits<std::int64_t>::min(), -1),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(TimingOf({}).count, 0U);
}

TEST(Interner, EqualTextsHaveOneNumberAndGiantOnesStayDifferent) {
  Interner names;
  EXPECT_EQ(names.Intern("a"), 0U);
  EXPECT_EQ(names.Intern(""), 1U);
  EXPECT_EQ(names.Intern("a"), 0U);
  const std::string giant(1 << 20, 'x');
  const auto first = names.Intern(giant + "1");
  const auto second = names.Intern(giant + "2");
  EXPECT_NE(first, second);
  EXPECT_EQ(names.Intern(giant + "1"), first);
  EXPECT_LT(names.TextOf(first).size(), Interner::kLongestName + 32);
  EXPECT_EQ(names.size(), 4U);
  for (int i = 0; i < 1000; ++i) names.Intern(std::to_string(i));
  EXPECT_EQ(names.Intern("a"), 0U);
  EXPECT_EQ(names.TextOf(0), "a");
}

}  // namespace
}  // namespace altlas::profile
