// SPDX-License-Identifier: Apache-2.0
#include "profile/timeline_levels.h"

#include <algorithm>

namespace altlas::profile {
namespace {

// A row of so many bars is drawn whole at any zoom: a coarser level would gain nothing.
constexpr std::size_t kDrawnWhole = 2048;
// Above the longest time there is (events are kept within 2^62 ns), so that everything merges.
constexpr int kLongestPower = 63;

Ns PowerOfTwo(int power) {
  return power >= kLongestPower ? INT64_MAX : static_cast<Ns>(std::uint64_t{1} << power);
}

// Calls `group(first, last)` for each run of items that makes one bar.
template <typename Group>
void ForEachGroup(const std::vector<TimelineItem>& row, Ns merged_below, Group group) {
  for (std::size_t first = 0; first < row.size();) {
    std::size_t next = first + 1;
    if (row[first].end - row[first].start < merged_below) {
      while (next < row.size() && row[next].end - row[next].start < merged_below &&
             row[next].end - row[first].start <= merged_below) {
        ++next;
      }
    }
    group(first, next);
    first = next;
  }
}

TimelineBar MergeGroup(const std::vector<TimelineItem>& row, std::size_t first, std::size_t next,
                       std::vector<Ns>& names) {
  TimelineBar bar;
  bar.start = row[first].start;
  bar.end = row[next - 1].end;
  bar.count = 0;
  bar.name = row[first].name;
  for (std::size_t at = first; at < next; ++at) {
    const auto& item = row[at];
    bar.busy += item.busy;
    bar.count += item.count;
    names[item.name] += item.busy;
    if (names[item.name] > bar.name_busy) {
      bar.name = item.name;
      bar.name_busy = names[item.name];
    }
  }
  for (std::size_t at = first; at < next; ++at) names[row[at].name] = 0;
  return bar;
}

}  // namespace

void SortItems(std::vector<TimelineItem>& items) {
  std::sort(items.begin(), items.end(), [](const TimelineItem& a, const TimelineItem& b) {
    if (a.start != b.start) return a.start < b.start;
    if (a.end != b.end) return a.end > b.end;
    return a.name < b.name;
  });
}

std::vector<std::vector<TimelineItem>> StackRows(const std::vector<TimelineItem>& sorted,
                                                 std::size_t max_rows) {
  std::vector<std::vector<TimelineItem>> rows;
  for (const auto& item : sorted) {
    const auto free =
        std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.back().end <= item.start; });
    if (free != rows.end()) {
      free->push_back(item);
    } else if (rows.size() < max_rows) {
      rows.push_back({item});
    } else {
      auto& last = rows.back().back();
      if (item.end > last.end) {
        last.busy += std::min(item.busy, item.end - last.end);
        last.end = item.end;
      }
      last.count += item.count;
    }
  }
  return rows;
}

Ns BusyOf(const std::vector<TimelineItem>& sorted) {
  Ns busy = 0;
  Ns until = INT64_MIN;
  for (const auto& item : sorted) {
    if (item.end <= until) continue;
    busy += until <= item.start ? item.busy : std::min(item.busy, item.end - until);
    until = item.end;
  }
  return busy;
}

std::size_t CountBars(const std::vector<TimelineItem>& row, Ns merged_below) {
  std::size_t count = 0;
  ForEachGroup(row, merged_below, [&](std::size_t, std::size_t) { ++count; });
  return count;
}

std::vector<TimelineBar> MergeBars(const std::vector<TimelineItem>& row, Ns merged_below,
                                   std::vector<Ns>& names) {
  std::vector<TimelineBar> bars;
  bars.reserve(CountBars(row, merged_below));
  ForEachGroup(row, merged_below, [&](std::size_t first, std::size_t next) {
    bars.push_back(MergeGroup(row, first, next, names));
  });
  return bars;
}

Ns MergeLengthFor(const std::vector<TimelineItem>& row, std::size_t most) {
  if (row.size() <= most) return 0;
  int below = 0;
  int enough = kLongestPower;
  while (below < enough) {
    const int middle = (below + enough) / 2;
    if (CountBars(row, PowerOfTwo(middle)) <= most) {
      enough = middle;
    } else {
      below = middle + 1;
    }
  }
  return PowerOfTwo(enough);
}

TimelineLevels MakeLevels(const std::vector<TimelineItem>& row, std::size_t most, std::vector<Ns>& names) {
  TimelineLevels levels;
  most = std::max<std::size_t>(most, 1);
  while (true) {
    const Ns length = MergeLengthFor(row, most);
    levels.push_back({length, MergeBars(row, length, names)});
    const std::size_t bars = levels.back().bars.size();
    if (bars <= kDrawnWhole) return levels;
    most = bars / 2;
  }
}

}  // namespace altlas::profile
