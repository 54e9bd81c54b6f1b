// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/json_writer.h"
#include "base/nearest.h"
#include "base/utf8.h"

namespace altlas::config {

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

namespace {

constexpr std::size_t kShownBytes = 60;
constexpr std::size_t kMaxScalarBytes = 4096;
constexpr std::string_view kDigits = "0123456789";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool AllDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
}

std::string_view WithoutSign(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text;
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool LooksLikeBool(std::string_view text) {
  return IsOneOf(Lower(text), {"true", "false", "yes", "no", "on", "off", "y", "n"});
}

bool LooksLikeNan(std::string_view text) {
  return IsOneOf(Lower(WithoutSign(text)), {".inf", ".nan", "inf", "nan", "infinity"});
}

// [sign] digits [. digits] [e [sign] digits], with a digit on at least one side of the point.
bool IsDecimal(std::string_view text) {
  text = WithoutSign(text);
  const auto exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    if (!AllDigits(WithoutSign(text.substr(exponent + 1)))) return false;
    text = text.substr(0, exponent);
  }
  const auto point = text.find('.');
  if (point == std::string_view::npos) return AllDigits(text);
  const auto whole = text.substr(0, point);
  const auto part = text.substr(point + 1);
  return (AllDigits(whole) || whole.empty()) && (AllDigits(part) || part.empty()) &&
         whole.size() + part.size() > 0;
}

bool HasLeadingZero(std::string_view text) {
  text = WithoutSign(text);
  return text.size() > 1 && text[0] == '0' && IsDigit(text[1]);
}

bool IsBase60(std::string_view text) {
  text = WithoutSign(text);
  return !text.empty() && IsDigit(text.front()) && text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789:.") == std::string_view::npos;
}

bool IsDate(std::string_view text) {
  return text.size() >= 8 && AllDigits(text.substr(0, 4)) && text[4] == '-' && IsDigit(text[5]) &&
         text.find_first_not_of("0123456789-:.TtZz +") == std::string_view::npos;
}

// Why a plain scalar that was meant as a number is not one that every reader reads alike; "" where there is
// no known trap.
std::string NumberTrap(std::string_view text) {
  const auto digits = WithoutSign(text);
  if (LooksLikeNan(text)) return "NaN and infinity are not values here";
  if (HasLeadingZero(text) && digits.find_first_not_of(kDigits) == std::string_view::npos)
    return "a leading zero means octal to some readers: leave it out";
  if (digits.size() > 1 && digits[0] == '0' &&
      std::string_view("xXoObB").find(digits[1]) != std::string_view::npos)
    return "write it as a decimal number";
  if (IsBase60(text)) return "a colon means base 60 to some readers: write a plain number";
  const auto without_marks = [&](char mark) {
    std::string rest;
    std::copy_if(text.begin(), text.end(), std::back_inserter(rest), [mark](char c) { return c != mark; });
    return rest;
  };
  if (text.find('_') != std::string_view::npos && IsDecimal(without_marks('_')))
    return "write it without underscores";
  if (text.find(',') != std::string_view::npos && IsDecimal(without_marks(',')))
    return "the decimal mark is a point";
  return {};
}

ReadScalar Wrong(const KeySpec& key, std::string_view text, bool plain, std::string_view hint) {
  auto problem = fmt::format("found {}, allowed is {}", Shown(text, plain), Allowed(key));
  if (!hint.empty()) problem += fmt::format(" ({})", hint);
  return {{}, std::move(problem)};
}

ReadScalar InRange(const KeySpec& key, std::string_view text, bool plain, double number, Value value) {
  if (number < key.minimum || number > key.maximum) return Wrong(key, text, plain, {});
  return {std::move(value), {}};
}

ReadScalar ParseBool(const KeySpec& key, std::string_view text, bool plain) {
  if (!plain) return Wrong(key, text, plain, LooksLikeBool(text) ? "take the quotes away" : "");
  if (text == "true") return {{true}, {}};
  if (text == "false") return {{false}, {}};
  if (IsOneOf(Lower(text), {"true", "false"})) return Wrong(key, text, plain, "in small letters");
  return Wrong(key, text, plain,
               LooksLikeBool(text) ? "yes, no, on and off mean different things to different readers" : "");
}

ReadScalar ParseInt(const KeySpec& key, std::string_view text, bool plain) {
  if (!plain) return Wrong(key, text, plain, IsDecimal(text) ? "take the quotes away" : "");
  if (const auto trap = NumberTrap(text); !trap.empty()) return Wrong(key, text, plain, trap);
  if (!AllDigits(WithoutSign(text)))
    return Wrong(key, text, plain, IsDecimal(text) ? "no point and no exponent" : "");
  if (text.front() == '+') text.remove_prefix(1);
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{}) return Wrong(key, text, plain, "it does not even fit into 64 bits");
  return InRange(key, text, plain, static_cast<double>(number), {number});
}

// Requires IsDecimal(text). False where it is past what a double holds.
bool ToDouble(std::string_view text, double& number) {
  if (text.front() == '+') text.remove_prefix(1);
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc{} && std::isfinite(number);
}

ReadScalar ParseFloat(const KeySpec& key, std::string_view text, bool plain) {
  if (!plain) return Wrong(key, text, plain, IsDecimal(text) ? "take the quotes away" : "");
  if (const auto trap = NumberTrap(text); !trap.empty()) return Wrong(key, text, plain, trap);
  double number = 0;
  if (!IsDecimal(text))
    return Wrong(key, text, plain, text.ends_with('%') ? "a share is written 0.9, not 90%" : "");
  if (!ToDouble(text, number))
    return Wrong(key, text, plain, "it does not fit into a 64-bit floating-point number");
  if (number == 0) number = 0;  // -0 is 0
  return InRange(key, text, plain, number, {number});
}

using Unit = std::pair<std::string_view, double>;
constexpr std::array<Unit, 5> kTimeUnits = {{{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
constexpr std::array<Unit, 9> kSizeUnits = {{{"B", 1},
                                             {"KiB", 1024.0},
                                             {"MiB", 1048576.0},
                                             {"GiB", 1073741824.0},
                                             {"TiB", 1099511627776.0},
                                             {"KB", 1e3},
                                             {"MB", 1e6},
                                             {"GB", 1e9},
                                             {"TB", 1e12}}};

// "<decimal>[ ]<unit>": the number times the unit. False where it is none.
bool ParseWithUnit(std::string_view text, std::span<const Unit> units, double& number) {
  const auto letter = text.find_first_not_of("0123456789.");
  if (letter == std::string_view::npos || !IsDecimal(text.substr(0, letter))) return false;
  auto unit = text.substr(letter);
  if (unit.front() == ' ') unit.remove_prefix(1);
  for (const auto& [name, factor] : units) {
    if (name != unit || !ToDouble(text.substr(0, letter), number)) continue;
    number *= factor;
    return true;
  }
  return false;
}

// A plain number, or a text with a unit in quotes or not.
ReadScalar ParseQuantity(const KeySpec& key, std::string_view text, bool plain, std::span<const Unit> units,
                         double& number) {
  if (ParseWithUnit(text, units, number)) return {};
  auto plain_number = key;
  plain_number.type = KeyType::kFloat;
  auto read = ParseFloat(plain_number, text, plain);
  if (!read.ok())
    return Wrong(key, text, plain, plain ? NumberTrap(text) : IsDecimal(text) ? "take the quotes away" : "");
  number = read.value.AsDouble();
  return {};
}

ReadScalar ParseSeconds(const KeySpec& key, std::string_view text, bool plain) {
  double seconds = 0;
  if (auto read = ParseQuantity(key, text, plain, kTimeUnits, seconds); !read.ok()) return read;
  const double ms = seconds * 1000;
  auto read = InRange(key, text, plain, seconds, {std::round(ms) / 1000});
  if (read.ok() && std::abs(ms - std::round(ms)) > 1e-6)
    return Wrong(key, text, plain, "whole milliseconds are the finest");
  return read;
}

ReadScalar ParseBytes(const KeySpec& key, std::string_view text, bool plain) {
  double bytes = 0;
  if (auto read = ParseQuantity(key, text, plain, kSizeUnits, bytes); !read.ok()) return read;
  if (bytes != std::floor(bytes)) return Wrong(key, text, plain, "that is not a whole number of bytes");
  if (bytes > key.maximum) return Wrong(key, text, plain, {});
  return InRange(key, text, plain, bytes, {static_cast<std::int64_t>(bytes)});
}

ReadScalar ParseText(const KeySpec& key, std::string_view text, bool plain) {
  if (plain && LooksLikeOtherType(text))
    return Wrong(key, text, plain, "some readers take it for something else: put it in quotes");
  if (text.empty()) return Wrong(key, text, plain, "it is empty");
  if (text.size() > kMaxScalarBytes)
    return Wrong(key, text, plain, fmt::format("at most {} bytes", kMaxScalarBytes));
  if (text.find('\0') != std::string_view::npos) return Wrong(key, text, plain, "it holds a NUL");
  if (key.check != nullptr) {
    if (const auto wrong = key.check(text); !wrong.empty())
      return {{}, fmt::format("found {}, {}", Shown(text, plain), wrong)};
  }
  return {{std::string(text)}, {}};
}

ReadScalar ParseChoice(const KeySpec& key, std::string_view text, bool plain) {
  if (std::find(key.choices.begin(), key.choices.end(), text) != key.choices.end())
    return {{std::string(text)}, {}};
  const auto nearest = Nearest(Lower(text), key.choices);
  return Wrong(key, text, plain, nearest.empty() ? "" : fmt::format("did you mean {}?", nearest));
}

}  // namespace

bool LooksLikeOtherType(std::string_view text) {
  if (text.empty()) return false;
  return LooksLikeBool(text) || IsOneOf(Lower(text), {"null", "~"}) || IsDecimal(text) ||
         !NumberTrap(text).empty() || IsDate(text);
}

std::string Shown(std::string_view text, bool plain) {
  const bool cut = text.size() > kShownBytes;
  std::string shown(text.substr(0, kShownBytes));
  if (cut) shown.resize(shown.size() - IncompleteUtf8Tail(shown));
  const bool printable = std::all_of(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  if (!plain || !printable || shown.empty()) {
    std::string quoted;
    AppendJsonString(quoted, shown);
    shown = std::move(quoted);
  }
  return cut ? shown + "..." : shown;
}

std::string FormatNumber(double number) {
  if (number == std::floor(number) && std::abs(number) < 1e15)
    return fmt::format("{}", static_cast<std::int64_t>(number));
  return fmt::format("{}", number);
}

std::string FormatBytes(std::int64_t bytes) {
  constexpr std::array<std::string_view, 5> kNames = {"", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (unit + 1 < kNames.size() && bytes != 0 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kNames[unit]);
}

ReadScalar ParseScalar(const KeySpec& key, std::string_view text, bool plain) {
  switch (key.type) {
    case KeyType::kBool:
      return ParseBool(key, text, plain);
    case KeyType::kInt:
      return ParseInt(key, text, plain);
    case KeyType::kFloat:
      return ParseFloat(key, text, plain);
    case KeyType::kSeconds:
      return ParseSeconds(key, text, plain);
    case KeyType::kBytes:
      return ParseBytes(key, text, plain);
    case KeyType::kChoice:
      return ParseChoice(key, text, plain);
    default:
      return ParseText(key, text, plain);
  }
}

}  // namespace altlas::config
