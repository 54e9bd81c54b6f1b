// SPDX-License-Identifier: Apache-2.0
#include "worker/model/llama_config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "worker/model/json_strict.h"
#include "worker/model/load.h"

namespace altlas::model {
namespace {

using Json = nlohmann::json;

// The largest sizes that are believed: far above any published model, and small enough that products fit 63
// bits.
constexpr std::int64_t kMaxVocab = 1 << 21;
constexpr std::int64_t kMaxHidden = 1 << 16;
constexpr std::int64_t kMaxInner = 1 << 20;
constexpr std::int64_t kMaxLayers = 1024;
constexpr std::int64_t kMaxHeads = 1024;
constexpr std::int64_t kMaxHeadDim = 1024;
constexpr std::int64_t kMaxPositions = 1 << 24;

const Json* Find(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::int64_t> Size(const Json& object, const char* name, std::int64_t limit,
                          std::optional<std::int64_t> fallback) {
  const Json* value = Find(object, name);
  if (value == nullptr) {
    if (fallback) return *fallback;
    return Fail(ErrorCode::kCorrupt, "config.json lacks {}", name);
  }
  const bool whole =
      value->is_number_integer() && !(value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX);
  if (!whole || value->get<std::int64_t>() < 1 || value->get<std::int64_t>() > limit) {
    return Fail(ErrorCode::kCorrupt, "config.json: {} is {}, it must be a whole number from 1 to {}", name,
                value->dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 40), limit);
  }
  return value->get<std::int64_t>();
}

Result<double> Number(const Json& object, const char* name, double low, double high, double fallback,
                      std::string_view file = "config.json") {
  const Json* value = Find(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high)) {
    return Fail(ErrorCode::kCorrupt, "{}: {} is {}, it must be a number from {} to {}", file, name,
                value->dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 40), low, high);
  }
  return value->get<double>();
}

Result<bool> Flag(const Json& object, const char* name, bool fallback) {
  const Json* value = Find(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return Fail(ErrorCode::kCorrupt, "config.json: {} must be true or false", name);
  return value->get<bool>();
}

Result<std::string> Text(const Json& object, const char* name, std::string fallback) {
  const Json* value = Find(object, name);
  if (value == nullptr) return fallback;
  if (!value->is_string()) return Fail(ErrorCode::kCorrupt, "config.json: {} must be a string", name);
  return value->get<std::string>();
}

// An id or a list of ids. Ids outside the vocabulary, such as -1 for "none", cannot occur and are left out.
Result<std::vector<std::int64_t>> Ids(const Json& object, const char* name, std::int64_t vocab_size,
                                      const char* file) {
  std::vector<std::int64_t> ids;
  const Json* value = Find(object, name);
  if (value == nullptr) return ids;
  const auto add = [&](const Json& one) {
    if (!one.is_number_integer()) return false;
    const auto id = one.get<std::int64_t>();
    if (id >= 0 && id < vocab_size) ids.push_back(id);
    return true;
  };
  bool good = true;
  if (value->is_array()) {
    for (const Json& one : *value) good = good && add(one);
  } else {
    good = add(*value);
  }
  if (!good) return Fail(ErrorCode::kCorrupt, "{}: {} must be a token id or a list of them", file, name);
  return ids;
}

Result<std::string> Architecture(const Json& json) {
  std::string name;
  if (const Json* list = Find(json, "architectures");
      list != nullptr && list->is_array() && !list->empty() && list->front().is_string()) {
    name = list->front().get<std::string>();
  } else {
    ALTLAS_TRY(const std::string type, Text(json, "model_type", ""));
    name = type == "llama"     ? "LlamaForCausalLM"
           : type == "mistral" ? "MistralForCausalLM"
           : type == "qwen2"   ? "Qwen2ForCausalLM"
                               : type;
  }
  if (name != "LlamaForCausalLM" && name != "MistralForCausalLM" && name != "Qwen2ForCausalLM") {
    return Fail(ErrorCode::kUnsupported,
                "config.json: architecture \"{}\" is not offered for text generation: use a folder of "
                "LlamaForCausalLM, "
                "MistralForCausalLM or Qwen2ForCausalLM",
                name.substr(0, 80));
  }
  return name;
}

Status ReadRope(const Json& json, LlamaConfig& config) {
  RopeConfig& rope = config.rope;
  ALTLAS_TRY(rope.theta, Number(json, "rope_theta", 1.0001, 1e12, 10000));
  const Json* scaling = Find(json, "rope_parameters");
  if (scaling == nullptr) scaling = Find(json, "rope_scaling");
  if (scaling == nullptr) return {};
  if (!scaling->is_object())
    return Fail(ErrorCode::kCorrupt, "config.json: rope_scaling must be an object or null");
  ALTLAS_TRY(rope.theta, Number(*scaling, "rope_theta", 1.0001, 1e12, rope.theta));
  ALTLAS_TRY(const double partial, Number(*scaling, "partial_rotary_factor", 0, 1, 1));
  if (partial != 1)
    return Fail(ErrorCode::kUnsupported, "config.json: partial_rotary_factor {} is not offered, only 1",
                partial);
  ALTLAS_TRY(std::string kind, Text(*scaling, "type", "default"));
  ALTLAS_TRY(kind, Text(*scaling, "rope_type", kind));
  if (kind == "default") return {};
  if (kind == "linear")
    rope.kind = RopeConfig::Kind::kLinear;
  else if (kind == "dynamic")
    rope.kind = RopeConfig::Kind::kDynamic;
  else if (kind == "llama3")
    rope.kind = RopeConfig::Kind::kLlama3;
  else if (kind == "yarn")
    rope.kind = RopeConfig::Kind::kYarn;
  else {
    return Fail(
        ErrorCode::kUnsupported,
        "config.json: rope scaling \"{}\" is not offered: default, linear, dynamic, llama3 and yarn are",
        kind.substr(0, 40));
  }
  const double positions = static_cast<double>(config.max_positions);
  ALTLAS_TRY(const double top_original,
             Number(json, "original_max_position_embeddings", 1, kMaxPositions, positions));
  ALTLAS_TRY(rope.original_context,
             Number(*scaling, "original_max_position_embeddings", 1, kMaxPositions, top_original));
  if (Find(*scaling, "factor") == nullptr && rope.kind != RopeConfig::Kind::kYarn) {
    return Fail(ErrorCode::kCorrupt, "config.json: rope scaling \"{}\" lacks its factor", kind);
  }
  ALTLAS_TRY(rope.factor,
             Number(*scaling, "factor", 1, 1024, std::max(1.0, positions / rope.original_context)));
  ALTLAS_TRY(rope.low_freq_factor, Number(*scaling, "low_freq_factor", 1e-3, 1e6, 1));
  ALTLAS_TRY(rope.high_freq_factor, Number(*scaling, "high_freq_factor", 1e-3, 1e6, 4));
  ALTLAS_TRY(rope.beta_fast, Number(*scaling, "beta_fast", 1e-3, 1e6, 32));
  ALTLAS_TRY(rope.beta_slow, Number(*scaling, "beta_slow", 1e-3, 1e6, 1));
  ALTLAS_TRY(rope.attention_factor, Number(*scaling, "attention_factor", 0, 1e3, 0));
  ALTLAS_TRY(rope.mscale, Number(*scaling, "mscale", 0, 1e3, 0));
  ALTLAS_TRY(rope.mscale_all_dim, Number(*scaling, "mscale_all_dim", 0, 1e3, 0));
  ALTLAS_TRY(rope.truncate, Flag(*scaling, "truncate", true));
  if (rope.kind == RopeConfig::Kind::kLlama3 && rope.high_freq_factor <= rope.low_freq_factor) {
    return Fail(ErrorCode::kCorrupt,
                "config.json: rope scaling needs low_freq_factor below high_freq_factor");
  }
  return {};
}

// The context that the scaling was made for. llama3 folders state the stretched one themselves.
std::int64_t ContextLength(const LlamaConfig& config) {
  double context = static_cast<double>(config.max_positions);
  if (config.rope.kind == RopeConfig::Kind::kLinear || config.rope.kind == RopeConfig::Kind::kDynamic)
    context *= config.rope.factor;
  if (config.rope.kind == RopeConfig::Kind::kYarn)
    context = std::max(context, config.rope.original_context * config.rope.factor);
  return std::min(kMaxPositions, static_cast<std::int64_t>(context));
}

Status ReadWindows(const Json& json, LlamaConfig& config) {
  const bool mistral = config.architecture == "MistralForCausalLM";
  const bool qwen = config.architecture == "Qwen2ForCausalLM";
  ALTLAS_TRY(const bool qwen_window, Flag(json, "use_sliding_window", false));
  config.layer_windows.assign(static_cast<std::size_t>(config.layers), 0);
  if (!mistral && !(qwen && qwen_window)) return {};
  // Mistral's documented default where the key is absent; null says none.
  if (mistral && !json.contains("sliding_window")) {
    config.sliding_window = 4096;
  } else if (Find(json, "sliding_window") != nullptr) {
    ALTLAS_TRY(config.sliding_window, Size(json, "sliding_window", kMaxPositions, std::nullopt));
  }
  ALTLAS_TRY(const double first, Number(json, "max_window_layers", 0, kMaxLayers, mistral ? 0 : 28));
  const Json* types = Find(json, "layer_types");
  if (types != nullptr && (!types->is_array() || types->size() != config.layer_windows.size())) {
    return Fail(ErrorCode::kCorrupt, "config.json: layer_types must list a type for each of the {} layers",
                config.layers);
  }
  for (std::size_t i = 0; i < config.layer_windows.size(); ++i) {
    bool windowed = mistral || static_cast<double>(i) >= first;
    if (types != nullptr) windowed = (*types)[i] == "sliding_attention";
    if (windowed) config.layer_windows[i] = config.sliding_window;
  }
  return {};
}

Status ReadSizes(const Json& json, LlamaConfig& config) {
  ALTLAS_TRY(config.vocab_size, Size(json, "vocab_size", kMaxVocab, std::nullopt));
  ALTLAS_TRY(config.hidden_size, Size(json, "hidden_size", kMaxHidden, std::nullopt));
  ALTLAS_TRY(config.intermediate_size, Size(json, "intermediate_size", kMaxInner, std::nullopt));
  ALTLAS_TRY(config.layers, Size(json, "num_hidden_layers", kMaxLayers, std::nullopt));
  ALTLAS_TRY(config.heads, Size(json, "num_attention_heads", kMaxHeads, std::nullopt));
  ALTLAS_TRY(config.kv_heads, Size(json, "num_key_value_heads", kMaxHeads, config.heads));
  if (Find(json, "head_dim") == nullptr && config.hidden_size % config.heads != 0) {
    return Fail(
        ErrorCode::kCorrupt,
        "config.json: hidden_size {} is no multiple of num_attention_heads {}, and head_dim is not given",
        config.hidden_size, config.heads);
  }
  ALTLAS_TRY(config.head_dim, Size(json, "head_dim", kMaxHeadDim,
                                   std::max<std::int64_t>(1, config.hidden_size / config.heads)));
  if (config.heads % config.kv_heads != 0) {
    return Fail(ErrorCode::kCorrupt,
                "config.json: num_attention_heads {} is no multiple of num_key_value_heads {}", config.heads,
                config.kv_heads);
  }
  if (config.head_dim % 2 != 0)
    return Fail(ErrorCode::kCorrupt, "config.json: head_dim {} is odd, rotary positions need pairs",
                config.head_dim);
  const std::int64_t positions = config.architecture == "MistralForCausalLM" ? 131072
                                 : config.architecture == "Qwen2ForCausalLM" ? 32768
                                                                             : 2048;
  ALTLAS_TRY(config.max_positions, Size(json, "max_position_embeddings", kMaxPositions, positions));
  return {};
}

Status ReadSwitches(const Json& json, LlamaConfig& config) {
  ALTLAS_TRY(config.rms_norm_eps, Number(json, "rms_norm_eps", 1e-12, 0.1, 1e-6));
  ALTLAS_TRY(const std::string activation, Text(json, "hidden_act", "silu"));
  if (activation != "silu" && activation != "swish") {
    return Fail(ErrorCode::kUnsupported, "config.json: hidden_act \"{}\" is not offered, only silu",
                activation.substr(0, 40));
  }
  if (Find(json, "quantization_config") != nullptr) {
    return Fail(
        ErrorCode::kUnsupported,
        "config.json: quantized weights are not offered: use the folder's float32, bfloat16 or float16 form");
  }
  ALTLAS_TRY(config.tie_embeddings, Flag(json, "tie_word_embeddings", false));
  if (config.architecture == "LlamaForCausalLM") {
    ALTLAS_TRY(config.qkv_bias, Flag(json, "attention_bias", false));
    config.output_bias = config.qkv_bias;
    ALTLAS_TRY(config.mlp_bias, Flag(json, "mlp_bias", false));
  }
  if (config.architecture == "Qwen2ForCausalLM") config.qkv_bias = true;
  ALTLAS_TRY(std::string dtype, Text(json, "torch_dtype", "float32"));
  ALTLAS_TRY(dtype, Text(json, "dtype", dtype));
  ALTLAS_TRY(config.dtype, ParseDtype(dtype).Context("config.json"));
  return {};
}

Status ReadIds(const Json& json, std::string_view generation_json, LlamaConfig& config) {
  ALTLAS_TRY(config.bos_ids, Ids(json, "bos_token_id", config.vocab_size, "config.json"));
  ALTLAS_TRY(config.eos_ids, Ids(json, "eos_token_id", config.vocab_size, "config.json"));
  if (generation_json.empty()) return {};
  ALTLAS_TRY(const Json generation, ParseJsonStrict(generation_json, "generation_config.json"));
  if (Find(generation, "bos_token_id") != nullptr) {
    ALTLAS_TRY(config.bos_ids, Ids(generation, "bos_token_id", config.vocab_size, "generation_config.json"));
  }
  if (Find(generation, "eos_token_id") != nullptr) {
    ALTLAS_TRY(config.eos_ids, Ids(generation, "eos_token_id", config.vocab_size, "generation_config.json"));
  }
  auto& sampling = config.sampling;
  constexpr std::string_view kFile = "generation_config.json";
  ALTLAS_TRY(sampling.temperature, Number(generation, "temperature", 0, 1e6, sampling.temperature, kFile));
  ALTLAS_TRY(const double top_k, Number(generation, "top_k", 0, 1e9, 0, kFile));
  sampling.top_k = static_cast<std::int64_t>(top_k);
  ALTLAS_TRY(sampling.top_p, Number(generation, "top_p", 0, 1, sampling.top_p, kFile));
  ALTLAS_TRY(sampling.min_p, Number(generation, "min_p", 0, 1, sampling.min_p, kFile));
  ALTLAS_TRY(sampling.repetition_penalty,
             Number(generation, "repetition_penalty", 1e-6, 1e6, sampling.repetition_penalty, kFile));
  return {};
}

}  // namespace

Result<LlamaConfig> ParseLlamaConfig(std::string_view config_json, std::string_view generation_json) {
  ALTLAS_TRY(const Json json, ParseJsonStrict(config_json, "config.json"));
  LlamaConfig config;
  ALTLAS_TRY(config.architecture, Architecture(json));
  ALTLAS_TRY_VOID(ReadSizes(json, config));
  ALTLAS_TRY_VOID(ReadSwitches(json, config));
  ALTLAS_TRY_VOID(ReadRope(json, config));
  config.context_length = ContextLength(config);
  ALTLAS_TRY_VOID(ReadWindows(json, config));
  ALTLAS_TRY_VOID(ReadIds(json, generation_json, config));
  return config;
}

}  // namespace altlas::model
