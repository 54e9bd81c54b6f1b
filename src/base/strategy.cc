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

template <typename E, std::size_t N>
Result<E> Parse(std::string_view what, const std::array<std::pair<E, std::string_view>, N>& table,
                std::string_view name) {
  std::string list;
  std::vector<std::string> known;
  for (const auto& [value, spelling] : table) {
    if (spelling == name) return value;
    known.emplace_back(spelling);
    list += (list.empty() ? "" : ", ") + known.back();
  }
  const std::string near = Nearest(name, known);
  return Fail(ErrorCode::kInvalidArgument, "unknown {} \"{}\": use one of {}{}", what, name.substr(0, 64),
              list, near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
}

}  // namespace

std::string_view StrategyName(Strategy strategy) {
  return kStrategies[static_cast<std::size_t>(strategy)].second;
}

Result<Strategy> ParseStrategy(std::string_view name) { return Parse("strategy", kStrategies, name); }

std::vector<Strategy> AllStrategies() {
  std::vector<Strategy> all;
  for (const auto& [strategy, name] : kStrategies) all.push_back(strategy);
  return all;
}

std::string_view MappingAnswerName(MappingAnswer answer) {
  return kMappingAnswers[static_cast<std::size_t>(answer)].second;
}

Result<MappingAnswer> ParseMappingAnswer(std::string_view name) {
  return Parse("answer to an unavailable mapping", kMappingAnswers, name);
}

}  // namespace altlas
