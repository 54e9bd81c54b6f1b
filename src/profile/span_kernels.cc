// SPDX-License-Identifier: Apache-2.0
#include "profile/span_kernels.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace altlas::profile {
namespace {

void Widen(std::uint64_t before, Ns start, Ns end, Ns& first, Ns& last) {
  first = before == 0 ? start : std::min(first, start);
  last = before == 0 ? end : std::max(last, end);
}

void Add(PairSum& sum, std::uint64_t count, std::int64_t total_ns) {
  sum.count += count;
  sum.total_ns = AddSaturated(sum.total_ns, total_ns);
}

}  // namespace

SpanKernels::SpanKernels(std::size_t names)
    : counts_(names),
      totals_(names),
      selves_(names),
      projected_(names),
      outermost_(names, kNoRow),
      seen_(names) {}

std::uint64_t SpanKernels::TakeLeftOut() { return std::exchange(left_out_, 0); }

void SpanKernels::Walk(const SourceWork& source, const std::vector<SpanRow>& spans) {
  const auto& columns = source.columns;
  std::size_t next = 0;
  std::optional<std::uint32_t> thread;
  for (const auto row : source.launches) {
    const auto& kernel = columns.kernels[row];
    const auto& call = columns.api[kernel.call];
    const Launch launch{call.start, columns.EndOf(call), call.thread};
    if (thread != launch.thread) CloseAll();
    thread = launch.thread;
    while (next < spans.size() && spans[next].thread < launch.thread) ++next;
    OpenSpans(spans, next, launch);
    CloseBefore(launch.start);
    TakeLaunch(kernel, columns.EndOf(kernel), launch);
  }
  CloseAll();
}

void SpanKernels::OpenSpans(const std::vector<SpanRow>& spans, std::size_t& next, const Launch& launch) {
  for (; next < spans.size() && spans[next].thread == launch.thread && spans[next].start <= launch.start;
       ++next) {
    const auto& span = spans[next];
    if (span.end < launch.start) continue;
    CloseBefore(span.start);
    Open open;
    open.end = span.end;
    open.name = span.name;
    open.order = ++opened_;
    if (nested_.empty() || span.end <= nested_.back().end) {
      if (outermost_[span.name] == kNoRow) outermost_[span.name] = static_cast<std::uint32_t>(nested_.size());
      nested_.push_back(std::move(open));
    } else if (strays_.size() < kMostStrays) {
      strays_.push_back(std::move(open));
    } else {
      ++left_out_;
    }
  }
}

void SpanKernels::CloseBefore(Ns at) {
  while (!nested_.empty() && nested_.back().end < at) CloseInnermost();
  std::erase_if(strays_, [&](const Open& span) {
    if (span.end >= at) return false;
    Project(span);
    return true;
  });
}

void SpanKernels::CloseAll() {
  while (!nested_.empty()) CloseInnermost();
  for (const auto& span : strays_) Project(span);
  strays_.clear();
}

void SpanKernels::Project(const Open& closed) {
  if (closed.kernels > 0)
    projected_[closed.name] = AddSaturated(projected_[closed.name], closed.last - closed.first);
}

void SpanKernels::CloseInnermost() {
  auto closed = std::move(nested_.back());
  nested_.pop_back();
  Project(closed);
  if (closed.kernels > 0 && !nested_.empty()) {
    auto& around = nested_.back();
    Widen(around.kernels, closed.first, closed.last, around.first, around.last);
    around.kernels += closed.kernels;
  }
  // One of its name around it counts these kernels when it closes.
  if (outermost_[closed.name] == nested_.size()) {
    outermost_[closed.name] = kNoRow;
    counts_[closed.name] += closed.kernels;
    for (const auto& [kernel, sum] : closed.sums) {
      totals_[closed.name] = AddSaturated(totals_[closed.name], sum.total_ns);
      Add(by_kernel_[PairKey(closed.name, kernel)], sum.count, sum.total_ns);
    }
  }
  if (nested_.empty()) return;
  // The smaller map goes into the larger: a name moves at most a logarithm of times.
  auto& sums = nested_.back().sums;
  if (sums.size() < closed.sums.size()) sums.swap(closed.sums);
  for (const auto& [kernel, sum] : closed.sums) Add(sums[kernel], sum.count, sum.total_ns);
}

std::size_t SpanKernels::HoldersOf(Ns end) const {
  const auto above =
      std::partition_point(nested_.begin(), nested_.end(), [&](const Open& span) { return span.end >= end; });
  return static_cast<std::size_t>(above - nested_.begin());
}

void SpanKernels::TakeLaunch(const KernelRow& kernel, Ns kernel_end, const Launch& launch) {
  ++launches_;
  const auto duration = kernel_end - kernel.start;
  const auto holders = HoldersOf(launch.end);
  const Open* innermost = nullptr;
  if (holders > 0) {
    auto& span = nested_[holders - 1];
    Widen(span.kernels, kernel.start, kernel_end, span.first, span.last);
    ++span.kernels;
    Add(span.sums[kernel.name], 1, duration);
    innermost = &span;
  }
  for (auto& span : strays_) {
    if (span.end < launch.end) continue;
    Widen(span.kernels, kernel.start, kernel_end, span.first, span.last);
    ++span.kernels;
    if (innermost == nullptr || span.order > innermost->order) innermost = &span;
    const bool nested_counts = outermost_[span.name] < holders;  // kNoRow is more than any
    if (nested_counts || seen_[span.name] == launches_) continue;
    seen_[span.name] = launches_;
    ++counts_[span.name];
    totals_[span.name] = AddSaturated(totals_[span.name], duration);
    AddToPair(by_kernel_, span.name, kernel.name, duration);
  }
  if (innermost != nullptr) selves_[innermost->name] = AddSaturated(selves_[innermost->name], duration);
}

}  // namespace altlas::profile
