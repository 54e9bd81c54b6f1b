// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

namespace altlas::bench {

// "5.2 GiB"; "1,536 B" below 10 KiB is written out: growth is told in small numbers.
std::string BytesText(double bytes);
// The same with a sign in front where it is negative, "0 B" for less than half a byte, and words for what has
// no bound.
std::string SignedBytesText(double bytes);

}  // namespace altlas::bench
