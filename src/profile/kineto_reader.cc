// SPDX-License-Identifier: Apache-2.0
#include "profile/kineto_reader.h"

#include <algorithm>
#include <array>
#include <memory>

#include "profile/json_stream.h"
#include "profile/kineto_emitter.h"
#include "profile/kineto_event.h"
#include "profile/trace_number.h"

namespace altlas::profile {
namespace {

constexpr std::uint64_t kEventsBetweenProgress = 2048;
constexpr std::size_t kDevices = 1024;
constexpr std::size_t kFactBytes = 256;

// Facts of the head that are worth showing; names, hosts and paths are not among them.
constexpr std::array<std::string_view, 8> kShownFacts = {
    "cuda_driver_version", "cuda_runtime_version", "cupti_version", "hip_driver_version",
    "hip_runtime_version", "record_shapes",        "with_stack",    "profile_memory"};

class TraceReader {
 public:
  TraceReader(ByteSource& source, CaptureSink& sink, const Progress& progress)
      : source_(source), json_(std::make_unique<JsonStream>(source)), emitter_(sink), progress_(progress) {}

  Result<CaptureInfo> Read() {
    info_.format = CaptureFormat::kKinetoJson;
    const auto first = json_->Next();
    if (first == JsonToken::kError || (first != JsonToken::kBeginObject && first != JsonToken::kBeginArray)) {
      if (json_->ended_early() && source_.total() == 0)
        return Fail(ErrorCode::kInvalidArgument, "the file is empty");
      if (json_->error().code == ErrorCode::kCorrupt || json_->error().message.empty())
        return Fail(ErrorCode::kInvalidArgument, "this is no JSON trace: it begins with neither {{ nor [");
      return json_->error();
    }
    const bool whole = first == JsonToken::kBeginObject ? ReadHead() : ReadEvents();
    if (canceled_) return Fail(ErrorCode::kCanceled, "canceled after {} events", events_);
    if (!whole) ALTLAS_TRY_VOID(AcceptEarlyEnd());
    if (whole && !seen_events_)
      return Fail(ErrorCode::kInvalidArgument,
                  "this JSON document holds no traceEvents, so it is no trace in Chrome's format");
    // What a writer appended after the document (a second trace, rubbish) would be missing from the figures.
    if (whole && first == JsonToken::kBeginObject && json_->Next() == JsonToken::kError)
      return json_->error();
    if (whole && source_.cut_short()) NoteEarlyEnd();
    return Finish();
  }

 private:
  bool ReadHead() {
    while (true) {
      const auto token = json_->Next();
      if (token == JsonToken::kEndObject) return true;
      if (token != JsonToken::kKey) return false;
      const std::string key(json_->text());
      const auto value = json_->Next();
      if (value == JsonToken::kError || !ReadHeadField(key, value)) return false;
    }
  }

  bool ReadHeadField(const std::string& key, JsonToken value) {
    if (key == "traceEvents" && value == JsonToken::kBeginArray) return ReadEvents();
    if (key == "deviceProperties" && value == JsonToken::kBeginArray) return ReadDevices();
    if (key == "distributedInfo" && value == JsonToken::kBeginObject) return ReadDistributed();
    if (key == "baseTimeNanoseconds" && value == JsonToken::kNumber) base_ = NanosecondsToNs(json_->text());
    if (key == "schemaVersion" && value == JsonToken::kNumber)
      info_.schema = json_->text().substr(0, kFactBytes);
    if (key == "schemaVersion" || key == "deviceProperties" || key == "baseTimeNanoseconds") kineto_ = true;
    if (std::find(kShownFacts.begin(), kShownFacts.end(), key) != kShownFacts.end() &&
        (value == JsonToken::kNumber || value == JsonToken::kString)) {
      info_.environment[key] = json_->text().substr(0, kFactBytes);
    }
    return json_->Skip(value);
  }

  bool ReadEvents() {
    seen_events_ = true;
    while (true) {
      const auto token = json_->Next();
      if (token == JsonToken::kEndArray) return true;
      if (token == JsonToken::kError) return false;
      if (token != JsonToken::kBeginObject) {
        ++bad_;
        if (!json_->Skip(token)) return false;
        continue;
      }
      if (!ReadKinetoEvent(*json_, unit_, event_)) return false;
      emitter_.Emit(event_);
      ++events_;
      if (events_ % kEventsBetweenProgress == 0 && progress_ &&
          !progress_(source_.consumed(), source_.total())) {
        canceled_ = true;
        return false;
      }
    }
  }

  bool ReadDevices() {
    kineto_ = true;
    while (true) {
      const auto token = json_->Next();
      if (token == JsonToken::kEndArray) return true;
      if (token == JsonToken::kError) return false;
      if (token != JsonToken::kBeginObject) {
        if (!json_->Skip(token)) return false;
        continue;
      }
      if (!ReadDevice()) return false;
    }
  }

  bool ReadDevice() {
    CaptureDevice device;
    std::optional<std::uint64_t> major, minor, threads, warp;
    while (true) {
      const auto token = json_->Next();
      if (token == JsonToken::kEndObject) break;
      if (token != JsonToken::kKey) return false;
      const std::string key(json_->text());
      const auto value = json_->Next();
      const auto text = json_->text();
      const auto count = value == JsonToken::kNumber ? ParseCount(text) : std::nullopt;
      if (key == "id")
        device.index = static_cast<std::int32_t>(std::min<std::uint64_t>(count.value_or(0), 65535));
      if (key == "name" && value == JsonToken::kString) device.name = text.substr(0, kFactBytes);
      if (key == "uuid" && value == JsonToken::kString) device.uuid = text.substr(0, kFactBytes);
      if (key == "totalGlobalMem") device.memory_bytes = count;
      if (key == "numSms" && count && *count < UINT32_MAX)
        device.sm_count = static_cast<std::uint32_t>(*count);
      if (key == "computeMajor") major = count;
      if (key == "computeMinor") minor = count;
      if (key == "maxThreadsPerMultiprocessor") threads = count;
      if (key == "warpSize") warp = count;
      if (!json_->Skip(value)) return false;
    }
    if (major && minor && *major < 1000 && *minor < 10)
      device.compute_capability = static_cast<double>(*major * 10 + *minor) / 10;
    if (threads && warp && *warp > 0 && *threads < UINT32_MAX)
      device.max_warps_per_sm = static_cast<std::uint32_t>(*threads / *warp);
    if (info_.devices.size() < kDevices) info_.devices.push_back(std::move(device));
    return true;
  }

  bool ReadDistributed() {
    while (true) {
      const auto token = json_->Next();
      if (token == JsonToken::kEndObject) return true;
      if (token != JsonToken::kKey) return false;
      const std::string key(json_->text());
      const auto value = json_->Next();
      if (key == "rank" && value == JsonToken::kNumber) {
        const auto rank = ParseCount(json_->text());
        if (rank && *rank < 1'000'000) info_.rank = static_cast<int>(*rank);
      }
      if ((key == "world_size" && value == JsonToken::kNumber) ||
          (key == "backend" && value == JsonToken::kString)) {
        info_.environment[key] = json_->text().substr(0, kFactBytes);
      }
      if (!json_->Skip(value)) return false;
    }
  }

  // The profiled process may have been killed while it wrote: what stands there is true, and incomplete.
  Status AcceptEarlyEnd() {
    if (!json_->ended_early() || events_ == 0) {
      if (json_->error().message.empty())
        return Fail(ErrorCode::kCorrupt, "the trace's structure is not that of Chrome's format");
      return json_->error();
    }
    NoteEarlyEnd();
    return {};
  }

  void NoteEarlyEnd() {
    info_.notes.push_back(
        {CaptureNote::Severity::kError,
         fmt::format(
             "the file ends early ({}): its writer was stopped or the copy is incomplete; the {} events "
             "before that are read",
             source_.cut_short() ? "within its gzip stream" : "within its JSON", events_)});
  }

  Result<CaptureInfo> Finish() {
    emitter_.Finish(info_);
    info_.bad_records += bad_;
    info_.tool = kineto_ ? "PyTorch profiler (Kineto)" : "Chrome trace";
    const auto origin = emitter_.origin();
    constexpr Ns kYear2000 = 946'684'800'000'000'000;
    if (origin && *origin >= kYear2000) {
      info_.start_unix_ns = *origin;
    } else if (origin && base_) {
      info_.start_unix_ns = *base_ + *origin;  // both within 4e18
    }
    if (unit_ == TraceTimeUnit::kNanoseconds) {
      info_.notes.push_back(
          {CaptureNote::Severity::kWarning,
           "the times of this trace are far too large for the format's microseconds; they are "
           "read as nanoseconds"});
    }
    if (progress_) progress_(source_.total(), source_.total());
    return std::move(info_);
  }

  ByteSource& source_;
  const std::unique_ptr<JsonStream> json_;
  KinetoEmitter emitter_;
  const Progress& progress_;
  CaptureInfo info_;
  KinetoEvent event_;
  TraceTimeUnit unit_ = TraceTimeUnit::kUnknown;
  std::optional<Ns> base_;
  std::uint64_t events_ = 0, bad_ = 0;
  bool seen_events_ = false, kineto_ = false, canceled_ = false;
};

}  // namespace

bool LooksLikeTrace(std::string_view head) {
  const auto text = ExpandedHead(head, 256);
  const auto at =
      text.find_first_not_of(text.starts_with("\xEF\xBB\xBF") ? "\xEF\xBB\xBF \t\r\n" : " \t\r\n");
  return at != std::string::npos && (text[at] == '{' || text[at] == '[');
}

Result<CaptureInfo> ReadKineto(ByteSource& source, CaptureSink& sink, const Progress& progress) {
  return TraceReader(source, sink, progress).Read();
}

Result<CaptureInfo> ReadKineto(const std::filesystem::path& path, CaptureSink& sink,
                               const Progress& progress) {
  ALTLAS_TRY(auto source, OpenByteSource(path));
  ALTLAS_TRY(auto info, ReadKineto(*source, sink, progress).Context(path.string()));
  info.path = path.string();
  return info;
}

}  // namespace altlas::profile
