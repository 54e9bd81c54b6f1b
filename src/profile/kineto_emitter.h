// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "profile/kineto_event.h"

namespace altlas::profile {

// "Memcpy HtoD (Pageable -> Device)" as Kineto writes it: direction and the two memories; unknown where the
// text says nothing.
struct CopyText {
  CopyKind kind = CopyKind::kUnknown;
  MemoryKind source = MemoryKind::kUnknown;
  MemoryKind target = MemoryKind::kUnknown;
};
CopyText ParseCopyText(std::string_view name);

// Turns events of a trace into records of a capture, in the order of the file. Pure; borrows the sink.
class KinetoEmitter {
 public:
  explicit KinetoEmitter(CaptureSink& sink) : sink_(sink) {}

  void Emit(const KinetoEvent& event);
  // Writes what was learned of the whole file: presence, bad records, the profiler's own span.
  void Finish(CaptureInfo& info);
  // The absolute time of the first event as the file writes it.
  std::optional<Ns> origin() const { return origin_; }

 private:
  struct OpenRange {
    std::string name, domain;
    Ns start = 0;
  };
  struct Times {
    Ns start = 0, end = 0;
  };
  std::optional<Times> TimesOf(const KinetoEvent& event);
  void EmitComplete(const KinetoEvent& event);
  bool EmitDevice(const KinetoEvent& event, Times times);
  bool EmitHost(const KinetoEvent& event, Times times);
  void EmitRange(const KinetoEvent& event, Times times);
  void EmitInstant(const KinetoEvent& event);
  void EmitCounter(const KinetoEvent& event);
  void EmitAllocation(const KinetoEvent& event, Ns at);
  void Begin(const KinetoEvent& event);
  void End(const KinetoEvent& event);
  void Bad() { ++bad_; }

  CaptureSink& sink_;
  Presence present_;
  std::optional<Ns> origin_;
  std::optional<Ns> span_;  // of the profiler
  std::uint64_t bad_ = 0;
  std::uint64_t passed_over_ = 0;  // phases that this reader has no record for
  std::unordered_map<std::uint64_t, std::vector<OpenRange>> open_;
  std::size_t open_count_ = 0;
  std::string counter_name_;
};

}  // namespace altlas::profile
