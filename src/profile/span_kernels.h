// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "profile/analysis_parts.h"

namespace altlas::profile {

// The kernels launched within spans (ranges, operators), summed by the spans' names. A span holds a launch
// whose call lies within it, ends included; a kernel counts once for a name, however often spans of that name
// nest.
//
// Spans that nest cost the same however many are open: a launch is counted for the innermost, and a span that
// closes hands its sums to the one around it. A span that ends after one that it began in (a stray) is looked
// at with each launch while it is open; more than kMostStrays of them open at once on a thread are left out,
// and counted. One thread at a time; memory in proportion to names, pairs of name and kernel, and spans open
// at once.
class SpanKernels {
 public:
  static constexpr std::size_t kMostStrays = 4096;

  explicit SpanKernels(std::size_t names);

  // `spans` from SpansByThread of the same source.
  void Walk(const SourceWork& source, const std::vector<SpanRow>& spans);

  std::uint64_t count(std::uint32_t name) const { return counts_[name]; }
  std::int64_t total(std::uint32_t name) const { return totals_[name]; }
  // Of the kernels for which no span within was open.
  std::int64_t self(std::uint32_t name) const { return selves_[name]; }
  // Sum over spans: from its first kernel's start to its last one's end.
  std::int64_t projected(std::uint32_t name) const { return projected_[name]; }
  // By PairKey(name, kernel).
  const PairSums& by_kernel() const { return by_kernel_; }
  // Spans left out since the last call.
  std::uint64_t TakeLeftOut();

 private:
  struct Launch {
    Ns start, end;  // of the call
    std::uint32_t thread;
  };
  struct Open {
    Ns end = 0;
    std::uint32_t name = 0;
    std::uint64_t order = 0;  // in which it opened
    std::uint64_t kernels = 0;
    Ns first = 0, last = 0;  // of its kernels
    std::unordered_map<std::uint32_t, PairSum>
        sums;  // by kernel, for nested ones: what those within handed over too
  };

  void OpenSpans(const std::vector<SpanRow>& spans, std::size_t& next, const Launch& launch);
  void CloseBefore(Ns at);
  void CloseAll();
  void CloseInnermost();
  void Project(const Open& closed);
  void TakeLaunch(const KernelRow& kernel, Ns kernel_end, const Launch& launch);
  // Below this place all of nested_ hold a call that ends at `end`, above it none.
  std::size_t HoldersOf(Ns end) const;

  std::vector<std::uint64_t> counts_;
  std::vector<std::int64_t> totals_, selves_, projected_;
  PairSums by_kernel_;
  std::vector<Open> nested_;  // of one thread; no end is after that of the one before
  std::vector<Open> strays_;  // of the same, in the order in which they opened
  std::vector<std::uint32_t>
      outermost_;                    // by name: the place in nested_ of the first of that name, or kNoRow
  std::vector<std::uint64_t> seen_;  // by name: the last launch that it was counted for by a stray
  std::uint64_t launches_ = 0, opened_ = 0, left_out_ = 0;
};

}  // namespace altlas::profile
