// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <queue>

#include "profile/analysis_parts.h"
#include "profile/kernel_name.h"

namespace altlas::profile {
namespace {

// HTA's default for kernels that follow one another (consecutive_kernel_delay).
constexpr Ns kBetweenNs = 30;
// A launch takes 5 to 20 us on the host (HTA): less than that between two launches is launching.
constexpr Ns kLaunchingNs = 20'000;
constexpr std::size_t kLongestGapsShown = 20;

enum GapCause : std::uint8_t { kByLaunch, kByCopy, kByData, kByHost, kByQueued, kByBetween, kByUnknown };
constexpr std::array<const char*, 7> kGapCauseNames = {"launch", "copy",    "data",   "host",
                                                       "queued", "between", "unknown"};
using GapParts = std::array<std::int64_t, kGapCauseNames.size()>;

// What each thread of a source did, for the time before a launch.
struct HostTimes {
  std::vector<IntervalLengths> copying;          // by thread: in a copy call
  std::vector<IntervalLengths> copying_or_data;  // or in a range that loads data
};

HostTimes HostTimesOf(const Work& work, const SourceWork& source) {
  const auto& columns = source.columns;
  const auto& names = work.names;
  std::vector<std::vector<Interval>> copying(columns.threads.items.size());
  std::vector<std::vector<Interval>> either(copying.size());
  std::vector<bool> is_copy(names.api.size());
  for (std::uint32_t name = 0; name < is_copy.size(); ++name)
    is_copy[name] = IsCopyCall(names.api.TextOf(name));
  for (const auto& call : columns.api) {
    if (!is_copy[call.name]) continue;
    copying[call.thread].push_back({call.start, columns.EndOf(call)});
    either[call.thread].push_back({call.start, columns.EndOf(call)});
  }
  std::vector<bool> is_data(names.phases.items.size());
  for (std::uint32_t phase = 0; phase < is_data.size(); ++phase)
    is_data[phase] = IsDataName(names.texts.TextOf(names.phases.items[phase].name), false);
  for (const auto& range : columns.ranges)
    if (is_data[range.name]) either[range.thread].push_back({range.start, range.end});
  std::vector<bool> is_data_operator(names.operators.size());
  for (std::uint32_t name = 0; name < is_data_operator.size(); ++name)
    is_data_operator[name] = IsDataName(names.operators.TextOf(name), true);
  for (const auto& call : columns.operators)
    if (is_data_operator[call.name]) either[call.thread].push_back({call.start, call.end});
  HostTimes times;
  for (auto& pieces : copying) times.copying.emplace_back(UnionOf(std::move(pieces)));
  for (auto& pieces : either) times.copying_or_data.emplace_back(UnionOf(std::move(pieces)));
  return times;
}

// One idle stretch of a device before a piece of work that `call` asked for (null: not in the capture).
void AddIdle(const Columns& columns, Interval idle, const ApiRow* call, const HostTimes& host,
             GapParts& parts) {
  const auto length = idle.end - idle.start;
  if (length <= kBetweenNs) {
    parts[kByBetween] += length;
  } else if (call == nullptr) {
    parts[kByUnknown] += length;
  } else if (call->start < idle.start) {
    parts[columns.EndOf(*call) <= idle.start ? kByQueued : kByLaunch] += length;
  } else {
    const auto asked = std::min(call->start, idle.end);
    const auto before = asked - idle.start;
    parts[kByLaunch] += idle.end - asked;
    if (before <= kLaunchingNs) {
      parts[kByLaunch] += before;
      return;
    }
    const auto copying = host.copying[call->thread].Within(idle.start, asked);
    const auto either = host.copying_or_data[call->thread].Within(idle.start, asked);
    parts[kByCopy] += copying;
    parts[kByData] += either - copying;
    parts[kByHost] += before - either;
  }
}

struct LongGap {
  Interval time;
  std::uint32_t device = 0;
  GapCause cause = kByUnknown;
  std::uint32_t before = kNoRow;  // rows of kernels
  std::uint32_t after = kNoRow;
  // The longest first; places decide between equal ones.
  bool operator<(const LongGap& other) const {
    const auto a = time.end - time.start;
    const auto b = other.time.end - other.time.start;
    if (a != b) return a > b;
    return device != other.device ? device < other.device : time.start < other.time.start;
  }
};

class GapSums {
 public:
  // Room for the gaps between so many kernels: a list that grows is held twice at times.
  explicit GapSums(std::size_t kernels) { lengths_.reserve(kernels); }

  void Add(const LongGap& gap, const GapParts& parts) {
    lengths_.push_back(gap.time.end - gap.time.start);
    for (std::size_t cause = 0; cause < parts.size(); ++cause) {
      if (parts[cause] == 0) continue;
      ++counts_[cause];
      totals_[cause] = AddSaturated(totals_[cause], parts[cause]);
    }
    auto kept = gap;
    kept.cause = static_cast<GapCause>(std::max_element(parts.begin(), parts.end()) - parts.begin());
    longest_.push(kept);
    if (longest_.size() > kLongestGapsShown) longest_.pop();
  }

  SummaryGaps Finish(const Work& work) {
    SummaryGaps gaps;
    std::int64_t windows = 0;
    for (const auto& device : work.devices)
      if (!device.kernels.empty()) windows = AddSaturated(windows, device.window.end - device.window.start);
    for (std::size_t cause = 0; cause < totals_.size(); ++cause) {
      if (counts_[cause] == 0) continue;
      gaps.total_ns = AddSaturated(gaps.total_ns, totals_[cause]);
      gaps.causes.push_back({kGapCauseNames[cause], counts_[cause], totals_[cause],
                             Ratio(static_cast<double>(totals_[cause]), static_cast<double>(windows))});
    }
    std::stable_sort(gaps.causes.begin(), gaps.causes.end(),
                     [](const SummaryGap& a, const SummaryGap& b) { return a.total_ns > b.total_ns; });
    gaps.count = lengths_.size();
    gaps.max_ns = lengths_.empty() ? 0 : *std::max_element(lengths_.begin(), lengths_.end());
    gaps.median_ns = MedianOf(lengths_);
    for (; !longest_.empty(); longest_.pop()) gaps.longest.push_back(Describe(work, longest_.top()));
    std::reverse(gaps.longest.begin(), gaps.longest.end());
    return gaps;
  }

 private:
  static SummaryLongGap Describe(const Work& work, const LongGap& gap) {
    const auto& device = work.devices[gap.device];
    const auto& kernels = work.sources[device.source].columns.kernels;
    const auto name = [&](std::uint32_t row) {
      return row == kNoRow ? "" : ShortenKernelName(work.names.kernels.TextOf(kernels[row].name));
    };
    return {device.id,        gap.time.start, gap.time.end - gap.time.start, kGapCauseNames[gap.cause],
            name(gap.before), name(gap.after)};
  }

  std::vector<std::int64_t> lengths_;
  std::array<std::uint64_t, kGapCauseNames.size()> counts_{};
  GapParts totals_{};
  std::priority_queue<LongGap> longest_;  // the shortest of them on top
};

// Finds the work that begins at a moment, for moments that only grow.
template <typename Row>
class WorkFinder {
 public:
  WorkFinder(const Columns& columns, const std::vector<Row>& rows, const std::vector<std::uint32_t>& which)
      : columns_(columns), rows_(rows), which_(which) {}
  // The first row that starts at `at` and has a length, or kNoRow.
  std::uint32_t StartingAt(Ns at) {
    while (next_ < which_.size() && IsBefore(rows_[which_[next_]], at)) ++next_;
    return next_ < which_.size() && rows_[which_[next_]].start == at ? which_[next_] : kNoRow;
  }

 private:
  bool IsBefore(const Row& row, Ns at) const {
    return row.start < at || (row.start == at && columns_.DurationOf(row) == 0);
  }
  const Columns& columns_;
  const std::vector<Row>& rows_;
  const std::vector<std::uint32_t>& which_;
  std::size_t next_ = 0;
};

// The kernel that ended last before a moment, for moments that only grow.
class LastKernel {
 public:
  LastKernel(const Columns& columns, const std::vector<std::uint32_t>& which)
      : columns_(columns), which_(which) {}
  std::uint32_t Before(Ns at) {
    const auto& rows = columns_.kernels;
    for (; next_ < which_.size() && rows[which_[next_]].start < at; ++next_)
      if (last_ == kNoRow || columns_.EndOf(rows[which_[next_]]) > columns_.EndOf(rows[last_]))
        last_ = which_[next_];
    return last_;
  }

 private:
  const Columns& columns_;
  const std::vector<std::uint32_t>& which_;
  std::size_t next_ = 0;
  std::uint32_t last_ = kNoRow;
};

void AddDeviceGaps(const Work& work, std::uint32_t number, const HostTimes& host, GapSums& sums) {
  const auto& device = work.devices[number];
  const auto& source = work.sources[device.source];
  const auto& columns = source.columns;
  WorkFinder kernels(columns, columns.kernels, device.kernels);
  WorkFinder copies(columns, columns.copies, device.copies);
  LastKernel last(columns, device.kernels);
  const auto call_of = [&](std::uint32_t row) { return row == kNoRow ? nullptr : &columns.api[row]; };
  auto piece = device.copy.begin();
  const auto take = [&](Interval gap) {
    GapParts parts{};
    while (piece != device.copy.end() && piece->end <= gap.start) ++piece;
    auto at = gap.start;
    auto copy = piece;
    while (at < gap.end) {
      const auto until = copy == device.copy.end() ? gap.end : std::min(copy->start, gap.end);
      if (at < until) {
        const auto kernel = kernels.StartingAt(until);
        const auto copied = kernel == kNoRow ? copies.StartingAt(until) : kNoRow;
        const auto* call = kernel != kNoRow   ? call_of(columns.kernels[kernel].call)
                           : copied != kNoRow ? call_of(source.copy_calls[copied])
                                              : nullptr;
        AddIdle(columns, {at, until}, call, host, parts);
        at = until;
      }
      if (copy == device.copy.end() || copy->start >= gap.end) continue;
      const auto end = std::min(copy->end, gap.end);
      parts[kByCopy] += end - at;
      at = end;
      ++copy;
    }
    sums.Add({gap, number, kByUnknown, last.Before(gap.end), kernels.StartingAt(gap.end)}, parts);
  };
  auto idle_from = device.window.start;
  EachComputePiece(columns, device, [&](Interval running) {
    if (running.start > idle_from) take({idle_from, running.start});
    idle_from = running.end;
  });
  if (idle_from < device.window.end) take({idle_from, device.window.end});
}

}  // namespace

bool IsDataName(std::string_view name, bool is_operator) {
  std::string lower;
  for (const char c : name.substr(0, 256))
    lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const auto* part : {"dataloader", "data_loader", "data loader", "dataloading", "data_loading"})
    if (lower.find(part) != std::string::npos) return true;
  if (is_operator) return false;
  // Whole words: a "database" or a "fetched" is something else.
  for (std::size_t i = 0; i < lower.size();) {
    const auto begin = i;
    while (i < lower.size() && std::isalpha(static_cast<unsigned char>(lower[i])) != 0) ++i;
    const auto word = std::string_view(lower).substr(begin, i - begin);
    if (word == "data" || word == "fetch" || word == "prefetch" || word == "collate" || word == "dataset")
      return true;
    if (i == begin) ++i;
  }
  return false;
}

void AddGaps(const Work& work, Summary& summary) {
  std::size_t kernels = 0;
  for (const auto& device : work.devices) kernels += device.kernels.size() + 1;
  GapSums sums(kernels);
  bool any = false;
  for (std::size_t source = 0; source < work.sources.size(); ++source) {
    const auto host = HostTimesOf(work, work.sources[source]);
    for (std::uint32_t device = 0; device < work.devices.size(); ++device) {
      if (work.devices[device].source != source || work.devices[device].kernels.empty()) continue;
      any = true;
      AddDeviceGaps(work, device, host, sums);
    }
  }
  if (any) summary.gaps = sums.Finish(work);
}

}  // namespace altlas::profile
