// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "profile/byte_source.h"
#include "profile/capture.h"
#include "profile/collector_format.h"

namespace altlas::profile {

struct CollectorOptions {
  std::string tool = "ALT_LAS collector";
  Presence present;                         // what this writer collects
  std::uint64_t max_bytes = 1ULL << 30;     // past it records are dropped and counted
  std::optional<double> operator_sampling;  // see CaptureInfo
  // For tests: the header's start and process instead of the clocks' and this one's.
  std::optional<std::int64_t> start_unix_ns, start_clock_ns;
  std::optional<std::uint32_t> process;
  std::uint64_t dropped = 0;  // of a copy: records that its original lacks
};

// Writes a collector's file (docs/formats/collector.md) while a program runs: records go into a shared
// mapping of the file, so that one costs a lock and a copy (no system call but one each 4 MiB, no allocation
// but for a name met first), and all of them survive the death of the process, SIGKILL included. Only a power
// cut can lose any. Thread-safe; blocks for the disk's making room. A child of fork() must not write; that it
// ends, and closes what it inherited, leaves the file as it is.
class CollectorWriter {
 public:
  // Replaces nothing: kConflict where the file is there. kStorageFull where the disk has no room.
  static Result<std::unique_ptr<CollectorWriter>> Create(const std::filesystem::path& path,
                                                         const CollectorOptions& options);
  // Closes.
  ~CollectorWriter();
  CollectorWriter(const CollectorWriter&) = delete;
  CollectorWriter& operator=(const CollectorWriter&) = delete;

  // Nanoseconds since the file's start: the times of the records.
  Ns Now() const;

  // Times are those of Now(). A record that finds no room is dropped and counted.
  void Add(const OperatorEvent& event);
  void Add(const RangeEvent& event);
  void Add(const CounterEvent& event);
  void Add(const AllocationEvent& event);
  void Add(const KernelEvent& event);
  void Add(const CopyEvent& event);
  void Add(const MemsetEvent& event);
  void Add(const ApiEvent& event);
  void Add(const SyncEvent& event);
  void AddNote(CaptureNote::Severity severity, std::string_view text);
  void AddDevice(const CaptureDevice& device);
  // An entry of the capture's environment: never a variable or a secret.
  void AddFact(std::string_view key, std::string_view value);

  // Marks the file as ended and gives back the room it did not need. Later records are dropped. In another
  // process than the one that made it, only lets go of it.
  void Close();
  std::uint64_t dropped() const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  CollectorWriter(UniqueFd fd, char* map, std::uint64_t map_bytes);
  // False, and counted, where there was no room.
  bool Append(std::string_view kind_and_body, std::string_view text = {}) ALTLAS_REQUIRES(mutex_);
  // Empty where the name had to be written and found no room.
  std::optional<std::uint32_t> NameId(std::string_view text) ALTLAS_REQUIRES(mutex_);
  bool MakeRoom(std::uint64_t end) ALTLAS_REQUIRES(mutex_);
  CollectorHeader& header() ALTLAS_REQUIRES(mutex_) { return *reinterpret_cast<CollectorHeader*>(map_); }

  mutable Mutex mutex_;
  UniqueFd fd_;
  const std::int32_t owner_;  // the process that writes
  char* map_ ALTLAS_GUARDED_BY(mutex_);
  const std::uint64_t map_bytes_;
  std::uint64_t file_bytes_ ALTLAS_GUARDED_BY(mutex_) = 0;
  std::uint64_t used_ ALTLAS_GUARDED_BY(mutex_) = 0;
  std::uint64_t dropped_ ALTLAS_GUARDED_BY(mutex_) = 0;
  std::int64_t start_clock_ns_ = 0;
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> names_ ALTLAS_GUARDED_BY(mutex_);
};

// The calling thread as RangeEvent::thread and its kin want it: process << 24 | thread. Cheap after the first
// call on a thread.
std::uint64_t CollectorThreadId();

// True where `head`, the first bytes of a file, plain or gzip, begins such a file.
bool LooksLikeCollector(std::string_view head);

// Reads such a file, plain or gzip, in one pass; holds one record and the names. What follows a torn record
// (a power cut, a copy taken while it was written) is not read, and a note says where; so it is where the
// writer did not close the file. Records that make no sense (end before start, an unknown name, a value that
// is no number) are counted in `bad_records`. Errors: kNotFound, kInvalidArgument (no such file),
// kUnsupported (a later major version), kCanceled. Blocks on the disk.
Result<CaptureInfo> ReadCollector(const std::filesystem::path& path, CaptureSink& sink,
                                  const Progress& progress = {});
Result<CaptureInfo> ReadCollector(ByteSource& source, CaptureSink& sink, const Progress& progress = {});

}  // namespace altlas::profile
