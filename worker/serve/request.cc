// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/request.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json_writer.h"
#include "worker/serve/request_json.h"

namespace altlas::serve {
namespace {

using Json = nlohmann::json;
constexpr std::int64_t kMaxLength = std::int64_t{1} << 31;

Status ReadNumber(const Json& object, const char* key, double low, double high, double& out) {
  const Json* value = FindRequestField(object, key);
  if (value == nullptr) return {};
  if (!value->is_number()) return FailField(key, "{} is {}; it must be a number", key, value->type_name());
  const auto number = value->get<double>();
  if (!(number >= low && number <= high)) {
    return FailField(key, "{} is {}; it must lie between {} and {}", key, number, low, high);
  }
  out = number;
  return {};
}

Status ReadInteger(const Json& object, const char* key, std::int64_t low, std::int64_t high,
                   std::int64_t& out) {
  const Json* value = FindRequestField(object, key);
  if (value == nullptr) return {};
  if (!value->is_number_integer())
    return FailField(key, "{} is {}; it must be an integer", key, value->dump());
  const bool above =
      value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(high);
  if (above || value->get<std::int64_t>() < low) {
    return FailField(key, "{} is {}; it must lie between {} and {}", key, value->dump(), low, high);
  }
  out = value->get<std::int64_t>();
  return {};
}

Status ReadSeed(const Json& object, std::uint64_t& seed) {
  const Json* value = FindRequestField(object, "seed");
  if (value == nullptr) return {};
  if (!value->is_string())
    return FailField("seed", "seed is {}; it must be a decimal string", value->type_name());
  const auto& text = value->get_ref<const std::string&>();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error != std::errc() || end != text.data() + text.size()) {
    return FailField("seed", "seed is \"{}\"; it must be a decimal number between 0 and 18446744073709551615",
                     text.substr(0, 40));
  }
  return {};
}

Status ReadStops(const Json& object, std::vector<std::string>& stops) {
  const Json* value = FindRequestField(object, "stop");
  if (value == nullptr) return {};
  if (!value->is_array())
    return FailField("stop", "stop is {}; it must be an array of strings", value->type_name());
  if (value->size() > kMaxStopStrings) {
    return FailField("stop", "stop holds {} strings; at most {} are allowed", value->size(), kMaxStopStrings);
  }
  for (const auto& stop : *value) {
    if (!stop.is_string())
      return FailField("stop", "stop holds {}; every element must be a string", stop.type_name());
    const auto& text = stop.get_ref<const std::string&>();
    if (text.empty() || text.size() > kMaxStopBytes) {
      return FailField("stop", "a stop string has {} bytes; it must have 1 to {}", text.size(),
                       kMaxStopBytes);
    }
    stops.push_back(text);
  }
  return {};
}

Status ReadSampling(const Json& object, SamplingParams& sampling) {
  constexpr double kTiny = 1e-6;
  std::int64_t top_k = sampling.top_k;
  ALTLAS_TRY_VOID(ReadNumber(object, "temperature", 0.0, 1e6, sampling.temperature));
  ALTLAS_TRY_VOID(ReadInteger(object, "top_k", 0, std::numeric_limits<int>::max(), top_k));
  ALTLAS_TRY_VOID(ReadNumber(object, "top_p", 0.0, 1.0, sampling.top_p));
  ALTLAS_TRY_VOID(ReadNumber(object, "min_p", 0.0, 1.0, sampling.min_p));
  ALTLAS_TRY_VOID(ReadNumber(object, "repetition_penalty", kTiny, 1e6, sampling.repetition_penalty));
  ALTLAS_TRY_VOID(ReadSeed(object, sampling.seed));
  sampling.top_k = static_cast<int>(top_k);
  return {};
}

Result<GenerationRequest> Read(const Json& object, const SamplingParams& defaults) {
  GenerationRequest request;
  request.sampling = defaults;
  ALTLAS_TRY(request.text, ReadRequestText(object));
  ALTLAS_TRY_VOID(ReadInteger(object, "max_length", 1, kMaxLength, request.max_length));
  ALTLAS_TRY_VOID(ReadSampling(object, request.sampling));
  ALTLAS_TRY_VOID(ReadStops(object, request.stop));
  return request;
}

}  // namespace

Result<GenerationRequest> ParseRequest(std::string_view type, std::string_view json,
                                       const SamplingParams& defaults) {
  if (type != "text_generation") {
    return Fail(ErrorCode::kUnsupported,
                "task type \"{}\" is not one this worker runs; it runs text_generation and embedding", type);
  }
  ALTLAS_TRY(const Json object, ParseRequestObject(json));
  return Read(object, defaults);
}

std::string FormatResult(const GenerationResult& result) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("text").String(result.text);
  writer.Key("finish_reason").String(result.finish_reason);
  writer.Key("prompt_tokens").Int(result.prompt_tokens);
  writer.Key("generated_tokens").Int(result.generated_tokens);
  writer.Key("max_length_clipped").Bool(result.max_length_clipped);
  writer.EndObject();
  return writer.Take();
}

}  // namespace altlas::serve
