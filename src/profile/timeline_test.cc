// SPDX-License-Identifier: Apache-2.0
#include "profile/timeline.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "profile/timeline_code.h"

namespace altlas::profile {
namespace {

std::vector<TimelineItem> SomeItems(bool crowded) {
  const auto count = *rc::gen::inRange<std::size_t>(1, 3000);
  const auto spread = crowded ? Ns{2'000} : Ns{1'000'000'000};
  std::vector<TimelineItem> items;
  std::mt19937_64 random(*rc::gen::arbitrary<std::uint64_t>());
  for (std::size_t at = 0; at < count; ++at) {
    const auto start = static_cast<Ns>(random() % static_cast<std::uint64_t>(spread)) - spread / 3;
    // Lengths over all magnitudes, and zero.
    const auto length = random() % 7 == 0 ? Ns{0} : static_cast<Ns>(random() % (1ULL << (random() % 24)));
    items.push_back({start, start + length, length, static_cast<std::uint32_t>(random() % 5), 1});
  }
  SortItems(items);
  return items;
}

// By marking boundaries and sweeping: another way than the one under test.
Ns UnionOf(const std::vector<TimelineItem>& items) {
  std::vector<std::pair<Ns, int>> edges;
  for (const auto& item : items) {
    edges.emplace_back(item.start, 1);
    edges.emplace_back(item.end, -1);
  }
  std::sort(edges.begin(), edges.end());
  Ns total = 0;
  int open = 0;
  for (std::size_t at = 0; at + 1 < edges.size(); ++at) {
    open += edges[at].second;
    if (open > 0) total += edges[at + 1].first - edges[at].first;
  }
  return total;
}

template <typename Bars>
std::pair<std::uint64_t, Ns> SumsOf(const Bars& bars) {
  std::pair<std::uint64_t, Ns> sums;
  for (const auto& bar : bars) {
    sums.first += bar.count;
    sums.second += bar.busy;
  }
  return sums;
}

template <typename Bars>
void ExpectNoOverlap(const Bars& bars) {
  for (std::size_t at = 0; at < bars.size(); ++at) {
    RC_ASSERT(bars[at].end >= bars[at].start);
    if (at > 0) RC_ASSERT(bars[at].start >= bars[at - 1].end);
  }
}

RC_GTEST_PROP(TimelineRows, EveryEventHasItsPlaceAndNothingInARowOverlaps, ()) {
  const auto items = SomeItems(*rc::gen::arbitrary<bool>());
  const auto most = *rc::gen::inRange<std::size_t>(1, 20);
  const auto rows = StackRows(items, most);
  RC_ASSERT(rows.size() <= most);
  std::uint64_t events = 0;
  Ns busy = 0;
  for (const auto& row : rows) {
    ExpectNoOverlap(row);
    events += SumsOf(row).first;
    busy += SumsOf(row).second;
    RC_ASSERT(UnionOf(row) >= SumsOf(row).second);
  }
  RC_ASSERT(events == items.size());
  Ns total = 0;
  for (const auto& item : items) total += item.end - item.start;
  RC_ASSERT(busy <= total);
  if (rows.size() < most) RC_ASSERT(busy == total);
  RC_ASSERT(BusyOf(items) == UnionOf(items));
}

RC_GTEST_PROP(TimelineLevels, SumsAreKeptAtEveryLevelWithinTheBudget, ()) {
  const auto rows = StackRows(SomeItems(*rc::gen::arbitrary<bool>()), 12);
  const auto most = *rc::gen::inRange<std::size_t>(1, 4000);
  std::vector<Ns> names(5);
  for (const auto& row : rows) {
    const auto levels = MakeLevels(row, most, names);
    RC_ASSERT(levels.front().bars.size() <= most);
    std::size_t all = 0;
    for (const auto& level : levels) {
      RC_ASSERT(SumsOf(level.bars) == SumsOf(row));
      ExpectNoOverlap(level.bars);
      RC_ASSERT(level.bars.front().start == row.front().start);
      RC_ASSERT(level.bars.back().end == row.back().end);
      for (const auto& bar : level.bars) {
        RC_ASSERT(bar.name_busy <= bar.busy);
        RC_ASSERT(bar.busy <= bar.end - bar.start);
        if (bar.count == 1) RC_ASSERT(bar.busy == bar.end - bar.start);
      }
      all += level.bars.size();
    }
    RC_ASSERT(all <= 2 * most);
    if (row.size() <= most) {
      RC_ASSERT(levels.front().merged_below == 0);
      RC_ASSERT(levels.front().bars.size() == row.size());
    }
  }
}

RC_GTEST_PROP(TimelineLevels, OnlyShortNeighboursAreMerged, ()) {
  auto rows = StackRows(SomeItems(true), 1);
  const Ns length = Ns{1} << *rc::gen::inRange(0, 26);
  std::vector<Ns> names(5);
  const auto bars = MergeBars(rows[0], length, names);
  RC_ASSERT(bars.size() == CountBars(rows[0], length));
  RC_ASSERT(std::all_of(names.begin(), names.end(), [](Ns time) { return time == 0; }));
  std::set<std::pair<Ns, Ns>> longs;
  for (const auto& item : rows[0])
    if (item.end - item.start >= length) longs.emplace(item.start, item.end);
  for (std::size_t at = 0; at < bars.size(); ++at) {
    const auto& bar = bars[at];
    if (bar.end - bar.start > length) RC_ASSERT(longs.count({bar.start, bar.end}) == 1);
    longs.erase({bar.start, bar.end});
    // Two neighbours that are both shorter would be one bar if they fitted.
    if (at > 0 && bar.end - bar.start < length && bars[at - 1].end - bars[at - 1].start < length)
      RC_ASSERT(bar.end - bars[at - 1].start > length);
  }
  RC_ASSERT(longs.empty());
}

TEST(TimelineLevels, TheNameThatTakesMostTimeIsShown) {
  const std::vector<TimelineItem> row = {{0, 10, 10, 1, 1}, {10, 14, 4, 2, 1}, {20, 28, 8, 2, 1}};
  std::vector<Ns> names(3);
  const auto bars = MergeBars(row, 64, names);
  ASSERT_EQ(bars.size(), 1U);
  EXPECT_EQ(bars[0], (TimelineBar{0, 28, 22, 12, 2, 3}));
}

TEST(TimelineRows, NestedCallsLieUnderTheirCaller) {
  std::vector<TimelineItem> items = {
      {0, 100, 100, 0, 1}, {0, 40, 40, 1, 1}, {10, 20, 10, 2, 1}, {50, 90, 40, 1, 1}};
  std::reverse(items.begin(), items.end());
  SortItems(items);
  const auto rows = StackRows(items, 12);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].size(), 1U);
  EXPECT_EQ(rows[1].size(), 2U);
  EXPECT_EQ(rows[2].size(), 1U);
}

std::uint64_t ReadVarint(const std::string& bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.at(at++));
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
}

RC_GTEST_PROP(TimelineCode, WhatIsReadBackIsWhatWasWritten, ()) {
  const auto rows = StackRows(SomeItems(*rc::gen::arbitrary<bool>()), 1);
  std::vector<Ns> names(5);
  const auto level = MakeLevels(rows[0], *rc::gen::inRange<std::size_t>(1, 500), names).front();
  std::string bytes;
  const Ns origin = level.bars.front().start - *rc::gen::inRange<Ns>(0, 1'000'000);
  AppendLevel(bytes, level, origin);
  std::size_t at = 0;
  std::vector<TimelineBar> bars(level.bars.size());
  const auto next = [&] { return static_cast<Ns>(ReadVarint(bytes, at)); };
  for (auto& bar : bars) bar.start = next();
  for (auto& bar : bars) bar.end = next();
  Ns until = origin;
  for (auto& bar : bars) {
    bar.start += until;
    bar.end += bar.start;
    until = bar.end;
  }
  for (auto& bar : bars) bar.name = static_cast<std::uint32_t>(next());
  for (auto& bar : bars) bar.count = static_cast<std::uint32_t>(next());
  for (auto& bar : bars) bar.busy = bar.name_busy = bar.end - bar.start;
  for (auto& bar : bars)
    if (bar.count > 1) bar.busy = next();
  for (auto& bar : bars)
    if (bar.count > 1) bar.name_busy = next();
  RC_ASSERT(at == bytes.size());
  RC_ASSERT(bars == level.bars);
}

void AddKernels(TimelineBuilder& builder, std::size_t count, std::uint32_t stream, Ns gap) {
  static constexpr std::string_view kNames[] = {"gemm", "relu", "layer_norm"};
  KernelEvent kernel;
  kernel.stream = stream;
  for (std::size_t at = 0; at < count; ++at) {
    kernel.start = static_cast<Ns>(at) * gap;
    kernel.end = kernel.start + gap / 2;
    kernel.name = kNames[at % 3];
    builder.OnKernel(kernel);
  }
}

std::pair<std::size_t, std::uint64_t> BarsAndEvents(const Timeline& timeline) {
  std::size_t bars = 0;
  std::uint64_t events = 0;
  for (const auto& lane : timeline.lanes) {
    for (const auto& row : lane.rows) {
      for (const auto& level : row) bars += level.bars.size();
      for (const auto& bar : row.front().bars) events += bar.count;
    }
  }
  return {bars, events};
}

TEST(Timeline, SmallLanesKeepEveryEventAndLargeOnesShareTheRest) {
  TimelineBuilder builder;
  AddKernels(builder, 200'000, 7, 1000);
  AddKernels(builder, 300, 8, 600'000);
  const auto timeline = builder.Build(20'000);
  ASSERT_EQ(timeline.lanes.size(), 2U);
  EXPECT_EQ(timeline.lanes[0].title, "stream 7");
  EXPECT_EQ(timeline.lanes[0].busy, 200'000 * 500);
  EXPECT_EQ(timeline.lanes[0].events, 200'000U);
  EXPECT_EQ(timeline.lanes[1].rows[0].size(), 1U);
  EXPECT_EQ(timeline.lanes[1].rows[0][0].bars.size(), 300U);
  EXPECT_EQ(timeline.lanes[1].rows[0][0].merged_below, 0);
  const auto [bars, events] = BarsAndEvents(timeline);
  EXPECT_LE(bars, 20'000U);
  EXPECT_EQ(events, 200'300U);
  EXPECT_EQ(timeline.events, 200'300U);
  EXPECT_EQ(timeline.origin, 0);
  EXPECT_EQ(timeline.span, 199'999 * 1000 + 500);
  EXPECT_EQ(builder.Build(400).lanes[1].rows[0][0].bars.size() <= 200U, true);
}

TEST(Timeline, PastTheLimitEventsAreMergedWhileReadingAndNoneIsLost) {
  TimelineBuilder builder({.held_events = 5'000});
  AddKernels(builder, 100'000, 7, 1000);
  const auto timeline = builder.Build(10'000);
  EXPECT_EQ(timeline.events, 100'000U);
  EXPECT_EQ(timeline.lanes.at(0).busy, 100'000 * 500);
  EXPECT_EQ(BarsAndEvents(timeline).second, 100'000U);
  ASSERT_EQ(timeline.notes.size(), 1U);
  EXPECT_NE(timeline.notes[0].find("more than 5000 events"), std::string::npos);
}

TEST(Timeline, WhatIsLongAndNestedIsStillThereAfterMerging) {
  TimelineBuilder builder({.held_events = 4'000});
  const auto add = [&](Ns start, Ns length, std::string_view name) {
    OperatorEvent event;
    event.start = start;
    event.end = start + length;
    event.name = name;
    event.thread = 7;
    builder.OnOperator(event);
  };
  for (Ns step = 0; step < 100; ++step) {
    add(step * 1'000'000, 900'000, "outer");
    add(step * 1'000'000 + 1, 700'000, "inner");
    for (Ns at = 0; at < 200; ++at) add(step * 1'000'000 + 10 + at * 100, 50, "short");
  }
  const auto timeline = builder.Build(10'000);
  EXPECT_EQ(timeline.events, 100U * 202);
  EXPECT_EQ(timeline.lanes.at(0).busy, 100 * 900'000);
  ASSERT_EQ(timeline.lanes[0].rows.size(), 3U);
  const auto& nested = timeline.lanes[0].rows[1].at(0).bars;
  ASSERT_EQ(nested.size(), 100U);
  EXPECT_EQ(timeline.names.at(nested[50].name), "inner");
}

TEST(Timeline, ManyLanesBecomeFewAndSaySo) {
  TimelineBuilder builder({.lanes = 10});
  for (std::uint32_t stream = 0; stream < 500; ++stream)
    AddKernels(builder, stream < 10 ? 20 : 3, stream, 1000);
  const auto timeline = builder.Build(100'000);
  ASSERT_EQ(timeline.lanes.size(), 11U);
  EXPECT_EQ(timeline.events, 200U + 490 * 3);
  EXPECT_EQ(BarsAndEvents(timeline).second, 200U + 490 * 3);
  EXPECT_EQ(std::count_if(timeline.lanes.begin(), timeline.lanes.end(),
                          [](const auto& lane) { return lane.title == "490 other streams"; }),
            1);
  EXPECT_FALSE(timeline.notes.empty());
}

TEST(Timeline, SmallLanesOfTwoCapturesAreNotMixed) {
  TimelineBuilder builder({.lanes = 2});
  for (std::uint32_t capture = 0; capture < 2; ++capture) {
    builder.BeginCapture(capture);
    for (std::uint32_t stream = 0; stream < 5; ++stream)
      AddKernels(builder, stream == 0 ? 20 : 3, stream, 1000);
  }
  const auto timeline = builder.Build(100'000);
  ASSERT_EQ(timeline.lanes.size(), 4U);
  for (std::uint32_t capture = 0; capture < 2; ++capture) {
    std::uint64_t events = 0;
    for (const auto& lane : timeline.lanes) events += lane.capture == capture ? lane.events : 0;
    EXPECT_EQ(events, 20U + 4 * 3);
  }
}

// A hostile file: merging could make no room for them, and would be tried anew for each event.
TEST(Timeline, AMillionStreamsAreOneLaneAfterTheFirstThousands) {
  TimelineBuilder builder({.held_events = 40'000});
  KernelEvent kernel;
  kernel.name = "k";
  for (std::uint32_t stream = 0; stream < 200'000; ++stream) {
    kernel.stream = stream;
    kernel.start = stream * 10;
    kernel.end = kernel.start + 5;
    builder.OnKernel(kernel);
  }
  const auto timeline = builder.Build(1'000);
  EXPECT_EQ(timeline.events, 200'000U);
  EXPECT_LE(timeline.lanes.size(), 162U);
  EXPECT_TRUE(std::any_of(timeline.lanes.begin(), timeline.lanes.end(),
                          [](const auto& lane) { return lane.title == "other streams"; }));
  EXPECT_TRUE(std::any_of(timeline.notes.begin(), timeline.notes.end(), [](const std::string& note) {
    return note.find("more streams and threads") != std::string::npos;
  }));
}

TEST(Timeline, NamesTakeNoMoreThanTheirShare) {
  TimelineBuilder builder({.names = 5'000, .name_bytes = 10'000});
  KernelEvent kernel;
  for (int at = 0; at < 20'000; ++at) {
    const auto name = std::string(300, 'x') + std::to_string(at);
    kernel.name = name;
    kernel.start = at * 10;
    kernel.end = kernel.start + (at == 77 ? 9 : 1);
    builder.OnKernel(kernel);
  }
  const auto timeline = builder.Build(50'000);
  std::size_t bytes = 0;
  for (const auto& name : timeline.names) bytes += name.size();
  EXPECT_LE(bytes, 10'020U);
  for (const auto& bar : timeline.lanes.at(0).rows[0][0].bars) ASSERT_LT(bar.name, timeline.names.size());
  EXPECT_EQ(timeline.names.at(timeline.lanes[0].rows[0][0].bars[77].name), std::string(300, 'x') + "77");
}

TEST(Timeline, HostileTimesAndNamesDoNoHarm) {
  TimelineBuilder builder;
  builder.ShiftCapture(0, INT64_MAX);
  KernelEvent kernel;
  const std::string name = std::string(100'000, '\xC3') + "\xA9";
  for (const Ns start : {INT64_MIN, Ns{-5}, Ns{0}, INT64_MAX}) {
    for (const Ns end : {INT64_MIN, Ns{0}, INT64_MAX}) {
      kernel.start = start;
      kernel.end = end;
      kernel.name = start < 0 ? name : std::string_view();
      builder.OnKernel(kernel);
    }
  }
  const auto timeline = builder.Build(1);
  EXPECT_EQ(timeline.events, 12U);
  EXPECT_GE(timeline.span, 0);
  for (const auto& text : timeline.names) EXPECT_LE(text.size(), 512U);
}

TEST(Timeline, CapturesOfOneRunLieOnOneAxis) {
  TimelineBuilder builder;
  for (std::uint32_t capture = 0; capture < 2; ++capture) {
    builder.BeginCapture(capture);
    AddKernels(builder, 2, 7, 1000);
  }
  builder.ShiftCapture(1, 5'000);
  const auto timeline = builder.Build(100);
  ASSERT_EQ(timeline.lanes.size(), 2U);
  EXPECT_EQ(timeline.lanes[1].capture, 1U);
  EXPECT_EQ(timeline.lanes[1].rows[0][0].bars[1].start, 6'000);
  EXPECT_EQ(timeline.span, 6'500);
}

TEST(Timeline, NothingIsAnEmptyTimeline) {
  const auto timeline = TimelineBuilder().Build(1000);
  EXPECT_TRUE(timeline.lanes.empty());
  EXPECT_EQ(timeline.span, 0);
}

TEST(Timeline, ARangeWithoutADomainIsNamedByItsThread) {
  TimelineBuilder builder;
  builder.OnRange({.start = 0, .end = 9, .name = "step", .domain = {}, .thread = 6});
  EXPECT_EQ(builder.Build(10).lanes.at(0).title, "thread 6");
}

TEST(Timeline, KindsHaveLanesOfTheirOwn) {
  TimelineBuilder builder;
  builder.OnRange({.start = 0, .end = 9, .name = "step", .domain = "train", .thread = 5 << 24 | 6});
  builder.OnCopy({.start = 1, .end = 2, .kind = CopyKind::kHostToDevice, .source = MemoryKind::kPageable});
  builder.OnMemset({.start = 1, .end = 2});
  builder.OnApi({.start = 1, .end = 2, .name = "cudaMalloc", .thread = 6});
  builder.OnApi({.start = 1, .end = 2, .name = "cudaMalloc", .thread = 7 << 24 | 6});
  builder.OnSync({.start = 1, .end = 2, .kind = SyncKind::kStream, .device = 0});
  builder.OnOperator({.start = 1, .end = 2, .name = "aten::mm", .thread = 6, .shapes = {}});
  const auto timeline = builder.Build(1000);
  std::vector<std::string> titles;
  for (const auto& lane : timeline.lanes) titles.push_back(lane.title);
  EXPECT_EQ(titles, (std::vector<std::string>{"train, thread 6", "copies and memsets", "synchronization",
                                              "thread 6", "thread 6 of process 0", "thread 6 of process 7"}));
  EXPECT_EQ(timeline.lanes[1].rows.size(), 2U);
  EXPECT_NE(std::find(timeline.names.begin(), timeline.names.end(), "copy host to device, pageable"),
            timeline.names.end());
}

}  // namespace
}  // namespace altlas::profile
