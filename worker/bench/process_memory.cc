// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/process_memory.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>

#include "base/file.h"

// The address sanitizer's own count, since its allocator leaves malloc's at zero.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is the sanitizer's
extern "C" __attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();

namespace altlas::bench {
namespace {

constexpr std::size_t kProcBytes = 65'536;

std::optional<std::uint64_t> FirstNumber(std::string_view text) {
  const auto at = text.find_first_of("0123456789");
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

// The bytes of a line "Name:   123 kB".
std::uint64_t LineOf(const std::string& file, std::string_view name) {
  const auto text = ReadFile(file, kProcBytes).value_or("");
  const auto at = text.find(name);
  return at == std::string::npos ? 0 : 1024 * FirstNumber(std::string_view(text).substr(at)).value_or(0);
}

}  // namespace

ProcessMemory ReadProcessMemory() {
  ProcessMemory memory;
  const auto text = ReadFile("/proc/self/statm", kProcBytes).value_or("");
  const auto second = std::min(text.find(' '), text.size());
  memory.resident = FirstNumber(std::string_view(text).substr(second)).value_or(0) *
                    static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (__sanitizer_get_current_allocated_bytes != nullptr) {
    memory.in_use = __sanitizer_get_current_allocated_bytes();
  } else {
    const auto facts = ::mallinfo2();
    memory.in_use = facts.uordblks + facts.hblkhd;
  }
  return memory;
}

std::uint64_t PeakResident() { return LineOf("/proc/self/status", "VmHWM:"); }

bool ResetPeakResident() {
  std::FILE* file = std::fopen("/proc/self/clear_refs", "w");
  if (file == nullptr) return false;
  const bool written = std::fputs("5", file) >= 0;
  return std::fclose(file) == 0 && written;
}

std::uint64_t AvailableMemory() {
  const auto available = LineOf("/proc/meminfo", "MemAvailable:");
  const auto limit = FirstNumber(ReadFile("/sys/fs/cgroup/memory.max", kProcBytes).value_or(""));
  const auto used = FirstNumber(ReadFile("/sys/fs/cgroup/memory.current", kProcBytes).value_or(""));
  if (!limit || !used) return available;
  return std::min(available, *limit > *used ? *limit - *used : 0);
}

}  // namespace altlas::bench
