// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/sample.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "worker/bench/units.h"

namespace altlas::bench {
namespace {

TEST(Sample, FactsOfKnownValues) {
  const auto facts = FactsOf({5, 1, 4, 2, 3, 100});
  EXPECT_EQ(facts.count, 6u);
  EXPECT_DOUBLE_EQ(facts.median, 3.5);
  EXPECT_DOUBLE_EQ(facts.mad, 1.5);
  EXPECT_DOUBLE_EQ(facts.least, 1);
  EXPECT_DOUBLE_EQ(facts.most, 100);
  EXPECT_DOUBLE_EQ(facts.p90, 100) << "nearest rank: the sixth of six";
  EXPECT_DOUBLE_EQ(facts.mean, 115.0 / 6);
}

TEST(Sample, PercentilesAreNearestRanks) {
  std::vector<double> hundred;
  for (int i = 1; i <= 100; ++i) hundred.push_back(101 - i);
  const auto facts = FactsOf(hundred);
  EXPECT_DOUBLE_EQ(facts.p90, 90);
  EXPECT_DOUBLE_EQ(facts.p95, 95);
  EXPECT_DOUBLE_EQ(facts.p99, 99);
  EXPECT_DOUBLE_EQ(facts.median, 50.5);
}

// 28 / 100 * 25 is 7.000000000000001 in binary: the eighth, where the definition says the seventh.
TEST(Sample, WholePercentagesAreNotRoundedUpTwice) {
  std::vector<double> ascending(25);
  std::iota(ascending.begin(), ascending.end(), 1.0);
  EXPECT_EQ(NearestRank(ascending, 28), 7);
  EXPECT_EQ(NearestRank(ascending, 56), 14);
}

TEST(Sample, NothingAndOneValue) {
  EXPECT_EQ(FactsOf({}).count, 0u);
  EXPECT_EQ(MedianOf({}), 0);
  const auto one = FactsOf({7});
  EXPECT_EQ(one.median, 7);
  EXPECT_EQ(one.p99, 7);
  EXPECT_EQ(one.mad, 0);
}

// The definition, counted out: the smallest value that at least so many percent do not exceed.
TEST(Sample, NearestRankIsItsDefinition) {
  EXPECT_TRUE(rc::check([] {
    auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(
        rc::gen::map(rc::gen::inRange(-50, 50), [](int v) { return static_cast<double>(v); })));
    const int percent = *rc::gen::inRange(1, 101);
    std::sort(values.begin(), values.end());
    double expected = values.back();
    for (const double candidate : values) {
      const auto covered =
          std::count_if(values.begin(), values.end(), [&](double v) { return v <= candidate; });
      if (100 * covered >= percent * static_cast<std::ptrdiff_t>(values.size())) {
        expected = candidate;
        break;
      }
    }
    RC_ASSERT(NearestRank(values, percent) == expected);
  }));
}

TEST(Units, BytesForPeople) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(1536), "1,536 B");
  EXPECT_EQ(BytesText(10'239), "10,239 B");
  EXPECT_EQ(BytesText(10'240), "10.0 KiB");
  EXPECT_EQ(BytesText(5.5 * 1024 * 1024 * 1024), "5.5 GiB");
  EXPECT_EQ(SignedBytesText(-2048), "-2,048 B");
  EXPECT_EQ(SignedBytesText(-0.2), "0 B");
  EXPECT_EQ(SignedBytesText(std::numeric_limits<double>::infinity()), "no upper bound");
  EXPECT_EQ(SignedBytesText(-std::numeric_limits<double>::infinity()), "no lower bound");
}

}  // namespace
}  // namespace altlas::bench
