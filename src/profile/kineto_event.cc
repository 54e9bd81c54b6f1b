// SPDX-License-Identifier: Apache-2.0
#include "profile/kineto_event.h"

#include <algorithm>

#include "profile/trace_number.h"

namespace altlas::profile {
namespace {

constexpr std::uint64_t kId24 = 0xFFFFFF;
constexpr std::size_t kShapesBytes = 512;
constexpr std::size_t kCounterSeries = 32;

// Process and thread ids may be numbers of any size (a pthread_t) or names.
std::uint64_t FoldId(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (const auto number = ParseCount(text.substr(negative ? 1 : 0))) {
    if (*number <= kId24 && !negative) return *number;
    return (*number ^ (*number >> 24) ^ (*number >> 48) ^ (negative ? kId24 : 0)) & kId24;
  }
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return (hash ^ (hash >> 24) ^ (hash >> 48)) & kId24;
}

bool IsScalarText(JsonToken token) { return token == JsonToken::kString || token == JsonToken::kNumber; }

// Reading the args of one event.
class ArgsReader {
 public:
  ArgsReader(JsonStream& json, KinetoEvent& event) : json_(json), event_(event) {}

  bool ReadAll() {
    while (true) {
      const auto token = json_.Next();
      if (token == JsonToken::kEndObject) return true;
      if (token != JsonToken::kKey) return false;
      key_.assign(json_.text());
      if (!ReadOne()) return false;
    }
  }

 private:
  bool ReadOne() {
    const auto token = json_.Next();
    if (token == JsonToken::kError) return false;
    if (key_ == "grid") return ReadDimensions(token, event_.grid);
    if (key_ == "block") return ReadDimensions(token, event_.block);
    if (key_ == "Input Dims" || key_ == "Input dims") {
      event_.shapes.clear();
      return json_.SkipInto(token, event_.shapes, kShapesBytes);
    }
    if (!IsScalarText(token)) return json_.Skip(token);
    if (key_ == "cuda_sync_kind" || key_ == "sync_kind") {
      event_.sync_kind.assign(json_.text());
      return true;
    }
    if (event_.phase == 'C' || event_.phase == 0) KeepNumber(token);
    KeepKnown();
    return true;
  }

  void KeepNumber(JsonToken token) {
    if (token != JsonToken::kNumber || event_.numbers.size() == kCounterSeries) return;
    if (const auto number = ParseFinite(json_.text())) event_.numbers.emplace_back(key_, *number);
  }

  void KeepKnown() {
    const auto text = json_.text();
    const auto count = [&] { return ParseCount(text); };
    const auto whole = [&]() -> std::optional<std::int64_t> {
      const bool negative = text.starts_with('-');
      const auto number = ParseCount(text.substr(negative ? 1 : 0));
      if (!number || *number > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
      return negative ? -static_cast<std::int64_t>(*number) : static_cast<std::int64_t>(*number);
    };
    if (key_ == "correlation") {
      event_.correlation = count();
    } else if (key_ == "External id" || key_ == "external id") {
      event_.external_id = count();
    } else if (key_ == "stream") {
      event_.stream = count();
    } else if (key_ == "context") {
      event_.context = count();
    } else if (key_ == "device" || key_ == "Device Id") {
      event_.device = whole();
    } else if (key_ == "bytes") {
      event_.bytes = count();
    } else if (key_ == "registers per thread") {
      event_.registers = count();
    } else if (key_ == "shared memory") {
      event_.shared_bytes = count();
    } else if (key_ == "Bytes") {
      event_.signed_bytes = whole();
    } else if (key_ == "Addr") {
      event_.address = count();
    } else if (key_ == "Device Type") {
      event_.device_type = count();
    } else if (key_ == "Total Allocated") {
      event_.total_allocated = count();
    } else if (key_ == "Total Reserved") {
      event_.total_reserved = count();
    }
  }

  bool ReadDimensions(JsonToken token, std::array<std::uint32_t, 3>& dimensions) {
    if (token != JsonToken::kBeginArray) return json_.Skip(token);
    for (std::size_t i = 0;; ++i) {
      const auto element = json_.Next();
      if (element == JsonToken::kEndArray) return true;
      if (i < 3 && element == JsonToken::kNumber)
        dimensions[i] = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(ParseCount(json_.text()).value_or(0), UINT32_MAX));
      if (!json_.Skip(element)) return false;
    }
  }

  JsonStream& json_;
  KinetoEvent& event_;
  std::string key_;
};

std::optional<Ns> TakeTime(std::string_view text, bool is_start, TraceTimeUnit& unit) {
  if (unit == TraceTimeUnit::kUnknown && is_start) {
    constexpr Ns kYear2000 = 946'684'800'000'000'000;
    const auto as_ns = NanosecondsToNs(text);
    if (!as_ns) return std::nullopt;
    unit = *as_ns >= kYear2000 ? TraceTimeUnit::kNanoseconds : TraceTimeUnit::kMicroseconds;
  }
  return unit == TraceTimeUnit::kNanoseconds ? NanosecondsToNs(text) : MicrosecondsToNs(text);
}

class EventFields {
 public:
  EventFields(JsonStream& json, TraceTimeUnit& unit, KinetoEvent& event)
      : json_(json), unit_(unit), event_(event) {}

  bool ReadAll() {
    while (true) {
      const auto token = json_.Next();
      if (token == JsonToken::kEndObject) break;
      if (token != JsonToken::kKey) return false;
      key_.assign(json_.text());
      if (!ReadOne()) return false;
    }
    // Only now: the fields come in any order, and the start of the first event tells the unit.
    if (event_.ts_seen && event_.phase != 'M') event_.ts = TakeTime(ts_, true, unit_);
    if (event_.duration_seen) event_.duration = TakeTime(duration_, false, unit_);
    return true;
  }

 private:
  bool ReadOne() {
    const auto token = json_.Next();
    if (token == JsonToken::kError) return false;
    if (key_ == "args" && token == JsonToken::kBeginObject) return ArgsReader(json_, event_).ReadAll();
    if (!IsScalarText(token)) {
      event_.faulty = event_.faulty || key_ == "ts" || key_ == "dur" || key_ == "ph" || key_ == "name";
      return json_.Skip(token);
    }
    const auto text = json_.text();
    if (key_ == "ph") {
      event_.faulty = event_.faulty || event_.phase != 0 || text.size() != 1;
      event_.phase = text.empty() ? '?' : text[0];
    } else if (key_ == "name") {
      event_.faulty = event_.faulty || !event_.name.empty();
      event_.name.assign(text);
    } else if (key_ == "cat") {
      event_.category.assign(text);
      for (char& c : event_.category) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    } else if (key_ == "ts") {
      event_.faulty = event_.faulty || event_.ts_seen;
      event_.ts_seen = true;
      ts_.assign(text);
    } else if (key_ == "dur") {
      event_.faulty = event_.faulty || event_.duration_seen;
      event_.duration_seen = true;
      duration_.assign(text);
    } else if (key_ == "pid") {
      event_.process = FoldId(text);
    } else if (key_ == "tid") {
      event_.thread = FoldId(text);
    }
    return true;
  }

  JsonStream& json_;
  TraceTimeUnit& unit_;
  KinetoEvent& event_;
  std::string key_, ts_, duration_;
};

}  // namespace

void KinetoEvent::Clear() {
  phase = 0;
  category.clear();
  name.clear();
  ts.reset();
  duration.reset();
  ts_seen = duration_seen = faulty = false;
  process = thread = 0;
  for (auto* field : {&correlation, &external_id, &stream, &context, &bytes, &registers, &shared_bytes,
                      &address, &device_type, &total_allocated, &total_reserved}) {
    field->reset();
  }
  device.reset();
  signed_bytes.reset();
  grid = block = {};
  shapes.clear();
  sync_kind.clear();
  numbers.clear();
}

bool ReadKinetoEvent(JsonStream& json, TraceTimeUnit& unit, KinetoEvent& event) {
  event.Clear();
  return EventFields(json, unit, event).ReadAll();
}

}  // namespace altlas::profile
