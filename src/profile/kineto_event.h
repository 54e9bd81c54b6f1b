// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "profile/capture.h"
#include "profile/json_stream.h"

namespace altlas::profile {

// One entry of a trace's `traceEvents`, as read: what is absent was not there. Kept from event to event for
// its memory. Field names are those of the Trace Event Format and of Kineto's `args`.
struct KinetoEvent {
  char phase = 0;
  std::string category;  // lower case: old traces write "Kernel"
  std::string name;
  std::optional<Ns> ts, duration;  // ns
  bool ts_seen = false, duration_seen = false;
  bool faulty = false;        // a field that stands there twice, or of a wrong type
  std::uint64_t process = 0;  // 24 bits; a string is hashed to that, as "Spans" is in Kineto's own rows
  std::uint64_t thread = 0;   // 24 bits
  std::optional<std::uint64_t> correlation, external_id, stream, context, bytes, registers, shared_bytes;
  std::optional<std::int64_t> device, signed_bytes;
  std::optional<std::uint64_t> address, device_type, total_allocated, total_reserved;
  std::array<std::uint32_t, 3> grid{}, block{};
  std::string shapes;
  std::string sync_kind;
  std::vector<std::pair<std::string, double>> numbers;  // of a counter event, all that are numbers

  void Clear();
  std::uint64_t thread_id() const { return process << 24 | thread; }
};

// What unit a trace's times are in. The format says microseconds; a writer that put nanoseconds is known by
// the first time (a Unix time in nanoseconds would be a date in the year 33000).
enum class TraceTimeUnit : std::uint8_t { kUnknown, kMicroseconds, kNanoseconds };

// Reads one event whose opening brace was the last token. False on an error of the stream.
bool ReadKinetoEvent(JsonStream& json, TraceTimeUnit& unit, KinetoEvent& event);

}  // namespace altlas::profile
