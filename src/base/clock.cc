// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctime>

namespace altlas {
namespace {
std::int64_t ReadNanos(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}
}  // namespace

TimePoint SystemClock::Now() const { return TimePoint(Duration(ReadNanos(CLOCK_BOOTTIME))); }
WallMillis SystemClock::WallNow() const { return ReadNanos(CLOCK_REALTIME) / 1'000'000; }

}  // namespace altlas
