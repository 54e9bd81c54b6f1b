// SPDX-License-Identifier: Apache-2.0
#include "profile/timeline_code.h"

namespace altlas::profile {

void AppendVarint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void AppendLevel(std::string& out, const TimelineLevel& level, Ns origin) {
  const auto put = [&](Ns value) { AppendVarint(out, static_cast<std::uint64_t>(value)); };
  Ns until = origin;
  for (const auto& bar : level.bars) {
    put(bar.start - until);
    until = bar.end;
  }
  for (const auto& bar : level.bars) put(bar.end - bar.start);
  for (const auto& bar : level.bars) put(bar.name);
  for (const auto& bar : level.bars) put(bar.count);
  for (const auto& bar : level.bars)
    if (bar.count > 1) put(bar.busy);
  for (const auto& bar : level.bars)
    if (bar.count > 1) put(bar.name_busy);
}

}  // namespace altlas::profile
