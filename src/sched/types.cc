// SPDX-License-Identifier: Apache-2.0
#include "sched/types.h"

#include <array>

#include "base/nearest.h"

namespace altlas::sched {
namespace {

constexpr std::array<std::string_view, kStrategyCount> kStrategyNames = {
    "round_robin", "least_loaded", "memory_optimized", "task_specific", "random"};
constexpr std::array<std::string_view, 3> kMappingAnswerNames = {"fallback", "wait", "fail"};

template <std::size_t N>
Result<std::size_t> IndexOf(std::string_view what, const std::array<std::string_view, N>& names,
                            std::string_view name) {
  std::string list;
  std::vector<std::string> known;
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return i;
    known.emplace_back(names[i]);
    list += (i == 0 ? "" : ", ") + known.back();
  }
  const std::string near = Nearest(name, known);
  return Fail(ErrorCode::kInvalidArgument, "unknown {} \"{}\": use one of {}{}", what, name.substr(0, 64),
              list, near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
}

}  // namespace

std::string_view StrategyName(Strategy strategy) {
  return kStrategyNames[static_cast<std::size_t>(strategy)];
}

Result<Strategy> ParseStrategy(std::string_view name) {
  ALTLAS_TRY(const auto index, IndexOf("strategy", kStrategyNames, name));
  return static_cast<Strategy>(index);
}

std::vector<Strategy> AllStrategies() {
  std::vector<Strategy> all;
  for (int i = 0; i < kStrategyCount; ++i) all.push_back(static_cast<Strategy>(i));
  return all;
}

std::string_view MappingAnswerName(MappingAnswer answer) {
  return kMappingAnswerNames[static_cast<std::size_t>(answer)];
}

Result<MappingAnswer> ParseMappingAnswer(std::string_view name) {
  ALTLAS_TRY(const auto index, IndexOf("answer to an unavailable mapping", kMappingAnswerNames, name));
  return static_cast<MappingAnswer>(index);
}

std::string_view DeviceHealthName(DeviceHealth health) {
  constexpr std::array<std::string_view, 5> kNames = {"ok", "starting", "limited", "lost", "disabled"};
  return kNames[static_cast<std::size_t>(health)];
}

std::string_view ReasonName(Reason reason) {
  constexpr std::array<std::string_view, 12> kNames = {
      "none",        "next_in_turn", "least_finish",      "least_count",
      "best_fit",    "mapped",       "mapping_fell_back", "drawn",
      "batch_share", "kept_free",    "queue_timeout",     "mapping_unavailable"};
  return kNames[static_cast<std::size_t>(reason)];
}

}  // namespace altlas::sched
