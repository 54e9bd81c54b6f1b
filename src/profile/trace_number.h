// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "profile/events.h"

// Numbers as traces write them, pure.
namespace altlas::profile {

// A decimal count of microseconds as nanoseconds, exact: "1695835542514261.437" has more digits than a
// double. Digits past the nanosecond are rounded half away from zero. Empty for what is no finite number
// (NaN, Infinity, words) or is past +-4e18 ns, 126 years.
std::optional<Ns> MicrosecondsToNs(std::string_view text);
// The same for a count of nanoseconds.
std::optional<Ns> NanosecondsToNs(std::string_view text);

// A whole number not below zero; fractions are cut off ("8.0"). Empty where it is none or does not fit.
std::optional<std::uint64_t> ParseCount(std::string_view text);
std::optional<double> ParseFinite(std::string_view text);

}  // namespace altlas::profile
