// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "profile/capture.h"

struct sqlite3;
struct sqlite3_stmt;

namespace altlas::profile {

// Writes SQLite files in the schemas of Nsight Systems, for tests, benches and demonstrations: no capture of
// a real program. One transaction, ended by Finish; without it the file is no capture. Errors are kept and
// returned by Finish. Not thread-safe.
class NsysWriter {
 public:
  // kSchema29: all tables there from the start, EXPORT_META_DATA, no ENUM tables. kSchema313: tables as they
  // are needed, META_DATA_EXPORT, ENUM tables. kSchema316: that, with NVTX's binaryData and a raw time in
  // GPU_METRICS.
  enum class Schema { kSchema29, kSchema313, kSchema316 };
  static Result<std::unique_ptr<NsysWriter>> Create(const std::filesystem::path& path, Schema schema);
  ~NsysWriter();
  NsysWriter(const NsysWriter&) = delete;
  NsysWriter& operator=(const NsysWriter&) = delete;

  std::int64_t Intern(std::string_view text);
  void Add(const KernelEvent& kernel);  // is_graph: into GRAPH_TRACE, the name is not kept
  void Add(const CopyEvent& copy);
  void Add(const MemsetEvent& memset);
  // The name gets a version, as the tool writes it.
  void Add(const ApiEvent& call, bool driver = false);
  void Add(const SyncEvent& sync);
  void Add(const AllocationEvent& allocation);
  // A name goes into `text` or, with `as_string_id`, into StringIds.
  void Add(const RangeEvent& range, bool as_string_id = false);
  void Add(const CounterEvent& counter);
  void AddDevice(const CaptureDevice& device);
  void AddDiagnostic(int severity, std::string_view text);
  void AddOverhead(Ns start, Ns end);
  // A variable of the captured program, where its schema keeps them.
  void AddEnvironment(std::string_view name, std::string_view value);
  // What the captured program printed.
  void AddOutput(std::string_view text);
  void AddPlace(std::string_view user, std::string_view host);
  void SetTimes(std::int64_t start_unix_ns, Ns duration);
  void Exec(const std::string& sql);
  Status Finish();

 private:
  struct Value;
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  NsysWriter() = default;
  void WriteSchema();
  void WriteEnums();
  void CreateTable(std::string_view table);
  void Insert(std::string_view table, std::initializer_list<Value> values);
  void Keep(int code);
  std::int64_t DomainOf(std::string_view name, std::uint64_t thread);

  std::unique_ptr<sqlite3, Close> connection_;
  Schema schema_ = Schema::kSchema313;
  Status status_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, std::less<>> inserts_;
  std::unordered_map<std::string, std::int64_t> ids_;
  std::map<std::string, std::int64_t, std::less<>> domains_;
  std::map<std::string, std::int64_t, std::less<>> metrics_;
};

// A capture made up from a seed: steps of launches on some streams, each with its API call, copies of both
// kinds of host memory, synchronisations and ranges. The same seed gives the same file.
struct MadeCapture {
  std::uint64_t seed = 1;
  std::uint64_t kernels = 1000;
  std::uint32_t names = 40;
  std::uint32_t streams = 4;
  std::uint64_t kernels_in_step = 100;  // a range "step" around them
  std::uint64_t kernels_per_copy = 10;
  NsysWriter::Schema schema = NsysWriter::Schema::kSchema313;
};
Status WriteMadeCapture(const std::filesystem::path& path, const MadeCapture& what);

}  // namespace altlas::profile
