// SPDX-License-Identifier: Apache-2.0
#include "profile/analysis.h"

#include <algorithm>
#include <cmath>

#include "profile/analysis_parts.h"
#include "profile/columns.h"

namespace altlas::profile {
namespace {

// Differences of two times within it cannot overflow.
constexpr Ns kFurthestTime = (Ns{1} << 62) - 1;

// Takes a record's times into the span of its capture; false, and counted, where they are none.
bool TakeTimes(Columns& columns, Ns start, Ns end) {
  if (end < start || start < -kFurthestTime || end > kFurthestTime) {
    ++columns.bad_records;
    return false;
  }
  columns.first = std::min(columns.first.value_or(start), start);
  columns.last = std::max(columns.last.value_or(end), end);
  return true;
}

std::uint64_t DurationBetween(Ns start, Ns end) { return static_cast<std::uint64_t>(end - start); }

std::uint32_t LaneOf(Columns& columns, std::int32_t device, std::uint32_t process, std::uint32_t stream) {
  return columns.lanes.Of({static_cast<std::uint32_t>(device), process, stream},
                          {device, process, stream, std::nullopt});
}

}  // namespace

struct Analysis::State {
  Work work;
  Columns now;
};

Analysis::Analysis() : state_(std::make_unique<State>()) {}
Analysis::~Analysis() = default;

void Analysis::Begin() { state_->now = {}; }

void Analysis::End(CaptureInfo info) {
  state_->now.info = std::move(info);
  auto& source = state_->work.sources.emplace_back();
  source.columns = std::move(state_->now);
  state_->now = {};
}

Summary Analysis::Summarize() {
  auto work = std::move(state_->work);
  state_->work = {};
  return SummarizeWork(work);
}

void Analysis::OnKernel(const KernelEvent& event) {
  auto& now = state_->now;
  if (!TakeTimes(now, event.start, event.end)) return;
  auto& names = state_->work.names;
  const LaunchShape shape{event.grid, event.block, event.registers,
                          event.static_shared_bytes + event.dynamic_shared_bytes};
  const auto lane = LaneOf(now, event.device, event.process, event.stream);
  if (!now.lanes.items[lane].context.has_value()) now.lanes.items[lane].context = event.context;
  now.kernels.push_back({event.start, now.narrow.Put(DurationBetween(event.start, event.end)),
                         now.narrow.Put(event.correlation), kNoRow, names.kernels.Intern(event.name),
                         names.shapes.Of(shape, shape), lane | (event.is_graph ? KernelRow::kIsGraph : 0)});
}

void Analysis::OnCopy(const CopyEvent& event) {
  auto& now = state_->now;
  if (!TakeTimes(now, event.start, event.end)) return;
  now.copies.push_back({event.start, event.end, CallKeyOf(event.process, event.correlation), event.bytes,
                        LaneOf(now, event.device, event.process, event.stream), event.kind, event.source,
                        event.target, false});
}

void Analysis::OnMemset(const MemsetEvent& event) {
  auto& now = state_->now;
  if (!TakeTimes(now, event.start, event.end)) return;
  now.copies.push_back({event.start, event.end, CallKeyOf(event.process, event.correlation), event.bytes,
                        LaneOf(now, event.device, event.process, event.stream), CopyKind::kUnknown,
                        MemoryKind::kUnknown, MemoryKind::kUnknown, true});
}

void Analysis::OnApi(const ApiEvent& event) {
  auto& now = state_->now;
  if (!TakeTimes(now, event.start, event.end)) return;
  const auto name = state_->work.names.api.Intern(event.name);
  if (event.result != 0) ++now.api_failures[name];
  now.api.push_back({event.start, now.narrow.Put(DurationBetween(event.start, event.end)),
                     now.narrow.Put(event.correlation), name, now.threads.Of(event.thread, event.thread)});
}

void Analysis::OnSync(const SyncEvent& event) {
  auto& now = state_->now;
  if (TakeTimes(now, event.start, event.end)) now.syncs.push_back({event.start, event.end, event.kind});
}

void Analysis::OnAllocation(const AllocationEvent& event) {
  auto& now = state_->now;
  if (!TakeTimes(now, event.at, event.at)) return;
  const auto pool = now.pools.Of({event.device, static_cast<int>(event.kind)}, {event.device, event.kind, 0});
  auto& reserved = now.pools.items[pool].peak_reserved;
  reserved = std::max(reserved, event.reserved_total);
  now.allocations.push_back(
      {event.at, event.bytes, event.address, event.allocated_total, pool, event.is_free});
}

void Analysis::OnRange(const RangeEvent& event) {
  auto& now = state_->now;
  if (!TakeTimes(now, event.start, event.end)) return;
  auto& names = state_->work.names;
  const Phase phase{names.texts.Intern(event.name), names.texts.Intern(event.domain)};
  const auto number = names.phases.Of({phase.name, phase.domain}, phase);
  if (event.is_mark) {
    ++now.marks[number];
  } else {
    now.ranges.push_back({event.start, event.end, number, now.threads.Of(event.thread, event.thread)});
  }
}

void Analysis::OnOperator(const OperatorEvent& event) {
  auto& now = state_->now;
  if (!TakeTimes(now, event.start, event.end)) return;
  now.operators.push_back({event.start, event.end, state_->work.names.operators.Intern(event.name),
                           now.threads.Of(event.thread, event.thread)});
}

void Analysis::OnCounter(const CounterEvent& event) {
  auto& now = state_->now;
  if (!std::isfinite(event.value)) {
    ++now.bad_records;
    return;
  }
  if (!TakeTimes(now, event.at, event.at)) return;
  auto& sum = now.counters[{std::string(event.name), event.device}];
  if (sum.count == 0)
    sum = {std::string(event.name),
           event.device,
           0,
           event.at,
           event.at,
           event.value,
           event.value,
           0,
           event.value,
           event.value};
  ++sum.count;
  sum.min = std::min(sum.min, event.value);
  sum.max = std::max(sum.max, event.value);
  sum.sum += event.value;
  if (event.at < sum.first_at) {
    sum.first_at = event.at;
    sum.first = event.value;
  }
  if (event.at >= sum.last_at) {
    sum.last_at = event.at;
    sum.last = event.value;
  }
}

void Analysis::OnKernelDetail(const KernelDetail& detail) { state_->work.details.Add(detail); }

}  // namespace altlas::profile
