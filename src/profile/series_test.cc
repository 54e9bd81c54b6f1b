// SPDX-License-Identifier: Apache-2.0
#include "profile/series.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace altlas::profile {
namespace {

RC_GTEST_PROP(ThinSeries, EndsAndExtremesStay, ()) {
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  std::vector<SeriesPoint> points(*rc::gen::inRange<std::size_t>(1, 5000));
  Ns at = -1000;
  for (auto& point : points) {
    at += static_cast<Ns>(random() % 50) * (random() % 100 == 0 ? 1000 : 1);
    point = {at, static_cast<double>(random() % 100'000)};
  }
  const auto buckets = *rc::gen::inRange<std::size_t>(1, 300);
  const auto thin = ThinSeries(points, buckets);
  RC_ASSERT(thin.size() <= std::max(buckets * 4, std::size_t{1}));
  RC_ASSERT(thin.front() == points.front());
  RC_ASSERT(thin.back() == points.back());
  const auto less = [](const SeriesPoint& a, const SeriesPoint& b) { return a.value < b.value; };
  RC_ASSERT(std::max_element(thin.begin(), thin.end(), less)->value ==
            std::max_element(points.begin(), points.end(), less)->value);
  RC_ASSERT(std::min_element(thin.begin(), thin.end(), less)->value ==
            std::min_element(points.begin(), points.end(), less)->value);
  std::size_t from = 0;  // a subsequence
  for (const auto& point : thin) {
    while (from < points.size() && !(points[from] == point)) ++from;
    RC_ASSERT(from < points.size());
    ++from;
  }
}

std::vector<Series> Built(SeriesBuilder& builder, CaptureFormat format = CaptureFormat::kCollector) {
  CaptureInfo info;
  info.format = format;
  builder.EndCapture(info);
  return builder.Build(1000);
}

AllocationEvent Taken(Ns at, std::uint64_t bytes, bool is_free = false) {
  return {.at = at, .is_free = is_free, .bytes = bytes, .kind = MemoryKind::kDevice, .device = 0};
}

TEST(Series, MemoryIsSummedUpInTheOrderOfTimeNotOfTheFile) {
  SeriesBuilder builder;
  builder.OnAllocation(Taken(30, 100, true));
  builder.OnAllocation(Taken(10, 100));
  builder.OnAllocation(Taken(20, 50));
  const auto all = builder.Build(100);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].points, (std::vector<SeriesPoint>{{10, 100}, {20, 150}, {30, 50}}));
  EXPECT_EQ(all[0].largest, 150);
  EXPECT_EQ(all[0].largest_at, 20);
  EXPECT_EQ(all[0].name, "device memory");
  EXPECT_TRUE(all[0].note.empty());
}

TEST(Series, GivingBackWhatWasTakenBeforeIsSaid) {
  SeriesBuilder builder;
  builder.OnAllocation(Taken(10, 70, true));
  builder.OnAllocation(Taken(20, 30));
  const auto all = builder.Build(100);
  EXPECT_EQ(all.at(0).points, (std::vector<SeriesPoint>{{10, 0}, {20, 30}}));
  EXPECT_NE(all[0].note.find("before the capture began"), std::string::npos);
}

TEST(Series, TotalsOfTheAllocatorAreTakenAsTheyAre) {
  SeriesBuilder builder;
  auto event = Taken(10, 70);
  event.allocated_total = 1070;
  event.reserved_total = 2000;
  builder.OnAllocation(event);
  const auto all = builder.Build(100);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].largest, 1070);
  EXPECT_EQ(all[1].kind, Series::Kind::kReserved);
  EXPECT_EQ(all[1].largest, 2000);
}

TEST(Series, ATotalOfZeroAfterOthersIsATotal) {
  SeriesBuilder builder;
  auto event = Taken(10, 70);
  event.allocated_total = 70;
  builder.OnAllocation(event);
  builder.OnAllocation(Taken(20, 70, true));
  const auto all = builder.Build(100);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].points, (std::vector<SeriesPoint>{{10, 70}, {20, 0}}));
  EXPECT_TRUE(all[0].note.empty());
}

TEST(Series, TotalsSinceTheStartAreShownAsRates) {
  SeriesBuilder builder;
  constexpr Ns kTenth = 100'000'000;
  for (int i = 0; i <= 10; ++i) {  // two processors busy for half a second, then none
    const double seconds = 0.2 * std::min(i, 5);
    builder.OnCounter({.at = kTenth * i, .name = "cpu_seconds", .value = seconds});
    builder.OnCounter({.at = kTenth * i, .name = "read_bytes", .value = i == 7 ? 3.0 : 4.0 * i});
    builder.OnCounter({.at = kTenth * i, .name = "rss_bytes", .value = 100.0 * i});
    // A thread that made 15 ends at 0.5 s.
    builder.OnCounter(
        {.at = kTenth * i, .name = "voluntary_switches", .value = 10.0 * i - (i >= 5 ? 15 : 0)});
  }
  builder.OnCounter({.at = 0, .name = "written_bytes", .value = 5});
  const auto all = Built(builder);
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[0].name, "cpu_cores");
  EXPECT_EQ(all[0].points.front().at, 0);
  EXPECT_NEAR(all[0].points.front().value, 2, 1e-9);
  EXPECT_NEAR(all[0].points[1].value, 2.0 * 2 / 3, 1e-9) << "from 300 to 600 ms, busy until 500";
  EXPECT_EQ(all[0].points.back().at, 10 * kTenth);
  EXPECT_EQ(all[0].points.back().value, 0);
  EXPECT_EQ(all[1].name, "read_bytes_per_second");
  EXPECT_NEAR(all[1].largest, 40, 1e-9) << "one low reading is none";
  EXPECT_EQ(all[2].name, "rss_bytes");
  EXPECT_EQ(all[3].name, "voluntary_switches_per_second");
  EXPECT_NEAR(all[3].points[0].value, 100, 1e-9);
  EXPECT_NEAR(all[3].points[1].value, (10.0 + 0 + 10) / 0.3, 1e-9)
      << "from 300 to 600 ms: one step is not known";
  EXPECT_NEAR(all[3].points[2].value, 100, 1e-9);
  EXPECT_EQ(all[4].name, "written_bytes") << "one reading has no rate";
}

constexpr Ns kMs = 1'000'000;

// Busy with one core, read every 100 ms, and a last time half a millisecond after 1.2 s, one tick later.
TEST(Series, AShortRemainderIsNoStretchOfItsOwn) {
  SeriesBuilder builder;
  for (int i = 0; i <= 12; ++i)
    builder.OnCounter({.at = 100 * kMs * i, .name = "cpu_seconds", .value = 0.1 * i});
  builder.OnCounter({.at = 1200 * kMs + kMs / 2, .name = "cpu_seconds", .value = 1.21});
  const auto all = Built(builder);
  EXPECT_EQ(all.at(0).name, "cpu_cores");
  EXPECT_LT(all[0].largest, 1.04);
  EXPECT_EQ(all[0].points.back().at, 1200 * kMs + kMs / 2);
}

TEST(Series, ATotalToldForLessThanAStretchStaysOne) {
  SeriesBuilder builder;
  builder.OnCounter({.at = 0, .name = "cpu_seconds", .value = 0});
  builder.OnCounter({.at = kMs / 2, .name = "cpu_seconds", .value = 0.01});
  const auto all = Built(builder);
  EXPECT_EQ(all.at(0).name, "cpu_seconds");
  EXPECT_EQ(all[0].largest, 0.01);
}

// A child of 30 s of processor time ends between the readings of its parent and its own.
TEST(Series, AReadingThatMissesAChildUndoesNoRate) {
  SeriesBuilder builder;
  for (int i = 0; i <= 10; ++i)
    builder.OnCounter({.at = 300 * kMs * i, .name = "cpu_seconds", .value = i == 5 ? 0.5 : 30 + 0.3 * i});
  const auto all = Built(builder);
  EXPECT_EQ(all.at(0).name, "cpu_cores");
  EXPECT_NEAR(all[0].largest, 2, 1e-9) << "the second after the missed one, both told in it";
  // A descendant that leaves for good takes its total along.
  for (int i = 0; i <= 10; ++i)
    builder.OnCounter({.at = 300 * kMs * i, .name = "cpu_seconds", .value = 0.3 * i + (i < 5 ? 30 : 0)});
  EXPECT_NEAR(Built(builder).at(0).largest, 1, 1e-9);
}

TEST(Series, OnlyOurOwnTotalsBecomeRates) {
  SeriesBuilder builder;
  for (int i = 0; i <= 10; ++i)
    builder.OnCounter({.at = 300 * kMs * i, .name = "read_bytes", .value = 5.0 * i});
  EXPECT_EQ(Built(builder, CaptureFormat::kKinetoJson).at(0).name, "read_bytes");
  SeriesBuilder of_a_device;
  for (int i = 0; i <= 10; ++i)
    of_a_device.OnCounter({.at = 300 * kMs * i, .name = "read_bytes", .value = 5.0 * i, .device = 0});
  EXPECT_EQ(Built(of_a_device).at(0).name, "read_bytes");
}

TEST(Series, ARateSaysThatItIsOfTheFirstRecords) {
  SeriesBuilder builder(20);
  for (int i = 0; i <= 50; ++i)
    builder.OnCounter({.at = 100 * kMs * i, .name = "cpu_seconds", .value = 0.1 * i});
  const auto all = Built(builder);
  EXPECT_EQ(all.at(0).name, "cpu_cores");
  EXPECT_NE(all[0].note.find("first 20 records"), std::string::npos) << all[0].note;
}

TEST(Series, CountersStayApartByCaptureAndHostileOnesAreBounded) {
  SeriesBuilder builder(10);
  for (std::uint32_t capture = 0; capture < 2; ++capture) {
    builder.BeginCapture(capture);
    builder.ShiftCapture(capture, capture == 1 ? INT64_MAX : 0);
    builder.OnCounter({.at = INT64_MIN, .name = "rss_bytes", .value = 5});
    builder.OnCounter({.at = 3, .name = "rss_bytes", .value = std::numeric_limits<double>::quiet_NaN()});
  }
  for (int at = 0; at < 1000; ++at) {
    const auto name = "counter" + std::to_string(at);
    builder.OnCounter({.at = at, .name = name, .value = 1});
    builder.OnCounter({.at = at, .name = "rss_bytes", .value = 1});
  }
  const auto all = builder.Build(10);
  EXPECT_EQ(all.size(), 256U);
  EXPECT_EQ(
      std::count_if(all.begin(), all.end(), [](const auto& series) { return series.name == "rss_bytes"; }),
      2);
  for (const auto& series : all) EXPECT_LE(series.points.size(), 10U);
}

}  // namespace
}  // namespace altlas::profile
