// SPDX-License-Identifier: Apache-2.0
#include "profile/ncu_table.h"

#include <algorithm>
#include <charconv>

#include "profile/detail_units.h"
#include "profile/nsys_names.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kNoColumn = std::string::npos;
constexpr std::array<std::string_view, 18> kTitles = {"ID",
                                                      "Process ID",
                                                      "Kernel Name",
                                                      "Context",
                                                      "Stream",
                                                      "Block Size",
                                                      "Grid Size",
                                                      "Device",
                                                      "CC",
                                                      "Section Name",
                                                      "Metric Name",
                                                      "Metric Unit",
                                                      "Metric Value",
                                                      "Rule Name",
                                                      "Rule Type",
                                                      "Rule Description",
                                                      "Estimated Speedup Type",
                                                      "Estimated Speedup"};

// Columns that describe a launch and are no metrics, besides those above.
bool IsAboutLaunch(std::string_view title) {
  return title == "Process Name" || title == "Host Name" || title == "Kernel Time" || title.empty() ||
         title.find("Push/Pop_Range") != std::string_view::npos ||
         title.find("Start/Stop_Range") != std::string_view::npos || title.starts_with("NVTX");
}

template <typename T>
bool ParseWhole(std::string_view text, T& out) {
  if (text.empty()) return true;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// "(256, 1, 1)", "256 x 1 x 1": the three numbers.
bool ParseExtent(std::string_view text, std::array<std::uint32_t, 3>& out) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] < '0' || text[i] > '9') {
      ++i;
      continue;
    }
    if (found == out.size()) return false;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + text.size(), out[found]);
    if (error != std::errc()) return false;
    i = static_cast<std::size_t>(end - text.data());
    ++found;
  }
  return found == 0 || found == out.size();
}

// What was meant as a number and is none that can be read: nan, inf, 10'208, 1e999. Versions and dates are
// texts.
bool IsBrokenNumber(std::string_view value) {
  if (value.starts_with('-') || value.starts_with('+')) value.remove_prefix(1);
  std::string lower;
  for (const char c : value.substr(0, 16))
    lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  if (lower == "nan" || lower == "inf" || lower == "infinity" || lower.starts_with("nan(")) return true;
  if (value.empty() || value.front() < '0' || value.front() > '9') return false;
  const auto exponent = std::min(value.find_first_of("eE"), value.size());
  const auto mantissa = value.substr(0, exponent);
  auto power = value.substr(std::min(exponent + 1, value.size()));
  if (power.starts_with('-') || power.starts_with('+')) power.remove_prefix(1);
  if (exponent < value.size() && power.empty()) return false;
  return power.find_first_not_of("0123456789") == std::string_view::npos &&
         mantissa.find_first_not_of("0123456789.,'") == std::string_view::npos &&
         std::count(mantissa.begin(), mantissa.end(), '.') <= 1;
}

}  // namespace

Result<NcuTable> NcuTable::Create(const std::vector<std::string>& header) {
  NcuTable table;
  if (header.size() == 1 && header.front().find(';') != std::string::npos) {
    return Fail(
        ErrorCode::kUnsupported,
        "the CSV's fields are separated by semicolons, as spreadsheets write it: take what `ncu --csv` "
        "printed, with commas");
  }
  for (std::size_t i = 0; i < kTitles.size(); ++i) {
    const auto found = std::find(header.begin(), header.end(), kTitles[i]);
    table.columns_[i] = found == header.end() ? kNoColumn : static_cast<std::size_t>(found - header.begin());
  }
  if (table.columns_[kId] == kNoColumn) {
    return Fail(ErrorCode::kUnsupported,
                "the CSV is a summary over launches (--print-summary), which has no single values: print the "
                "launches "
                "with `ncu --import FILE.ncu-rep --csv --page raw`");
  }
  if (table.columns_[kMetric] != kNoColumn) return table;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const bool known = std::find(kTitles.begin(), kTitles.end(), header[i]) != kTitles.end();
    if (!known && !IsAboutLaunch(header[i])) table.wide_.push_back({i, CleanName(header[i]), {}});
  }
  return table;
}

bool NcuTable::TakeUnits(const std::vector<std::string>& fields) {
  if (!fields.front().empty()) return false;
  if (units_taken_) return true;
  units_taken_ = true;
  for (auto& wide : wide_) {
    if (wide.column < fields.size()) wide.unit = CleanName(fields[wide.column]);
  }
  return true;
}

std::string NcuTable::Field(const std::vector<std::string>& fields, Column column) const {
  const std::size_t at = columns_[column];
  return at < fields.size() ? CleanName(fields[at]) : std::string();
}

bool NcuTable::ReadLaunch(const std::vector<std::string>& fields, KernelDetail& launch) const {
  launch.name = Field(fields, kKernel);
  if (Field(fields, kId).empty() || launch.name.empty()) return false;
  const auto capability = ParseDetailNumber(Field(fields, kCapability));
  if (capability && *capability > 0 && *capability < 1000) launch.compute_capability = capability;
  return ParseWhole(Field(fields, kId), launch.id) && ParseWhole(Field(fields, kProcess), launch.process) &&
         ParseWhole(Field(fields, kContext), launch.context) &&
         ParseWhole(Field(fields, kStream), launch.stream) &&
         ParseWhole(Field(fields, kDevice), launch.device) &&
         ParseExtent(Field(fields, kGrid), launch.grid) && ParseExtent(Field(fields, kBlock), launch.block);
}

Result<bool> NcuTable::AddMetric(std::string name, const std::string& unit, const std::string& value,
                                 std::string section, KernelDetail& launch) const {
  if (HasDecimalComma(value)) {
    return Fail(
        ErrorCode::kUnsupported,
        "the value {} of {} has a decimal comma, which cannot be told from thousands in other values: print "
        "the CSV with LC_ALL=C",
        value, name);
  }
  DetailMetric metric;
  metric.name = std::move(name);
  metric.section = std::move(section);
  const BaseUnit base = ToBaseUnit(unit);
  metric.unit = base.unit;
  if (const auto number = ParseDetailNumber(value)) {
    metric.value = *number * base.factor;
  } else if (IsBrokenNumber(value)) {
    return false;
  } else {
    metric.text = value;
  }
  launch.metrics.push_back(std::move(metric));
  return true;
}

Result<bool> NcuTable::ReadValues(const std::vector<std::string>& fields, KernelDetail& launch) const {
  bool good = true;
  for (const auto& wide : wide_) {
    if (wide.column >= fields.size() || fields[wide.column].empty()) continue;
    ALTLAS_TRY(const bool added, AddMetric(wide.name, wide.unit, CleanName(fields[wide.column]), {}, launch));
    good = good && added;
  }
  if (columns_[kMetric] == kNoColumn) return good;
  if (std::string name = Field(fields, kMetric); !name.empty()) {
    return AddMetric(std::move(name), Field(fields, kUnit), Field(fields, kValue), Field(fields, kSection),
                     launch);
  }
  DetailRule rule;
  rule.name = Field(fields, kRule);
  if (rule.name.empty()) return false;
  rule.section = Field(fields, kSection);
  rule.type = Field(fields, kRuleType);
  rule.text = Field(fields, kRuleText);
  rule.speedup_type = Field(fields, kSpeedupType);
  rule.speedup_percent = ParseDetailNumber(Field(fields, kSpeedup));
  launch.rules.push_back(std::move(rule));
  return true;
}

}  // namespace altlas::profile
