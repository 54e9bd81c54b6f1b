// SPDX-License-Identifier: Apache-2.0
#include "profile/nsys_writer.h"

#include <sqlite3.h>

#include <array>
#include <variant>

#include "profile/nsys_reader.h"

namespace altlas::profile {

struct NsysWriter::Value {
  std::variant<std::monostate, std::int64_t, double, std::string_view> held;
  Value() = default;  // NULL
  template <std::integral T>
  Value(T value) : held(static_cast<std::int64_t>(value)) {}  // NOLINT: implicit on purpose
  Value(double value) : held(value) {}                        // NOLINT: implicit on purpose
  Value(std::string_view text) : held(text) {}                // NOLINT: implicit on purpose
  Value(const char* text) : held(std::string_view(text)) {}   // NOLINT: implicit on purpose
};

namespace {

struct TableColumns {
  std::string_view table;
  std::string_view columns;
};
constexpr std::string_view kMetaColumns = "name TEXT NOT NULL, value TEXT";
constexpr std::string_view kEnumColumns = "id INTEGER NOT NULL PRIMARY KEY, name TEXT, label TEXT";
// In the order in which Insert gives the values.
constexpr std::array<TableColumns, 27> kWriterTables = {{
    {"StringIds", "id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL"},
    {"EXPORT_META_DATA", kMetaColumns},
    {"META_DATA_EXPORT", kMetaColumns},
    {"META_DATA_CAPTURE", kMetaColumns},
    {"TARGET_INFO_SYSTEM_ENV",
     "globalVid INTEGER, devStateName TEXT NOT NULL, name TEXT NOT NULL, nameEnum INTEGER NOT NULL, value "
     "TEXT NOT NULL"},
    {"TARGET_INFO_SESSION_START_TIME", "utcEpochNs INTEGER, utcTime TEXT, localTime TEXT"},
    {"ANALYSIS_DETAILS",
     "globalVid INTEGER NOT NULL, duration INTEGER NOT NULL, startTime INTEGER NOT NULL, stopTime INTEGER "
     "NOT NULL"},
    {"TARGET_INFO_GPU",
     "vmId INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT, totalMemory INTEGER, memoryBandwidth INTEGER, "
     "clockRate "
     "INTEGER, smCount INTEGER, uuid TEXT, cuDevice INTEGER, maxWarpsPerSm INTEGER, computeMajor INTEGER, "
     "computeMinor "
     "INTEGER"},
    {"CUPTI_ACTIVITY_KIND_KERNEL",
     "start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL, contextId INTEGER NOT NULL, "
     "streamId "
     "INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, demangledName INTEGER NOT NULL, shortName "
     "INTEGER NOT "
     "NULL, mangledName INTEGER, launchType INTEGER, cacheConfig INTEGER, registersPerThread INTEGER NOT "
     "NULL, gridX "
     "INTEGER NOT NULL, gridY INTEGER NOT NULL, gridZ INTEGER NOT NULL, blockX INTEGER NOT NULL, blockY "
     "INTEGER NOT NULL, "
     "blockZ INTEGER NOT NULL, staticSharedMemory INTEGER NOT NULL, dynamicSharedMemory INTEGER NOT NULL, "
     "localMemoryPerThread INTEGER NOT NULL, localMemoryTotal INTEGER NOT NULL, gridId INTEGER NOT NULL"},
    {"CUPTI_ACTIVITY_KIND_GRAPH_TRACE",
     "start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL, contextId INTEGER NOT NULL, "
     "streamId "
     "INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, graphId INTEGER, graphExecId INTEGER"},
    {"CUPTI_ACTIVITY_KIND_MEMCPY",
     "start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL, contextId INTEGER NOT NULL, "
     "streamId "
     "INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, bytes INTEGER NOT NULL, copyKind INTEGER "
     "NOT NULL, "
     "srcKind INTEGER, dstKind INTEGER"},
    {"CUPTI_ACTIVITY_KIND_MEMSET",
     "start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL, contextId INTEGER NOT NULL, "
     "streamId "
     "INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, value INTEGER NOT NULL, bytes INTEGER NOT "
     "NULL"},
    {"CUPTI_ACTIVITY_KIND_SYNCHRONIZATION",
     "start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL, contextId INTEGER NOT NULL, "
     "streamId "
     "INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, syncType INTEGER NOT NULL, eventId INTEGER "
     "NOT NULL"},
    {"CUPTI_ACTIVITY_KIND_RUNTIME",
     "start INTEGER NOT NULL, end INTEGER NOT NULL, eventClass INTEGER NOT NULL, globalTid INTEGER, "
     "correlationId "
     "INTEGER, nameId INTEGER NOT NULL REFERENCES StringIds(id), returnValue INTEGER NOT NULL, callchainId "
     "INTEGER"},
    {"CUDA_GPU_MEMORY_USAGE_EVENTS",
     "start INTEGER NOT NULL, globalPid INTEGER NOT NULL, deviceId INTEGER NOT NULL, contextId INTEGER NOT "
     "NULL, address "
     "INTEGER NOT NULL, pc INTEGER NOT NULL, bytes INTEGER NOT NULL, memKind INTEGER NOT NULL, "
     "memoryOperationType INTEGER "
     "NOT NULL, name TEXT, correlationId INTEGER"},
    {"NVTX_EVENTS",
     "start INTEGER NOT NULL, end INTEGER, eventType INTEGER NOT NULL, rangeId INTEGER, category INTEGER, "
     "color INTEGER, "
     "text TEXT, globalTid INTEGER, endGlobalTid INTEGER, textId INTEGER REFERENCES StringIds(id), domainId "
     "INTEGER"},
    {"GPU_METRICS",
     "timestamp INTEGER NOT NULL, typeId INTEGER NOT NULL, metricId INTEGER NOT NULL, value NUMERIC"},
    {"TARGET_INFO_GPU_METRICS",
     "typeId INTEGER NOT NULL, sourceId INTEGER NOT NULL, typeName TEXT NOT NULL, metricId INTEGER NOT NULL, "
     "metricName "
     "TEXT NOT NULL"},
    {"DIAGNOSTIC_EVENT",
     "timestamp INTEGER NOT NULL, timestampType INTEGER NOT NULL, source INTEGER NOT NULL, severity INTEGER "
     "NOT NULL, text "
     "TEXT NOT NULL"},
    {"PROFILER_OVERHEAD",
     "start INTEGER NOT NULL, end INTEGER NOT NULL, globalTid INTEGER, nameId INTEGER NOT NULL, returnValue "
     "INTEGER NOT NULL"},
    {"ANALYSIS_FILE",
     "id INTEGER NOT NULL PRIMARY KEY, filename TEXT NOT NULL, content TEXT NOT NULL, globalPid INTEGER"},
    {"ProcessStreams",
     "globalPid INTEGER NOT NULL, filenameId INTEGER NOT NULL REFERENCES StringIds(id), contentId INTEGER "
     "NOT NULL "
     "REFERENCES StringIds(id)"},
    {"ENUM_CUDA_MEMCPY_OPER", kEnumColumns},
    {"ENUM_CUDA_MEM_KIND", kEnumColumns},
    {"ENUM_CUPTI_SYNC_TYPE", kEnumColumns},
    {"ENUM_CUDA_DEV_MEM_EVENT_OPER", kEnumColumns},
    {"OSRT_API", "start INTEGER NOT NULL, end INTEGER NOT NULL, nameId INTEGER NOT NULL"},
}};

std::string_view ColumnsOf(std::string_view table) {
  for (const auto& known : kWriterTables) {
    if (known.table == table) return known.columns;
  }
  ALTLAS_CHECK(false);
}

std::int64_t GlobalPid(std::uint32_t process) { return static_cast<std::int64_t>(process) << 24; }

}  // namespace

void NsysWriter::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
void NsysWriter::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
NsysWriter::~NsysWriter() = default;

Result<std::unique_ptr<NsysWriter>> NsysWriter::Create(const std::filesystem::path& path, Schema schema) {
  std::unique_ptr<NsysWriter> writer(new NsysWriter);
  writer->schema_ = schema;
  sqlite3* connection = nullptr;
  const int code = sqlite3_open(path.c_str(), &connection);
  writer->connection_.reset(connection);
  if (code != SQLITE_OK) return Fail(ErrorCode::kUnavailable, "{} cannot be made", path.string());
  writer->Exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536; BEGIN");
  writer->WriteSchema();
  return writer;
}

void NsysWriter::Keep(int code) {
  if (code == SQLITE_OK || code == SQLITE_DONE || !status_.has_value()) return;
  status_ = Fail(ErrorCode::kUnavailable, "writing a capture failed: {}", sqlite3_errmsg(connection_.get()));
}

void NsysWriter::Exec(const std::string& sql) {
  Keep(sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr));
}

void NsysWriter::CreateTable(std::string_view table) {
  std::string columns(ColumnsOf(table));
  const bool newest = schema_ == Schema::kSchema316;
  if (table == "NVTX_EVENTS" && newest) columns += ", binaryData BLOB";
  if (table == "GPU_METRICS" && newest) columns += ", rawTimestamp INTEGER";
  if (table == "CUPTI_ACTIVITY_KIND_KERNEL" && schema_ != Schema::kSchema29)
    columns += ", greenContextId INTEGER";
  Exec(fmt::format("CREATE TABLE IF NOT EXISTS {} ({})", table, columns));
}

void NsysWriter::Insert(std::string_view table, std::initializer_list<Value> values) {
  auto found = inserts_.find(table);
  if (found == inserts_.end()) {
    CreateTable(table);
    std::string marks;
    std::string names;
    std::string_view rest = ColumnsOf(table);
    for (std::size_t i = 0; i < values.size(); ++i) {
      marks += marks.empty() ? "?" : ",?";
      names += (names.empty() ? "" : ",") + std::string(rest.substr(0, rest.find(' ')));
      const std::size_t comma = rest.find(", ");
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 2);
    }
    sqlite3_stmt* statement = nullptr;
    const std::string sql = fmt::format("INSERT INTO {} ({}) VALUES ({})", table, names, marks);
    Keep(sqlite3_prepare_v2(connection_.get(), sql.c_str(), -1, &statement, nullptr));
    found = inserts_.emplace(std::string(table), std::unique_ptr<sqlite3_stmt, Finalize>(statement)).first;
  }
  sqlite3_stmt* insert = found->second.get();
  if (insert == nullptr) return;
  int at = 0;
  for (const auto& value : values) {
    ++at;
    if (const auto* whole = std::get_if<std::int64_t>(&value.held)) {
      sqlite3_bind_int64(insert, at, *whole);
    } else if (const auto* number = std::get_if<double>(&value.held)) {
      sqlite3_bind_double(insert, at, *number);
    } else if (const auto* text = std::get_if<std::string_view>(&value.held)) {
      sqlite3_bind_text64(insert, at, text->data() == nullptr ? "" : text->data(), text->size(),
                          SQLITE_STATIC, SQLITE_UTF8);
    } else {
      sqlite3_bind_null(insert, at);
    }
  }
  Keep(sqlite3_step(insert));
  sqlite3_reset(insert);
}

void NsysWriter::WriteSchema() {
  const bool old = schema_ == Schema::kSchema29;
  const auto meta = old ? "EXPORT_META_DATA" : "META_DATA_EXPORT";
  CreateTable("StringIds");
  if (old) {
    for (const auto& known : kWriterTables) {
      const bool later = known.table.starts_with("META_DATA_") || known.table.starts_with("ENUM_") ||
                         known.table == "DIAGNOSTIC_EVENT" || known.table == "ANALYSIS_FILE";
      if (!later) CreateTable(known.table);
    }
  } else {
    WriteEnums();
  }
  Insert(meta, {"EXPORT_PRODUCT_NAME", "NVIDIA Nsight Systems"});
  Insert(meta, {"EXPORT_PRODUCT_VERSION", old                             ? "2022.2.1.31"
                                          : schema_ == Schema::kSchema313 ? "2024.5.1.113"
                                                                          : "2024.6.2.1"});
  Insert(meta, {"EXPORT_SCHEMA_VERSION", old                             ? "2.9.1"
                                         : schema_ == Schema::kSchema313 ? "3.13.2"
                                                                         : "3.16.1"});
  Insert(meta, {"EXPORT_LAZY", old ? "false" : "true"});
}

void NsysWriter::WriteEnums() {
  static constexpr std::array<const char*, 14> kCopies = {
      "UNKNOWN", "HTOD", "DTOH", "HTOA", "ATOH",     "ATOA",     "ATOD",
      "DTOA",    "DTOD", "HTOH", "PTOP", "UVM_HTOD", "UVM_DTOH", "UVM_DTOD"};
  static constexpr std::array<const char*, 8> kMemories = {
      "PAGEABLE", "PINNED", "DEVICE", "ARRAY", "MANAGED", "DEVICE_STATIC", "MANAGED_STATIC", "UNKNOWN"};
  static constexpr std::array<const char*, 5> kSyncs = {"UNKNOWN", "EVENT_SYNCHRONIZE", "STREAM_WAIT_EVENT",
                                                        "STREAM_SYNCHRONIZE", "CONTEXT_SYNCHRONIZE"};
  static constexpr std::array<const char*, 2> kOperations = {"ALLOCATION", "DEALLOCATION"};
  const auto write = [this](std::string_view table, const std::string& prefix, const auto& names) {
    for (std::size_t i = 0; i < names.size(); ++i)
      Insert(table, {i, std::string_view(prefix + names[i]), names[i]});
  };
  write("ENUM_CUDA_MEMCPY_OPER", "CUDA_MEMCPY_KIND_", kCopies);
  write("ENUM_CUDA_MEM_KIND", "CUDA_MEMOPR_MEMORY_KIND_", kMemories);
  write("ENUM_CUPTI_SYNC_TYPE", "CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_", kSyncs);
  write("ENUM_CUDA_DEV_MEM_EVENT_OPER", "CUDA_DEV_MEM_EVENT_OPR_", kOperations);
}

std::int64_t NsysWriter::Intern(std::string_view text) {
  const auto [found, fresh] = ids_.try_emplace(std::string(text), static_cast<std::int64_t>(ids_.size()) + 1);
  if (fresh) Insert("StringIds", {found->second, text});
  return found->second;
}

void NsysWriter::Add(const KernelEvent& k) {
  if (k.is_graph) {
    Insert("CUPTI_ACTIVITY_KIND_GRAPH_TRACE",
           {k.start, k.end, k.device, k.context, k.stream, k.correlation, GlobalPid(k.process), 7, 8});
    return;
  }
  const auto name = Intern(k.name);
  const auto brief = Intern(k.name.substr(0, k.name.find_first_of("<(")));
  Insert("CUPTI_ACTIVITY_KIND_KERNEL", {k.start,
                                        k.end,
                                        k.device,
                                        k.context,
                                        k.stream,
                                        k.correlation,
                                        GlobalPid(k.process),
                                        name,
                                        brief,
                                        name,
                                        1,
                                        0,
                                        k.registers,
                                        k.grid[0],
                                        k.grid[1],
                                        k.grid[2],
                                        k.block[0],
                                        k.block[1],
                                        k.block[2],
                                        k.static_shared_bytes,
                                        k.dynamic_shared_bytes,
                                        0,
                                        0,
                                        0});
}

void NsysWriter::Add(const CopyEvent& c) {
  Insert("CUPTI_ACTIVITY_KIND_MEMCPY",
         {c.start, c.end, c.device, 1, c.stream, c.correlation, GlobalPid(c.process), c.bytes,
          static_cast<int>(c.kind), static_cast<int>(c.source), static_cast<int>(c.target)});
}

void NsysWriter::Add(const MemsetEvent& m) {
  Insert("CUPTI_ACTIVITY_KIND_MEMSET",
         {m.start, m.end, m.device, 1, m.stream, m.correlation, GlobalPid(m.process), 0, m.bytes});
}

void NsysWriter::Add(const ApiEvent& a, bool driver) {
  const auto name = Intern(std::string(a.name) + (driver ? "_v2" : "_v7000"));
  Insert("CUPTI_ACTIVITY_KIND_RUNTIME",
         {a.start, a.end, driver ? 1 : 0, a.thread, a.correlation, name, a.result, Value()});
}

void NsysWriter::Add(const SyncEvent& s) {
  Insert("CUPTI_ACTIVITY_KIND_SYNCHRONIZATION",
         {s.start, s.end, s.device, 1, s.stream, s.correlation, 0, static_cast<int>(s.kind), 0});
}

void NsysWriter::Add(const AllocationEvent& a) {
  Insert("CUDA_GPU_MEMORY_USAGE_EVENTS", {a.at, 0, a.device, 1, a.address, 0, a.bytes,
                                          static_cast<int>(a.kind), a.is_free ? 1 : 0, Value(), Value()});
}

// Domains are declared for each process, as the tool does.
std::int64_t NsysWriter::DomainOf(std::string_view name, std::uint64_t thread) {
  if (name.empty()) return 0;
  const std::string key = fmt::format("{} {}", thread >> 24, name);
  const auto [found, fresh] = domains_.try_emplace(key, static_cast<std::int64_t>(domains_.size()) + 1);
  if (fresh) {
    Insert("NVTX_EVENTS",
           {0, Value(), 75, Value(), Value(), Value(), name, thread, Value(), Value(), found->second});
  }
  return found->second;
}

void NsysWriter::Add(const RangeEvent& r, bool as_string_id) {
  const auto domain = DomainOf(r.domain, r.thread);
  const Value text = as_string_id ? Value() : Value(r.name);
  const Value text_id = as_string_id ? Value(Intern(r.name)) : Value();
  const Value end = r.is_mark ? Value() : Value(r.end);
  Insert("NVTX_EVENTS", {r.start, end, r.is_mark ? 34 : 59, Value(), Value(), Value(), text, r.thread,
                         Value(), text_id, domain});
}

void NsysWriter::Add(const CounterEvent& c) {
  const auto [found, fresh] =
      metrics_.try_emplace(std::string(c.name), static_cast<std::int64_t>(metrics_.size()));
  const std::int64_t type = (std::int64_t{0x10000} << 8) | c.device;
  if (fresh) {
    for (std::int64_t gpu = 0; gpu < 8; ++gpu) {
      Insert("TARGET_INFO_GPU_METRICS",
             {(type & ~std::int64_t{0xFF}) | gpu, 1, "made", found->second, c.name});
    }
  }
  Insert("GPU_METRICS", {c.at, type, found->second, c.value});
}

void NsysWriter::AddDevice(const CaptureDevice& d) {
  const double capability = d.compute_capability.value_or(0) + 0.05;
  const int major = static_cast<int>(capability);
  Insert("TARGET_INFO_GPU",
         {0, d.index, std::string_view(d.name), d.memory_bytes.value_or(0), d.memory_bandwidth.value_or(0),
          d.clock_hz.value_or(0), d.sm_count.value_or(0), std::string_view(d.uuid), d.index,
          d.max_warps_per_sm.value_or(0), major, static_cast<int>((capability - major) * 10)});
}

void NsysWriter::AddDiagnostic(int severity, std::string_view text) {
  Insert("DIAGNOSTIC_EVENT", {0, 1, 1, severity, text});
}

void NsysWriter::AddOverhead(Ns start, Ns end) {
  Insert("PROFILER_OVERHEAD", {start, end, 0, Intern("overhead"), 0});
}

void NsysWriter::AddEnvironment(std::string_view name, std::string_view value) {
  const std::string pair = std::string(name) + "=" + std::string(value);
  if (schema_ == Schema::kSchema29) {
    Insert("TARGET_INFO_SYSTEM_ENV", {0, "Local (CLI)", "DeviceEnvironment", 1, std::string_view(pair)});
    Intern(pair);
  } else {
    Insert("META_DATA_CAPTURE", {std::string_view("ENVIRONMENT:" + std::string(name)), value});
  }
}

void NsysWriter::AddOutput(std::string_view text) {
  if (schema_ == Schema::kSchema29) {
    Insert("ProcessStreams", {0, Intern("/tmp/streams/pid_1_stdout.log"), Intern(text)});
  } else {
    Insert("ANALYSIS_FILE", {1, "pid_1_stdout.log", text, 0});
  }
}

void NsysWriter::AddPlace(std::string_view user, std::string_view host) {
  const auto meta = schema_ == Schema::kSchema29 ? "EXPORT_META_DATA" : "META_DATA_EXPORT";
  Insert(meta, {"EXPORT_USER", user});
  Insert(meta, {"EXPORT_HOST", host});
  Insert("TARGET_INFO_SYSTEM_ENV", {0, "Local (CLI)", "Hostname", 2, host});
}

void NsysWriter::SetTimes(std::int64_t start_unix_ns, Ns duration) {
  Insert("TARGET_INFO_SESSION_START_TIME", {start_unix_ns, "", ""});
  Insert("ANALYSIS_DETAILS", {0, duration, 0, duration});
}

Status NsysWriter::Finish() {
  inserts_.clear();
  Exec("COMMIT");
  return status_;
}

}  // namespace altlas::profile
