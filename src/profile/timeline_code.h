// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "profile/timeline.h"

// A level's bars as bytes that compress well and that a page reads in one pass:
//   level   = column*6, each with a number for each bar (the last two: for each bar with count > 1)
//   columns = gap to the end of the bar before (the first: to `origin`), length, name, count, busy, name_busy
//   number  = LEB128, unsigned: 7 bits a byte, the lowest first, the top bit set where another follows
// A bar of one event is busy for its length, by its name.
namespace altlas::profile {

void AppendVarint(std::string& out, std::uint64_t value);
void AppendLevel(std::string& out, const TimelineLevel& level, Ns origin);

}  // namespace altlas::profile
