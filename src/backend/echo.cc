// SPDX-License-Identifier: Apache-2.0
#include "backend/echo.h"

#include <nlohmann/json.hpp>

#include "base/json_writer.h"

namespace altlas::backend {

namespace {

std::uint32_t HashOf(std::string_view text) {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const unsigned char c : text) hash = (hash ^ c) * 16777619u;
  return hash;
}

// "a bc  d" -> "a", " bc", " ", " d": joined they are the text again.
std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t start = 0;
  while (start < text.size()) {
    const auto next = std::min(text.find(' ', start + 1), text.size());
    words.push_back(text.substr(start, next - start));
    start = next;
  }
  return words;
}

}  // namespace

Result<EchoAnswer> MakeEcho(const wire::LeaseGrant& grant) {
  const auto request = nlohmann::json::parse(grant.request, nullptr, /*allow_exceptions=*/false);
  if (!request.is_object() || !request.contains("text") || !request.at("text").is_string()) {
    return Fail(ErrorCode::kInvalidArgument, "the echo model wants a JSON object with a string `text`");
  }
  EchoAnswer answer;
  answer.text = request.at("text").get<std::string>();
  std::size_t limit = SIZE_MAX;
  if (request.contains("max_length") && request.at("max_length").is_number_unsigned())
    limit = request.at("max_length").get<std::size_t>();
  const auto words = Words(answer.text);
  const auto count = std::min(words.size(), limit);
  std::string said;
  for (std::size_t i = 0; i < count; ++i) {
    said += words[i];
    answer.pieces.push_back({static_cast<std::uint32_t>(i), HashOf(words[i]), std::string(words[i])});
  }
  answer.known = std::min(count, grant.emitted.size());
  answer.prompt_tokens = static_cast<std::uint32_t>(words.size());
  answer.generated_tokens = static_cast<std::uint32_t>(count);
  JsonWriter json;
  json.BeginObject().Key("text").String(said);
  json.Key("finish_reason").String(count < words.size() ? "length" : "stop");
  json.Key("prompt_tokens").Unsigned(answer.prompt_tokens);
  json.Key("generated_tokens").Unsigned(answer.generated_tokens);
  json.Key("max_length_clipped").Bool(false).EndObject();
  answer.result = json.Take();
  return answer;
}

wire::ModelReady EchoModel(const wire::ModelSpec& spec) {
  wire::ModelReady ready;
  ready.name = spec.name;
  ready.family = "echo";
  ready.dtype = spec.dtype;
  ready.memory_bytes = 1 << 20;
  ready.kv_budget_bytes = spec.kv_budget_bytes;
  ready.context_length = spec.max_context != 0 ? spec.max_context : 1 << 20;
  ready.vocabulary = UINT32_MAX;
  return ready;
}

}  // namespace altlas::backend
