// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "profile/capture.h"
#include "profile/timeline_levels.h"

// What ran when, in levels of detail: the timeline of a report.
namespace altlas::profile {

// In the order in which lanes are shown.
enum class LaneKind : std::uint8_t { kPhases, kKernels, kCopies, kSyncs, kOperators, kCalls };
std::string_view LaneKindName(LaneKind kind);

// One line of the timeline: what ran on one stream, on one thread, ... Rows lie one under another where
// things are nested or run at the same time.
struct TimelineLane {
  LaneKind kind = LaneKind::kKernels;
  std::uint32_t capture = 0;
  std::int32_t device = kNoDevice;
  std::string title;  // "stream 7"
  std::uint64_t events = 0;
  Ns busy = 0;  // the time in which at least one of them runs
  std::vector<TimelineLevels> rows;
};

struct Timeline {
  Ns origin = 0;  // the first start
  Ns span = 0;    // from it to the last end
  std::vector<std::string> names;
  std::vector<TimelineLane> lanes;
  std::uint64_t events = 0;
  std::vector<std::string> notes;  // what was merged or left out, in sentences
};

struct TimelineLimits {
  std::size_t held_events = 16'000'000;  // 32 bytes each; past it the shortest are merged while reading
  std::size_t held_lanes = 20'000;       // told apart while reading; those met later are one of each kind
  std::size_t lanes = 160;               // past it the smallest lanes of a kind and capture become one
  std::size_t rows = 12;                 // of a lane
  std::size_t names = 1'000'000;         // held while reading
  std::size_t name_bytes = 400'000;      // of all names that the timeline keeps, the longest-running first
};

// Collects the events of one or several captures and builds their timeline. Owns what it keeps. Not
// thread-safe. Memory: 32 bytes an event up to the limit, and the names.
class TimelineBuilder : public CaptureSink {
 public:
  explicit TimelineBuilder(TimelineLimits limits = {}) : limits_(limits) {}

  // The events that follow are of this capture.
  void BeginCapture(std::uint32_t capture) { capture_ = capture; }
  // Adds `shift` to the times of a capture's events, so that captures of one run lie on one axis. Before
  // Build.
  void ShiftCapture(std::uint32_t capture, Ns shift);

  void OnKernel(const KernelEvent& event) override;
  void OnCopy(const CopyEvent& event) override;
  void OnMemset(const MemsetEvent& event) override;
  void OnApi(const ApiEvent& event) override;
  void OnSync(const SyncEvent& event) override;
  void OnRange(const RangeEvent& event) override;
  void OnOperator(const OperatorEvent& event) override;

  // The timeline in at most `bars` bars over all levels (never fewer than one a row). May be called again
  // with another number; events that come after the first call are not seen.
  Timeline Build(std::size_t bars);

 private:
  struct LaneKey {
    LaneKind kind;
    std::uint32_t capture;
    std::int32_t device;
    std::uint64_t part;  // stream or thread
    std::string domain;
    auto operator<=>(const LaneKey&) const = default;
  };
  struct Stacked {
    TimelineLane lane;
    std::vector<std::vector<TimelineItem>> rows;
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  struct LaneItems {
    LaneKey key;
    std::vector<TimelineItem> items;
    std::size_t lanes = 1;  // how many lanes of the capture lie in it; 0: more than were told apart
  };

  void Add(const LaneKey& key, Ns start, Ns end, std::string_view name);
  void FindLane(const LaneKey& key);
  std::uint32_t NameId(std::string_view name);
  void Compact();
  std::vector<LaneItems> TakeLanes();
  void Stack();
  void KeepNames(Timeline& timeline) const;

  TimelineLimits limits_;
  std::uint32_t capture_ = 0;
  std::map<std::uint32_t, Ns> shifts_;
  std::map<LaneKey, std::vector<TimelineItem>> lanes_;
  const LaneKey* last_key_ = nullptr;  // of the event before: most come in runs of one lane
  std::vector<TimelineItem>* last_items_ = nullptr;
  std::unordered_map<std::string, std::uint32_t, NameHash, std::equal_to<>> name_ids_;
  std::vector<std::string_view> names_;
  std::size_t held_ = 0;
  Ns merged_below_ = 0;  // while reading
  std::size_t merged_lanes_ = 0;
  bool has_further_lanes_ = false;  // that were not told apart
  bool stacked_ = false;
  std::vector<Stacked> stacks_;
};

}  // namespace altlas::profile
