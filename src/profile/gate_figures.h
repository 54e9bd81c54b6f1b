// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

// The figures that the gate reads from files: which there are, their units, and what they can be. Pure.
namespace altlas::profile {

// Of the head of a summary: what can be judged, and which way is better.
struct JudgedFigure {
  const char* name;
  const char* unit;
  bool higher_is_better;
};
std::span<const JudgedFigure> JudgedFigures();

// Larger ones come from broken files: a median of two would not be finite any more.
inline constexpr double kMostFigure = 1e18;

// kCorrupt where no run can have such a value of the metric `name`: over kMostFigure, below zero where it is
// a time, a size or a count, zero where it is the mean time of a kernel. `field` is named in the error.
Status CheckFigure(std::string_view name, std::string_view field, double value);

// kCorrupt where the metric `name` of a baseline is not in the unit that the gate writes it in.
Status CheckUnit(const std::string& name, const std::string& unit);

}  // namespace altlas::profile
