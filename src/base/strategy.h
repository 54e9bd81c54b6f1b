// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

// The words for placement that configuration, interface, store and scheduler share. One table an enum, in the
// enum's order.
namespace altlas {

// How the device of a task is chosen (src/sched/strategy_<name>.cc).
enum class Strategy : std::uint8_t { kRoundRobin, kLeastLoaded, kMemoryOptimized, kTaskSpecific, kRandom };
inline constexpr auto kStrategies = std::to_array<std::pair<Strategy, std::string_view>>({
    {Strategy::kRoundRobin, "round_robin"},
    {Strategy::kLeastLoaded, "least_loaded"},
    {Strategy::kMemoryOptimized, "memory_optimized"},
    {Strategy::kTaskSpecific, "task_specific"},
    {Strategy::kRandom, "random"},
});
inline constexpr int kStrategyCount = kStrategies.size();

// What a task_specific task does while its mapped device is absent or unhealthy (a mapped device that is
// merely busy is always waited for).
enum class MappingAnswer : std::uint8_t {
  kFallback,  // the default strategy places it (least_loaded where task_specific is itself the default)
  kWait,      // it waits for that device, within its queue timeout; without any mapping for its type it falls
              // back
  kFail,      // it fails with the reason
};
inline constexpr auto kMappingAnswers = std::to_array<std::pair<MappingAnswer, std::string_view>>({
    {MappingAnswer::kFallback, "fallback"},
    {MappingAnswer::kWait, "wait"},
    {MappingAnswer::kFail, "fail"},
});

// "round_robin", "least_loaded", ...
std::string_view StrategyName(Strategy strategy);
// kInvalidArgument, naming the nearest known strategy, where there is none of that name.
Result<Strategy> ParseStrategy(std::string_view name);
std::vector<Strategy> AllStrategies();

}  // namespace altlas
