// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <map>

#include "profile/nsys_pass.h"
#include "profile/nsys_reader.h"
#include "profile/timing.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxDevices = 1024;
constexpr std::size_t kMaxNoteBytes = 1000;

std::string ShortText(std::optional<std::string_view> text) {
  std::string clean = CleanName(text.value_or("").substr(0, kMaxNoteBytes));
  while (!clean.empty() && clean.back() == ' ') clean.pop_back();
  return clean;
}

// Either generation's table of (name, value).
Status ReadMeta(NsysPass& pass, std::string_view table, std::string& product, std::string& version) {
  ALTLAS_TRY([[maybe_unused]] const auto rows,
             pass.Each(table, {"name", "value"}, 2, [&](const SqliteRow& row) {
               const auto name = row.Text(0);
               if (!name) return false;
               const std::string value = ShortText(row.Text(1));
               if (*name == "EXPORT_SCHEMA_VERSION") pass.info.schema = value;
               if (*name == "EXPORT_PRODUCT_NAME") product = value;
               if (*name == "EXPORT_PRODUCT_VERSION") version = value;
               if (*name == "EXPORT_PLATFORM") pass.info.environment["platform"] = value;
               return true;
             }));
  return {};
}

Status ReadTool(NsysPass& pass) {
  std::string product = "Nsight Systems";
  std::string version;
  ALTLAS_TRY_VOID(ReadMeta(pass, "EXPORT_META_DATA", product, version));
  ALTLAS_TRY_VOID(ReadMeta(pass, "META_DATA_EXPORT", product, version));
  if (product.starts_with("NVIDIA ")) product.erase(0, 7);
  pass.info.tool = version.empty() ? product : product + " " + version;
  return {};
}

// 52510517 is driver 525.105.17, and 12000 is CUDA 12.0.
std::string DottedVersion(std::string_view name, const std::string& value) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < 1000) return value;
  if (name == "CudaDriverVersion") return fmt::format("{}.{}", number / 1000, number % 1000 / 10);
  if (name != "NvDriverVersion" || number < 10'000'000) return value;
  return fmt::format("{}.{:02}.{:02}", number / 100'000, number / 100 % 1000, number % 100);
}

// Of the system's description only what a reader of figures needs: its environment variables and host name
// stand in the same table.
Status ReadSystem(NsysPass& pass) {
  static const std::map<std::string, std::string, std::less<>> kKept = {{"CpuDescription", "cpu"},
                                                                        {"CpuCores", "cpu_cores"},
                                                                        {"OsDescription", "os"},
                                                                        {"NvDriverVersion", "driver"},
                                                                        {"CudaDriverVersion", "cuda_driver"},
                                                                        {"SoftwareReleaseVersion", "kernel"}};
  ALTLAS_TRY([[maybe_unused]] const auto rows,
             pass.Each("TARGET_INFO_SYSTEM_ENV", {"name", "value"}, 2, [&](const SqliteRow& row) {
               const auto name = row.Text(0);
               if (!name) return false;
               if (const auto kept = kKept.find(*name); kept != kKept.end()) {
                 pass.info.environment[kept->second] = DottedVersion(*name, ShortText(row.Text(1)));
               }
               return true;
             }));
  return {};
}

bool ReadDevice(const SqliteRow& row, CaptureDevice& device, std::int64_t& gpu) {
  std::int64_t cuda = -1;
  std::int64_t major = -1;
  std::int64_t minor = 0;
  std::int64_t memory = 0;
  std::int64_t multiprocessors = 0;
  std::int64_t warps = 0;
  double bandwidth = 0;
  double clock = 0;
  const bool read = row.Get(0, gpu) && row.Get(1, cuda) && row.Get(4, memory) &&
                    row.GetNumber(5, bandwidth) && row.GetNumber(6, clock) && row.Get(7, multiprocessors) &&
                    row.Get(8, warps) && row.Get(9, major) && row.Get(10, minor);
  if (!read || !std::in_range<std::int32_t>(gpu) || !std::in_range<std::int32_t>(cuda)) return false;
  device.index = static_cast<std::int32_t>(cuda >= 0 ? cuda : gpu);
  device.name = ShortText(row.Text(2));
  device.uuid = ShortText(row.Text(3));
  if (memory > 0) device.memory_bytes = static_cast<std::uint64_t>(memory);
  if (bandwidth > 0) device.memory_bandwidth = bandwidth;
  if (clock > 0) device.clock_hz = clock;
  if (multiprocessors > 0 && multiprocessors < 1'000'000)
    device.sm_count = static_cast<std::uint32_t>(multiprocessors);
  if (warps > 0 && warps < 1'000'000) device.max_warps_per_sm = static_cast<std::uint32_t>(warps);
  if (major >= 0 && major < 1000 && minor >= 0 && minor < 10) {
    device.compute_capability = static_cast<double>(major) + static_cast<double>(minor) / 10;
  }
  return true;
}

// Newer exports say per process which GPU its CUDA device is (CUDA_VISIBLE_DEVICES renumbers them). Used
// where all processes agree.
Result<std::map<std::int64_t, std::int32_t>> ReadCudaNumbers(NsysPass& pass) {
  std::map<std::int64_t, std::int32_t> number_of_gpu;
  std::map<std::int32_t, std::int64_t> gpu_of_number;
  bool differ = false;
  ALTLAS_TRY([[maybe_unused]] const auto rows,
             pass.Each("TARGET_INFO_CUDA_DEVICE", {"gpuId", "cudaId"}, 2, [&](const SqliteRow& row) {
               std::int64_t gpu = -1;
               std::int32_t number = -1;
               if (!row.Get(0, gpu) || !row.Get(1, number) || gpu < 0 || number < 0) return false;
               if (number_of_gpu.size() >= kMaxDevices) return false;
               differ = differ || number_of_gpu.emplace(gpu, number).first->second != number ||
                        gpu_of_number.emplace(number, gpu).first->second != gpu;
               return true;
             }));
  if (differ) {
    pass.Note(CaptureNote::Severity::kWarning,
              "processes of this capture number the GPUs differently (CUDA_VISIBLE_DEVICES): figures of a "
              "device are "
              "by CUDA's number and may mix GPUs");
    number_of_gpu.clear();
  }
  return number_of_gpu;
}

Status ReadDevices(NsysPass& pass) {
  ALTLAS_TRY(const auto numbers, ReadCudaNumbers(pass));
  const std::vector<std::string> columns = {
      "id",        "cuDevice", "name",          "uuid",         "totalMemory", "memoryBandwidth",
      "clockRate", "smCount",  "maxWarpsPerSm", "computeMajor", "computeMinor"};
  ALTLAS_TRY([[maybe_unused]] const auto rows,
             pass.Each("TARGET_INFO_GPU", columns, 1, [&](const SqliteRow& row) {
               CaptureDevice device;
               std::int64_t gpu = 0;
               if (pass.info.devices.size() >= kMaxDevices || !ReadDevice(row, device, gpu)) return false;
               if (!numbers.empty()) {
                 const auto number = numbers.find(gpu);
                 if (number == numbers.end()) return true;  // a GPU that no process used
                 device.index = number->second;
               }
               pass.info.devices.push_back(std::move(device));
               return true;
             }));
  return {};
}

Status ReadTimes(NsysPass& pass) {
  ALTLAS_TRY([[maybe_unused]] const auto sessions,
             pass.Each("TARGET_INFO_SESSION_START_TIME", {"utcEpochNs"}, 1, [&](const SqliteRow& row) {
               std::int64_t at = 0;
               if (row.IsNull(0) || !row.Get(0, at)) return false;
               if (!pass.info.start_unix_ns) pass.info.start_unix_ns = at;
               return true;
             }));
  ALTLAS_TRY([[maybe_unused]] const auto details,
             pass.Each("ANALYSIS_DETAILS", {"duration"}, 1, [&](const SqliteRow& row) {
               Ns duration = 0;
               if (row.IsNull(0) || !row.Get(0, duration) || duration < 0 || !IsGoodTime(duration))
                 return false;
               pass.info.duration = std::max(pass.info.duration.value_or(0), duration);
               return true;
             }));
  return {};
}

// Severities: 1 information, 2 warning, 3 error, 4 fatal.
Status ReadDiagnostics(NsysPass& pass) {
  ALTLAS_TRY([[maybe_unused]] const auto rows,
             pass.Each("DIAGNOSTIC_EVENT", {"severity", "text"}, 2, [&](const SqliteRow& row) {
               std::int64_t severity = 0;
               if (!row.Get(0, severity) || !row.Text(1)) return false;
               const auto level = severity >= 3   ? CaptureNote::Severity::kError
                                  : severity == 2 ? CaptureNote::Severity::kWarning
                                                  : CaptureNote::Severity::kInfo;
               pass.Note(level, ShortText(row.Text(1)));
               return true;
             }));
  Ns overhead = 0;
  ALTLAS_TRY(const auto events,
             pass.Each("PROFILER_OVERHEAD", {"start", "end"}, 2, [&](const SqliteRow& row) {
               Ns start = 0;
               Ns end = 0;
               if (row.IsNull(0) || row.IsNull(1) || !row.Get(0, start) || !row.Get(1, end) ||
                   !IsGoodSpan(start, end)) {
                 return false;
               }
               overhead = AddSaturated(overhead, end - start);
               return true;
             }));
  if (events > 0) pass.info.profiler_overhead = overhead;
  return {};
}

}  // namespace

Status ReadNsysInfo(NsysPass& pass) {
  ALTLAS_TRY_VOID(ReadTool(pass));
  ALTLAS_TRY_VOID(ReadSystem(pass));
  ALTLAS_TRY_VOID(ReadDevices(pass));
  ALTLAS_TRY_VOID(ReadTimes(pass));
  return ReadDiagnostics(pass);
}

}  // namespace altlas::profile
