// SPDX-License-Identifier: Apache-2.0
#include "device/proc_files.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/file.h"

namespace altlas::device {
namespace {

constexpr std::size_t kFileLimit = 1 << 20;

std::optional<std::string> Slurp(const std::filesystem::path& path) {
  auto text = ReadFile(path, kFileLimit);
  if (!text.has_value()) return std::nullopt;
  return std::move(*text);
}

std::optional<std::uint64_t> ReadNumber(const std::filesystem::path& path) {
  const auto text = Slurp(path);
  if (!text) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

// The process's folder in the hierarchy of `controller` ("" for cgroup v2), e.g. "/user.slice".
std::string OwnCgroup(const std::filesystem::path& root, std::string_view controller) {
  const auto text = Slurp(root / "proc/self/cgroup").value_or("");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto names = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool match = controller.empty()
                           ? names == ",,"
                           : names.find("," + std::string(controller) + ",") != std::string::npos;
    if (match) return line.substr(second + 1);
  }
  return "/";
}

// The lowest limit on the way from our cgroup up to the root.
template <typename Read>
auto LowestUpwards(std::filesystem::path base, std::string own, Read read) -> decltype(read(base)) {
  decltype(read(base)) lowest;
  std::filesystem::path relative = std::filesystem::path(own).relative_path();
  while (true) {
    const auto here = read(base / relative);
    if (here && (!lowest || *here < *lowest)) lowest = here;
    if (relative.empty()) return lowest;
    relative = relative.parent_path();
  }
}

std::optional<std::uint64_t> MemoryLimit(const std::filesystem::path& root) {
  const auto v2 = LowestUpwards(root / "sys/fs/cgroup", OwnCgroup(root, ""),
                                [](const auto& folder) { return ReadNumber(folder / "memory.max"); });
  const auto v1 =
      LowestUpwards(root / "sys/fs/cgroup/memory", OwnCgroup(root, "memory"),
                    [](const auto& folder) { return ReadNumber(folder / "memory.limit_in_bytes"); });
  if (v1 && v2) return std::min(*v1, *v2);
  return v2 ? v2 : v1;
}

}  // namespace

std::optional<MemoryFacts> ReadMemory(const std::filesystem::path& root) {
  const auto text = Slurp(root / "proc/meminfo");
  if (!text) return std::nullopt;
  MemoryFacts facts;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    std::uint64_t kibibytes = 0;
    words >> key >> kibibytes;
    if (key == "MemTotal:") facts.total = kibibytes * 1024;
    if (key == "MemAvailable:") facts.available = kibibytes * 1024;
  }
  if (facts.total == 0) return std::nullopt;
  if (const auto limit = MemoryLimit(root); limit && *limit > 0 && *limit < facts.total) {
    facts.total = *limit;
    facts.available = std::min(facts.available, *limit);
  }
  return facts;
}

std::vector<CpuTimes> ReadCpuTimes(const std::filesystem::path& root) {
  constexpr std::size_t kMostProcessors = 8192;
  std::vector<CpuTimes> all;
  std::istringstream lines(Slurp(root / "proc/stat").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("cpu") || line.size() < 4 || line[3] < '0' || line[3] > '9') continue;
    std::istringstream words(line.substr(3));
    std::size_t number = 0;
    words >> number;
    if (!words || number >= kMostProcessors) continue;
    // user nice system idle iowait irq softirq steal (proc(5)); guest time is part of user already.
    std::uint64_t field = 0, idle = 0, total = 0;
    for (int i = 0; i < 8 && words >> field; ++i) {
      total += field;
      if (i == 3 || i == 4) idle += field;
    }
    if (all.size() <= number) all.resize(number + 1);
    all[number] = {total - idle, total};
  }
  return all;
}

std::optional<ProcessFacts> ReadProcess(const std::filesystem::path& root, int pid) {
  const auto text = Slurp(root / "proc" / std::to_string(pid) / "stat");
  if (!text) return std::nullopt;
  const auto name_end = text->rfind(')');  // the name may hold spaces and brackets
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream words(text->substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) words >> skipped;  // state .. cmajflt
  std::uint64_t user = 0, system = 0;
  words >> user >> system;
  for (int i = 0; i < 8; ++i) words >> skipped;  // cutime .. vsize
  std::uint64_t pages = 0;
  words >> pages;
  if (!words) return std::nullopt;
  return ProcessFacts{user + system, pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

std::string ReadCpuModel(const std::filesystem::path& root) {
  std::istringstream lines(Slurp(root / "proc/cpuinfo").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (line.starts_with("model name") && colon != std::string::npos && colon + 2 <= line.size())
      return line.substr(colon + 2);
  }
  return "CPU";
}

std::optional<double> ReadCpuQuota(const std::filesystem::path& root) {
  const auto v2 = LowestUpwards(root / "sys/fs/cgroup", OwnCgroup(root, ""),
                                [](const auto& folder) -> std::optional<double> {
                                  std::istringstream words(Slurp(folder / "cpu.max").value_or(""));
                                  double quota = 0, period = 0;
                                  if (words >> quota >> period && period > 0) return quota / period;
                                  return std::nullopt;
                                });
  const auto v1 = LowestUpwards(
      root / "sys/fs/cgroup/cpu", OwnCgroup(root, "cpu"), [](const auto& folder) -> std::optional<double> {
        const auto quota =
            ReadNumber(folder / "cpu.cfs_quota_us");  // -1, "no limit", does not read as a number
        const auto period = ReadNumber(folder / "cpu.cfs_period_us");
        if (quota && period && *period > 0) return static_cast<double>(*quota) / static_cast<double>(*period);
        return std::nullopt;
      });
  if (v1 && v2) return std::min(*v1, *v2);
  return v2 ? v2 : v1;
}

}  // namespace altlas::device
