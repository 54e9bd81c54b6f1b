// SPDX-License-Identifier: Apache-2.0
#include "model_type.h"

#include <nlohmann/json.hpp>

#include "base/file.h"

namespace altlas::app {
namespace {

constexpr std::size_t kMaxModelConfigBytes = std::size_t{1} << 20;
constexpr int kMaxModelConfigDepth = 32;

bool IsBert(const nlohmann::json& config) {
  const auto type = config.find("model_type");
  if (type != config.end() && type->is_string()) return *type == "bert";
  const auto list = config.find("architectures");
  const bool named = list != config.end() && list->is_array() && !list->empty() && list->front().is_string();
  return named && list->front().get<std::string>().starts_with("Bert");
}

}  // namespace

std::optional<std::string_view> TypeOfFolder(const std::filesystem::path& folder) {
  const auto text = ReadFile(folder / "config.json", kMaxModelConfigBytes);
  if (!text.has_value()) return std::nullopt;
  bool deep = false;
  const auto config = nlohmann::json::parse(
      text->begin(), text->end(),
      [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        deep = deep || depth > kMaxModelConfigDepth;
        return !deep;
      },
      /*allow_exceptions=*/false);
  if (deep || !config.is_object()) return std::nullopt;
  return IsBert(config) ? "embedding" : "text_generation";
}

}  // namespace altlas::app
