// SPDX-License-Identifier: Apache-2.0
#include "worker/compute/process_memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "base/file.h"
#include "base/unique_fd.h"

namespace altlas::compute {
namespace {

std::uint64_t StatusBytes(std::string_view field) {
  const auto text = ReadFile("/proc/self/status", 1 << 16).value_or("");
  const auto at = text.find(field);
  if (at == std::string::npos) return 0;
  const auto digits = text.find_first_of("0123456789", at);
  std::uint64_t kilobytes = 0;
  if (digits != std::string::npos)
    std::from_chars(text.data() + digits, text.data() + text.size(), kilobytes);
  return kilobytes << 10;
}

}  // namespace

std::uint64_t ResidentBytes() { return StatusBytes("VmRSS:"); }

std::uint64_t PeakResidentBytes() { return StatusBytes("VmHWM:"); }

bool ResetPeakResident() {
  const UniqueFd file(::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  return file.valid() && ::write(file.get(), "5", 1) == 1;
}

void ReleaseUnused() { ::malloc_trim(0); }

}  // namespace altlas::compute
