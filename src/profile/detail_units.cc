// SPDX-License-Identifier: Apache-2.0
#include "profile/detail_units.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "profile/kernel_detail.h"

namespace altlas::profile {
namespace {

struct UnitName {
  std::string_view printed;  // in lower case
  std::string_view base;
  double factor;
};
constexpr std::array<UnitName, 40> kUnitNames = {{
    {"ns", "ns", 1},        {"nsecond", "ns", 1},       {"nanosecond", "ns", 1},
    {"us", "ns", 1e3},      {"usecond", "ns", 1e3},     {"microsecond", "ns", 1e3},
    {"\u00b5s", "ns", 1e3}, {"\u03bcs", "ns", 1e3},     {"ms", "ns", 1e6},
    {"msecond", "ns", 1e6}, {"millisecond", "ns", 1e6}, {"s", "ns", 1e9},
    {"sec", "ns", 1e9},     {"second", "ns", 1e9},      {"hz", "Hz", 1},
    {"khz", "Hz", 1e3},     {"mhz", "Hz", 1e6},         {"ghz", "Hz", 1e9},
    {"b", "B", 1},          {"byte", "B", 1},           {"bytes", "B", 1},
    {"kb", "B", 1e3},       {"kbyte", "B", 1e3},        {"kbytes", "B", 1e3},
    {"mb", "B", 1e6},       {"mbyte", "B", 1e6},        {"mbytes", "B", 1e6},
    {"gb", "B", 1e9},       {"gbyte", "B", 1e9},        {"gbytes", "B", 1e9},
    {"tb", "B", 1e12},      {"tbyte", "B", 1e12},       {"tbytes", "B", 1e12},
    {"kib", "B", 1024},     {"mib", "B", 1048576},      {"gib", "B", 1073741824},
    {"kibyte", "B", 1024},  {"mibyte", "B", 1048576},   {"gibyte", "B", 1073741824},
    {"percent", "%", 1},
}};

BaseUnit OneUnit(std::string_view printed) {
  std::string lower;
  for (const char c : printed)
    lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  for (const auto& name : kUnitNames) {
    if (name.printed == lower) return {std::string(name.base), name.factor};
  }
  return {std::string(printed), 1};
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool IsDigitAt(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

// Each comma with three digits behind it and one before it, all before the decimal point.
bool HasThousands(std::string_view text) {
  const std::size_t point = text.find('.');
  for (std::size_t i = text.find(','); i != std::string_view::npos; i = text.find(',', i + 1)) {
    const bool group = i > 0 && IsDigitAt(text, i - 1) && IsDigitAt(text, i + 1) && IsDigitAt(text, i + 2) &&
                       IsDigitAt(text, i + 3) && !IsDigitAt(text, i + 4);
    if (!group || i > point) return false;
  }
  return true;
}

}  // namespace

BaseUnit ToBaseUnit(std::string_view printed) {
  const auto text = Trimmed(printed);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return OneUnit(text);
  BaseUnit above = OneUnit(text.substr(0, slash));
  const BaseUnit below = OneUnit(text.substr(slash + 1));
  if (below.unit == "ns") {
    above.factor *= 1e9 / below.factor;
    above.unit = above.unit == "cycle" ? "Hz" : above.unit + "/s";
    return above;
  }
  return {above.unit + "/" + below.unit, above.factor / below.factor};
}

std::optional<double> ParseDetailNumber(std::string_view text) {
  const auto trimmed = Trimmed(text);
  if (!HasThousands(trimmed)) return std::nullopt;
  std::string plain;
  for (const char c : trimmed) {
    if (c != ',') plain.push_back(c);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc() || end != plain.data() + plain.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

bool HasDecimalComma(std::string_view text) {
  const auto trimmed = Trimmed(text);
  if (trimmed.find(',') == std::string_view::npos || HasThousands(trimmed)) return false;
  return trimmed.find_first_not_of("0123456789.,-") == std::string_view::npos &&
         IsDigitAt(trimmed, trimmed.size() - 1);
}

const DetailMetric* KernelDetail::Find(std::string_view metric, std::string_view unit) const {
  for (const auto& candidate : metrics) {
    if (candidate.name == metric && (unit.empty() || candidate.unit == unit)) return &candidate;
  }
  return nullptr;
}

}  // namespace altlas::profile
