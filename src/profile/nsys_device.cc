// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "profile/nsys_pass.h"
#include "profile/nsys_reader.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxMetricNames = 100'000;

// The first seven columns that every activity on a device has.
const std::vector<std::string> kActivity = {"start",    "end",           "deviceId", "contextId",
                                            "streamId", "correlationId", "globalPid"};

std::vector<std::string> WithActivity(std::initializer_list<const char*> more) {
  auto columns = kActivity;
  columns.insert(columns.end(), more.begin(), more.end());
  return columns;
}

template <typename Event>
bool ReadActivity(const SqliteRow& row, Event& event) {
  std::uint64_t process = 0;
  if (row.IsNull(0) || row.IsNull(1)) return false;
  const bool read = row.Get(0, event.start) && row.Get(1, event.end) && row.GetId(2, event.device) &&
                    row.GetId(4, event.stream) && row.GetBits(5, event.correlation) &&
                    row.GetBits(6, process);
  event.process = static_cast<std::uint32_t>(process >> 24 & 0xFFFFFF);
  return read && IsGoodSpan(event.start, event.end);
}

Status ReadKernels(NsysPass& pass) {
  const auto columns =
      WithActivity({"demangledName", "shortName", "mangledName", "gridX", "gridY", "gridZ", "blockX",
                    "blockY", "blockZ", "registersPerThread", "staticSharedMemory", "dynamicSharedMemory"});
  ALTLAS_TRY(const auto rows, pass.Each("CUPTI_ACTIVITY_KIND_KERNEL", columns, 2, [&](const SqliteRow& row) {
    KernelEvent kernel;
    bool read = ReadActivity(row, kernel) && row.GetId(3, kernel.context) && row.Get(16, kernel.registers) &&
                row.Get(17, kernel.static_shared_bytes) && row.Get(18, kernel.dynamic_shared_bytes);
    for (int i = 0; i < 3; ++i) {
      const auto axis = static_cast<std::size_t>(i);
      read = read && row.Get(10 + i, kernel.grid[axis]) && row.Get(13 + i, kernel.block[axis]);
    }
    std::int64_t name = 0;
    const int column = !row.IsNull(7) ? 7 : !row.IsNull(8) ? 8 : 9;
    if (!read || !row.Get(column, name)) return false;
    kernel.name = row.IsNull(column) ? kNsysUnnamed : pass.names.Find(name);
    pass.sink.OnKernel(kernel);
    return true;
  }));
  pass.info.present.kernels = rows > 0;
  return {};
}

Status ReadGraphs(NsysPass& pass) {
  ALTLAS_TRY(const auto rows,
             pass.Each("CUPTI_ACTIVITY_KIND_GRAPH_TRACE", WithActivity({"graphId", "graphExecId"}), 2,
                       [&](const SqliteRow& row) {
                         KernelEvent graph;
                         std::uint64_t id = 0;
                         if (!ReadActivity(row, graph) || !row.GetId(3, graph.context) ||
                             !row.GetBits(row.IsNull(7) ? 8 : 7, id)) {
                           return false;
                         }
                         const std::string name = fmt::format("CUDA graph {}", id);
                         graph.name = name;
                         graph.is_graph = true;
                         pass.sink.OnKernel(graph);
                         return true;
                       }));
  if (rows == 0) return {};
  pass.info.present.kernels = true;
  pass.Note(CaptureNote::Severity::kInfo,
            fmt::format(
                "{} launches of CUDA graphs are recorded as one block each; kernels in them were not traced "
                "(capture with --cuda-graph-trace=node to see them)",
                rows));
  return {};
}

Status ReadCopies(NsysPass& pass) {
  ALTLAS_TRY(const auto rows, pass.Each("CUPTI_ACTIVITY_KIND_MEMCPY",
                                        WithActivity({"bytes", "copyKind", "srcKind", "dstKind"}), 2,
                                        [&](const SqliteRow& row) {
                                          CopyEvent copy;
                                          std::int64_t kind = 0;
                                          std::int64_t source = -1;
                                          std::int64_t target = -1;
                                          if (!ReadActivity(row, copy) || !row.Get(7, copy.bytes) ||
                                              !row.Get(8, kind) || !row.Get(9, source) ||
                                              !row.Get(10, target)) {
                                            return false;
                                          }
                                          copy.kind = pass.enums.Copy(kind);
                                          copy.source = pass.enums.Memory(source);
                                          copy.target = pass.enums.Memory(target);
                                          pass.sink.OnCopy(copy);
                                          return true;
                                        }));
  pass.info.present.copies = rows > 0;
  return {};
}

Status ReadMemsets(NsysPass& pass) {
  ALTLAS_TRY(const auto rows,
             pass.Each("CUPTI_ACTIVITY_KIND_MEMSET", WithActivity({"bytes"}), 2, [&](const SqliteRow& row) {
               MemsetEvent memset;
               if (!ReadActivity(row, memset) || !row.Get(7, memset.bytes)) return false;
               pass.sink.OnMemset(memset);
               return true;
             }));
  pass.info.present.memsets = rows > 0;
  return {};
}

Status ReadAllocations(NsysPass& pass) {
  const std::vector<std::string> columns = {"start",   "bytes",    "memoryOperationType",
                                            "memKind", "deviceId", "address"};
  ALTLAS_TRY(
      const auto rows, pass.Each("CUDA_GPU_MEMORY_USAGE_EVENTS", columns, 3, [&](const SqliteRow& row) {
        AllocationEvent event;
        std::int64_t operation = -1;
        std::int64_t kind = -1;
        if (row.IsNull(0) || !row.Get(0, event.at) || !row.Get(1, event.bytes) || !row.Get(2, operation) ||
            !row.Get(3, kind) || !row.GetId(4, event.device) || !row.GetBits(5, event.address)) {
          return false;
        }
        event.kind = pass.enums.Memory(kind);
        if (!IsGoodTime(event.at) || !pass.enums.MemoryOperation(operation, event.is_free)) return false;
        pass.sink.OnAllocation(event);
        return true;
      }));
  pass.info.present.allocations = rows > 0;
  return {};
}

using MetricId = std::pair<std::uint64_t, std::int64_t>;

Result<std::map<MetricId, std::string>> ReadMetricNames(NsysPass& pass) {
  std::map<MetricId, std::string> metric_names;
  ALTLAS_TRY([[maybe_unused]] const auto rows,
             pass.Each("TARGET_INFO_GPU_METRICS", {"metricId", "metricName", "typeId"}, 2,
                       [&](const SqliteRow& row) {
                         MetricId id{};
                         const auto name = row.Text(1);
                         if (!row.Get(0, id.second) || !row.GetBits(2, id.first) || !name) return false;
                         if (metric_names.size() >= kMaxMetricNames) return false;
                         metric_names.emplace(id, CleanName(*name));
                         return true;
                       }));
  return metric_names;
}

// The low byte of typeId is the number of the GPU.
Status ReadMetrics(NsysPass& pass) {
  ALTLAS_TRY(const auto metric_names, ReadMetricNames(pass));
  ALTLAS_TRY(
      const auto rows,
      pass.Each("GPU_METRICS", {"timestamp", "metricId", "value", "typeId"}, 3, [&](const SqliteRow& row) {
        CounterEvent counter;
        MetricId id{};
        if (row.IsNull(0) || row.IsNull(2) || !row.Get(0, counter.at) || !row.Get(1, id.second) ||
            !row.GetNumber(2, counter.value) || !row.GetBits(3, id.first) || !IsGoodTime(counter.at)) {
          return false;
        }
        const auto name = metric_names.find(id);
        if (name == metric_names.end()) return false;
        counter.name = name->second;
        counter.device = static_cast<std::int32_t>(id.first & 0xFF);
        pass.sink.OnCounter(counter);
        return true;
      }));
  pass.info.present.counters = rows > 0;
  return {};
}

}  // namespace

Status ReadNsysDevice(NsysPass& pass) {
  ALTLAS_TRY_VOID(ReadKernels(pass));
  ALTLAS_TRY_VOID(ReadGraphs(pass));
  ALTLAS_TRY_VOID(ReadCopies(pass));
  ALTLAS_TRY_VOID(ReadMemsets(pass));
  ALTLAS_TRY_VOID(ReadAllocations(pass));
  return ReadMetrics(pass);
}

}  // namespace altlas::profile
