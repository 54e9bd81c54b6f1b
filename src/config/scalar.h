// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "config/key_spec.h"
#include "config/value.h"

// Single values, read strictly: what different YAML readers take for different things (yes, 010, 1:30, 1_000,
// "8") is refused with the reason. Pure.
namespace altlas::config {

// A value, or what is wrong: "found 010, allowed is a whole number, 1 to 1024 (why, or how to mend it)".
struct ReadScalar {
  Value value;
  std::string problem;
  bool ok() const { return problem.empty(); }
};

// `plain`: not in quotes. Requires a key of one value (not a section, list, map or items).
ReadScalar ParseScalar(const KeySpec& key, std::string_view text, bool plain);

// Whether a text without quotes is a number, a date, true, null or the like to some YAML reader.
bool LooksLikeOtherType(std::string_view text);

// ASCII letters made small.
std::string Lower(std::string_view text);

// `text` for a message: as it stands where it is short and printable, else quoted, escaped and cut.
std::string Shown(std::string_view text, bool plain);

// "0.05", "60", "1000000"
std::string FormatNumber(double number);
// "64MiB", "1000": the largest binary unit that divides it.
std::string FormatBytes(std::int64_t bytes);

}  // namespace altlas::config
