// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "profile/events.h"

// Levels of detail of one row of a timeline: at each level events shorter than a length are merged with their
// neighbours, so that a page draws millions of events from some thousand bars. Pure; nothing here blocks.
namespace altlas::profile {

// A stretch of a row: one event (`count` 1) or neighbours merged. `busy` is the time in which something runs.
struct TimelineItem {
  Ns start = 0;
  Ns end = 0;
  Ns busy = 0;
  std::uint32_t name = 0;
  std::uint32_t count = 1;
};

// What is drawn: events from `start` to `end`, of which those called `name` take `name_busy` of `busy`, more
// than any other name.
struct TimelineBar {
  Ns start = 0;
  Ns end = 0;
  Ns busy = 0;
  Ns name_busy = 0;
  std::uint32_t name = 0;
  std::uint32_t count = 1;
  bool operator==(const TimelineBar&) const = default;
};

// Bars in the order of time that do not overlap. Events shorter than `merged_below` (0: none) are merged with
// neighbours into bars no longer than it.
struct TimelineLevel {
  Ns merged_below = 0;
  std::vector<TimelineBar> bars;
};

// Finest first.
using TimelineLevels = std::vector<TimelineLevel>;

// Sorts by start, longer first.
void SortItems(std::vector<TimelineItem>& items);

// Deals sorted items to at most `max_rows` rows in which nothing overlaps: each goes to the first row that is
// free, so that what is nested lies under what holds it. What finds no free row is merged into the last one.
// Every row's sum of `count` and the rows' sum of them are kept; a row's sum of `busy` is the time in which
// something runs in it.
std::vector<std::vector<TimelineItem>> StackRows(const std::vector<TimelineItem>& sorted,
                                                 std::size_t max_rows);

// The time in which at least one of the sorted items runs.
Ns BusyOf(const std::vector<TimelineItem>& sorted);

// How many bars a row has where what is shorter than `merged_below` is merged.
std::size_t CountBars(const std::vector<TimelineItem>& row, Ns merged_below);
// These bars. `names` is a scratch, zero at each name's place before and after.
std::vector<TimelineBar> MergeBars(const std::vector<TimelineItem>& row, Ns merged_below,
                                   std::vector<Ns>& names);
// The smallest length (0, or a power of two) at which a row has no more than `most` bars (at least 1).
Ns MergeLengthFor(const std::vector<TimelineItem>& row, std::size_t most);

// All levels of a row: the finest has at most `most` bars, each next one at most half of the one before, down
// to some thousand. Together fewer than 2 * `most`.
TimelineLevels MakeLevels(const std::vector<TimelineItem>& row, std::size_t most, std::vector<Ns>& names);

}  // namespace altlas::profile
