// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace altlas::profile {

// A unit as Nsight Compute prints it, old spelling ("usecond", "cycle/nsecond", "Kbyte/block") or new ("us",
// "hz", "GB/s"), in base units: value_in_base = value * factor. Unknown units stay as they are, factor 1.
struct BaseUnit {
  std::string unit;
  double factor = 1;
};
BaseUnit ToBaseUnit(std::string_view printed);

// A number as Nsight Compute prints it, with commas between thousands. Nothing where it is no number, or
// where a comma stands elsewhere.
std::optional<double> ParseDetailNumber(std::string_view text);
// True where `text` can only be a number with a decimal comma ("53,13").
bool HasDecimalComma(std::string_view text);

}  // namespace altlas::profile
