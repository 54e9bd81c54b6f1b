// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.h"

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

namespace altlas {
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

std::uint64_t ResidentBytes() {
  const auto text = ReadFile("/proc/self/statm", kProcBytes).value_or("");
  const auto second = std::min(text.find(' '), text.size());
  return FirstNumber(std::string_view(text).substr(second)).value_or(0) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

ProcessMemory ReadProcessMemory() {
  ProcessMemory memory;
  memory.resident = ResidentBytes();
  if (__sanitizer_get_current_allocated_bytes != nullptr) {
    memory.in_use = __sanitizer_get_current_allocated_bytes();
  } else {
    const auto facts = ::mallinfo2();
    memory.in_use = facts.uordblks + facts.hblkhd;
  }
  return memory;
}

std::uint64_t PeakResidentBytes() { return LineOf("/proc/self/status", "VmHWM:"); }

bool ResetPeakResident() {
  std::FILE* file = std::fopen("/proc/self/clear_refs", "w");
  if (file == nullptr) return false;
  const bool written = std::fputs("5", file) >= 0;
  return std::fclose(file) == 0 && written;
}

void ReleaseUnused() { ::malloc_trim(0); }

}  // namespace altlas
