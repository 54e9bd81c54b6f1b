// SPDX-License-Identifier: Apache-2.0
#include "base/strategy.h"

#include "base/nearest.h"

namespace altlas {
namespace {

template <typename E, std::size_t N>
constexpr bool InOrder(const std::array<std::pair<E, std::string_view>, N>& table) {
  for (std::size_t i = 0; i < N; ++i) {
    if (static_cast<std::size_t>(table[i].first) != i) return false;
  }
  return true;
}
static_assert(InOrder(kStrategies) && InOrder(kMappingAnswers));

}  // namespace

std::string_view StrategyName(Strategy strategy) {
  return kStrategies[static_cast<std::size_t>(strategy)].second;
}

Result<Strategy> ParseStrategy(std::string_view name) {
  std::string list;
  std::vector<std::string> known;
  for (const auto& [strategy, spelling] : kStrategies) {
    if (spelling == name) return strategy;
    known.emplace_back(spelling);
    list += (list.empty() ? "" : ", ") + known.back();
  }
  const std::string near = Nearest(name, known);
  return Fail(ErrorCode::kInvalidArgument, "unknown strategy \"{}\": use one of {}{}", name.substr(0, 64),
              list, near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
}

std::vector<Strategy> AllStrategies() {
  std::vector<Strategy> all;
  for (const auto& [strategy, name] : kStrategies) all.push_back(strategy);
  return all;
}

}  // namespace altlas
