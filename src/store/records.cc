// SPDX-License-Identifier: Apache-2.0
#include "store/records.h"

#include <utility>

namespace altlas::store {
namespace {
constexpr std::array<std::string_view, kTaskStatusCount> kStatusNames = {"queued", "running", "completed",
                                                                         "failed", "canceled"};
constexpr std::array<std::pair<Scope, std::string_view>, 3> kScopeNames = {
    {{Scope::kPredict, "predict"}, {Scope::kAdmin, "admin"}, {Scope::kMetrics, "metrics"}}};

std::optional<Scope> ParseScope(std::string_view name) {
  for (const auto& [scope, known] : kScopeNames) {
    if (known == name) return scope;
  }
  return std::nullopt;
}
}  // namespace

std::string_view TaskStatusName(TaskStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }

std::optional<TaskStatus> ParseTaskStatus(std::string_view name) {
  for (std::size_t i = 0; i < kStatusNames.size(); ++i) {
    if (kStatusNames[i] == name) return static_cast<TaskStatus>(i);
  }
  return std::nullopt;
}

std::vector<std::string_view> ScopeNames(ScopeSet scopes) {
  std::vector<std::string_view> names;
  for (const auto& [scope, name] : kScopeNames) {
    if (scopes.Has(scope)) names.push_back(name);
  }
  return names;
}

std::string FormatScopes(ScopeSet scopes) {
  std::string text;
  for (const auto name : ScopeNames(scopes)) {
    if (!text.empty()) text += ',';
    text += name;
  }
  return text;
}

Result<ScopeSet> ParseScopes(std::string_view text) {
  ScopeSet scopes;
  while (true) {
    const auto comma = text.find(',');
    const auto name = text.substr(0, comma);
    const auto scope = ParseScope(name);
    if (!scope) {
      return FailField("scopes",
                       "\"{}\" is not a scope; give one or more of predict, admin, metrics, joined by commas",
                       name);
    }
    scopes.Add(*scope);
    if (comma == std::string_view::npos) return scopes;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace altlas::store
