// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "profile/kernel_detail.h"

namespace altlas::profile {

// The columns of one ncu CSV table, found by their names: a details page (one metric or rule a row) or a raw
// page (one launch a row). Rows may have fewer fields than the header.
class NcuTable {
 public:
  // kUnsupported for a summary over launches (`--print-summary`).
  static Result<NcuTable> Create(const std::vector<std::string>& header);
  // True where the row holds a raw page's units (and no launch).
  bool TakeUnits(const std::vector<std::string>& fields);
  // Who the row is about. False where it names no kernel, or its numbers cannot be read.
  bool ReadLaunch(const std::vector<std::string>& fields, KernelDetail& launch) const;
  // Adds the row's metrics, or its rule. False: nothing in it that makes sense. kUnsupported: decimal commas.
  Result<bool> ReadValues(const std::vector<std::string>& fields, KernelDetail& launch) const;

 private:
  enum Column {
    kId,
    kProcess,
    kKernel,
    kContext,
    kStream,
    kBlock,
    kGrid,
    kDevice,
    kCapability,
    kSection,
    kMetric,
    kUnit,
    kValue,
    kRule,
    kRuleType,
    kRuleText,
    kSpeedupType,
    kSpeedup,
    kColumns
  };
  std::string Field(const std::vector<std::string>& fields, Column column) const;
  Result<bool> AddMetric(std::string name, const std::string& unit, const std::string& value,
                         std::string section, KernelDetail& launch) const;

  std::array<std::size_t, kColumns> columns_{};  // npos: the table has none
  struct Wide {
    std::size_t column = 0;
    std::string name;
    std::string unit;
  };
  std::vector<Wide> wide_;  // of a raw page
  bool units_taken_ = false;
};

}  // namespace altlas::profile
