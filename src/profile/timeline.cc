// SPDX-License-Identifier: Apache-2.0
#include "profile/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/utf8.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kLongestName = 512;
constexpr Ns kFarthest = Ns{1} << 60;                // differences of shifted times stay inside 64 bits
constexpr std::uint64_t kFurtherLanes = UINT64_MAX;  // the part of the lane for those not told apart

std::string_view CutName(std::string_view name) {
  if (name.empty()) return "(no name)";
  if (name.size() <= kLongestName) return name;
  name = name.substr(0, kLongestName);
  return name.substr(0, name.size() - IncompleteUtf8Tail(name));
}

// A stream's part holds its process above 32 bits, a thread's above 24.
std::uint64_t ProcessOf(LaneKind kind, std::uint64_t part) {
  return kind == LaneKind::kKernels ? part >> 32 : part >> 24;
}

std::string LaneTitle(LaneKind kind, std::uint64_t part, const std::string& domain, std::size_t lanes,
                      bool say_process) {
  static constexpr std::array<std::string_view, 6> kMany = {
      "threads with phases", "streams", "devices", "devices", "threads", "threads"};
  if (lanes == 0) return fmt::format("other {}", kMany[static_cast<std::size_t>(kind)]);
  if (lanes > 1) return fmt::format("{} other {}", lanes, kMany[static_cast<std::size_t>(kind)]);
  const auto process = say_process ? fmt::format(" of process {}", ProcessOf(kind, part)) : std::string();
  switch (kind) {
    case LaneKind::kKernels:
      return fmt::format("stream {}{}", part & 0xFFFFFFFF, process);
    case LaneKind::kCopies:
      return "copies and memsets";
    case LaneKind::kSyncs:
      return "synchronization";
    default:
      // Phases of no thread in particular, such as a request's time in the queue.
      if (kind == LaneKind::kPhases && part == 0) return domain.empty() ? "no thread" : domain;
      return fmt::format("{}thread {}{}", domain.empty() ? "" : domain + ", ", part & 0xFFFFFF, process);
  }
}

}  // namespace

std::string_view LaneKindName(LaneKind kind) {
  static constexpr std::array<std::string_view, 6> kNames = {"phases", "kernels",   "copies",
                                                             "syncs",  "operators", "calls"};
  return kNames[static_cast<std::size_t>(kind)];
}

void TimelineBuilder::ShiftCapture(std::uint32_t capture, Ns shift) {
  shifts_[capture] = std::clamp(shift, -kFarthest, kFarthest);
}

void TimelineBuilder::OnKernel(const KernelEvent& event) {
  Add({LaneKind::kKernels, capture_, event.device, std::uint64_t{event.process} << 32 | event.stream, {}},
      event.start, event.end, event.name);
}

void TimelineBuilder::OnCopy(const CopyEvent& event) {
  const bool pageable = event.source == MemoryKind::kPageable || event.target == MemoryKind::kPageable;
  const auto name = fmt::format("copy {}{}", CopyKindName(event.kind), pageable ? ", pageable" : "");
  Add({LaneKind::kCopies, capture_, event.device, 0, {}}, event.start, event.end, name);
}

void TimelineBuilder::OnMemset(const MemsetEvent& event) {
  Add({LaneKind::kCopies, capture_, event.device, 0, {}}, event.start, event.end, "memset");
}

void TimelineBuilder::OnApi(const ApiEvent& event) {
  Add({LaneKind::kCalls, capture_, kNoDevice, event.thread, {}}, event.start, event.end, event.name);
}

void TimelineBuilder::OnSync(const SyncEvent& event) {
  Add({LaneKind::kSyncs, capture_, event.device, 0, {}}, event.start, event.end,
      fmt::format("wait for {}", SyncKindName(event.kind)));
}

void TimelineBuilder::OnRange(const RangeEvent& event) {
  Add({LaneKind::kPhases, capture_, kNoDevice, event.thread,
       std::string(event.domain.empty() ? event.domain : CutName(event.domain).substr(0, 64))},
      event.start, event.end, event.name);
}

void TimelineBuilder::OnOperator(const OperatorEvent& event) {
  Add({LaneKind::kOperators, capture_, kNoDevice, event.thread, {}}, event.start, event.end, event.name);
}

std::uint32_t TimelineBuilder::NameId(std::string_view name) {
  name = CutName(name);
  const auto found = name_ids_.find(name);
  if (found != name_ids_.end()) return found->second;
  if (names_.empty()) names_.emplace_back("(other names)");
  if (names_.size() >= limits_.names) return 0;
  const auto id = static_cast<std::uint32_t>(names_.size());
  const auto place = name_ids_.emplace(std::string(name), id).first;
  names_.emplace_back(place->first);
  return id;
}

void TimelineBuilder::FindLane(const LaneKey& key) {
  // Merging events makes room among few lanes, and none where each event has a lane of its own.
  const auto most = std::min(limits_.held_lanes, limits_.held_events / 4);
  auto place = lanes_.find(key);
  if (place == lanes_.end() && lanes_.size() >= most) {
    has_further_lanes_ = true;
    place = lanes_.try_emplace({key.kind, key.capture, kNoDevice, kFurtherLanes, {}}).first;
  } else if (place == lanes_.end()) {
    place = lanes_.try_emplace(key).first;
  }
  last_key_ = &place->first;
  last_items_ = &place->second;
}

void TimelineBuilder::Add(const LaneKey& key, Ns start, Ns end, std::string_view name) {
  if (last_key_ == nullptr || *last_key_ != key) FindLane(key);
  start = std::clamp(start, -kFarthest, kFarthest);
  end = std::max(start, std::clamp(end, -kFarthest, kFarthest));
  last_items_->push_back({start, end, end - start, NameId(name), 1});
  if (++held_ >= limits_.held_events) Compact();
}

// Merging keeps counts, the busy time of what does not overlap, and what is nested under its caller.
void TimelineBuilder::Compact() {
  for (auto& [key, items] : lanes_) SortItems(items);
  std::vector<Ns> names(names_.size());
  // As many rows as leave room for more events, whatever lies in them.
  const auto room = limits_.held_events / 4 / std::max<std::size_t>(1, lanes_.size());
  const auto most_rows = std::max<std::size_t>(1, std::min(limits_.rows, room));
  merged_below_ = std::max<Ns>(merged_below_, 256);
  while (held_ > limits_.held_events / 2 && merged_below_ < kFarthest) {
    merged_below_ *= 4;
    held_ = 0;
    for (auto& [key, items] : lanes_) {
      const auto rows = StackRows(items, most_rows);
      std::vector<TimelineItem> merged;
      for (const auto& row : rows) {
        for (const auto& bar : MergeBars(row, merged_below_, names))
          merged.push_back({bar.start, bar.end, bar.busy, bar.name, bar.count});
      }
      items.swap(merged);
      SortItems(items);
      held_ += items.size();
    }
  }
}

// The largest lanes as they are; past the limit the rest of a kind and capture in one.
std::vector<TimelineBuilder::LaneItems> TimelineBuilder::TakeLanes() {
  std::vector<LaneItems> lanes;
  for (auto& [key, items] : lanes_) {
    const Ns shift = shifts_[key.capture];
    for (auto& item : items) {
      item.start += shift;
      item.end += shift;
    }
    lanes.push_back({key, std::move(items), key.part == kFurtherLanes ? std::size_t{0} : 1});
  }
  lanes_.clear();
  last_key_ = nullptr;
  if (lanes.size() <= limits_.lanes) return lanes;
  std::stable_sort(lanes.begin(), lanes.end(),
                   [](const auto& a, const auto& b) { return a.items.size() > b.items.size(); });
  std::map<std::pair<LaneKind, std::uint32_t>, LaneItems> others;
  for (std::size_t at = limits_.lanes; at < lanes.size(); ++at) {
    auto& lane = lanes[at];
    auto& other = others[{lane.key.kind, lane.key.capture}];
    if (other.items.empty()) {
      other = std::move(lane);
    } else {
      other.items.insert(other.items.end(), lane.items.begin(), lane.items.end());
      other.lanes = other.lanes == 0 || lane.lanes == 0 ? 0 : other.lanes + 1;
    }
  }
  merged_lanes_ = lanes.size() - limits_.lanes;
  lanes.resize(limits_.lanes);
  for (auto& [kind_and_capture, other] : others) lanes.push_back(std::move(other));
  std::stable_sort(lanes.begin(), lanes.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return lanes;
}

void TimelineBuilder::Stack() {
  stacked_ = true;
  auto lanes = TakeLanes();
  std::map<LaneKind, std::set<std::uint64_t>> processes;
  for (const auto& lane : lanes) processes[lane.key.kind].insert(ProcessOf(lane.key.kind, lane.key.part));
  for (auto& [key, items, count] : lanes) {
    SortItems(items);
    Stacked stacked;
    stacked.lane.kind = key.kind;
    stacked.lane.capture = key.capture;
    stacked.lane.device = key.device;
    stacked.lane.busy = BusyOf(items);
    stacked.lane.title = LaneTitle(key.kind, key.part, key.domain, count, processes[key.kind].size() > 1);
    for (const auto& item : items) stacked.lane.events += item.count;
    stacked.rows = StackRows(items, limits_.rows);
    stacks_.push_back(std::move(stacked));
    items = {};
  }
}

// Every name that a bar shows gets a place in the timeline's own list, the longest-running first.
void TimelineBuilder::KeepNames(Timeline& timeline) const {
  std::map<std::uint32_t, Ns> busy;
  const auto for_each_bar = [&](auto visit) {
    for (auto& lane : timeline.lanes)
      for (auto& row : lane.rows)
        for (auto& level : row)
          for (auto& bar : level.bars) visit(bar);
  };
  for_each_bar([&](const TimelineBar& bar) { busy[bar.name] += bar.name_busy / 64 + 1; });
  std::vector<std::pair<Ns, std::uint32_t>> order;
  for (const auto& [name, time] : busy) order.emplace_back(-time, name);
  std::sort(order.begin(), order.end());
  timeline.names = {"(other names)"};
  std::vector<std::uint32_t> place(names_.size(), 0);
  std::size_t bytes = 0;
  std::size_t left_out = 0;
  for (const auto& [time, name] : order) {
    if (name == 0) continue;
    if (bytes + names_[name].size() > limits_.name_bytes) {
      ++left_out;
      continue;
    }
    bytes += names_[name].size();
    place[name] = static_cast<std::uint32_t>(timeline.names.size());
    timeline.names.emplace_back(names_[name]);
  }
  if (left_out > 0)
    timeline.notes.push_back(fmt::format("{} rare names are shown as \"(other names)\".", left_out));
  for_each_bar([&](TimelineBar& bar) { bar.name = place[bar.name]; });
}

Timeline TimelineBuilder::Build(std::size_t bars) {
  if (!stacked_) Stack();
  Timeline timeline;
  std::vector<const std::vector<TimelineItem>*> by_size;
  Ns first = INT64_MAX;
  Ns last = INT64_MIN;
  for (const auto& stacked : stacks_) {
    for (const auto& row : stacked.rows) {
      by_size.push_back(&row);
      first = std::min(first, row.front().start);
      last = std::max(last, row.back().end);
    }
  }
  timeline.origin = by_size.empty() ? 0 : first;
  timeline.span = by_size.empty() ? 0 : last - first;
  // Small rows are kept whole, and what they leave goes to the large ones. Half of the bars are for the
  // finest levels: the coarser ones of a row are together fewer than its finest.
  std::stable_sort(by_size.begin(), by_size.end(), [](auto* a, auto* b) { return a->size() < b->size(); });
  std::size_t left = bars / 2;
  std::size_t share = 0;
  for (std::size_t at = 0; at < by_size.size(); ++at) {
    share = left / (by_size.size() - at);
    left -= std::min(left, std::min(share, by_size[at]->size()));
    if (by_size[at]->size() > share) break;
  }
  std::vector<Ns> names(names_.size());
  for (const auto& stacked : stacks_) {
    timeline.lanes.push_back(stacked.lane);
    timeline.events += stacked.lane.events;
    for (const auto& row : stacked.rows) timeline.lanes.back().rows.push_back(MakeLevels(row, share, names));
  }
  if (merged_below_ > 0) {
    timeline.notes.push_back(
        fmt::format("The capture holds more than {} events: those shorter than {} ns were merged "
                    "with their neighbours while it was read.",
                    limits_.held_events, merged_below_));
  }
  if (has_further_lanes_)
    timeline.notes.emplace_back(
        "The capture has more streams and threads than are told apart here: the further ones are shown "
        "together.");
  if (merged_lanes_ > 0)
    timeline.notes.push_back(
        fmt::format("The {} smallest lanes are shown together, by kind.", merged_lanes_));
  KeepNames(timeline);
  return timeline;
}

}  // namespace altlas::profile
