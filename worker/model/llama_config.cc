// SPDX-License-Identifier: Apache-2.0
#include "worker/model/llama_config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "worker/model/config_fields.h"
#include "worker/model/json_strict.h"
#include "worker/model/load.h"

namespace altlas::model {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxHeadDim = 1024;

// An id or a list of ids. Ids outside the vocabulary, such as -1 for "none", cannot occur and are left out.
Result<std::vector<std::int64_t>> Ids(const Json& object, const char* name, std::int64_t vocab_size,
                                      const char* file) {
  std::vector<std::int64_t> ids;
  const Json* value = FindField(object, name);
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
  if (const Json* list = FindField(json, "architectures");
      list != nullptr && list->is_array() && !list->empty() && list->front().is_string()) {
    name = list->front().get<std::string>();
  } else {
    ALTLAS_TRY(const std::string type, TextField(json, "model_type", ""));
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
  ALTLAS_TRY(rope.theta, NumberField(json, "rope_theta", 1.0001, 1e12, 10000));
  const Json* scaling = FindField(json, "rope_parameters");
  if (scaling == nullptr) scaling = FindField(json, "rope_scaling");
  if (scaling == nullptr) return {};
  if (!scaling->is_object())
    return Fail(ErrorCode::kCorrupt, "config.json: rope_scaling must be an object or null");
  ALTLAS_TRY(rope.theta, NumberField(*scaling, "rope_theta", 1.0001, 1e12, rope.theta));
  ALTLAS_TRY(const double partial, NumberField(*scaling, "partial_rotary_factor", 0, 1, 1));
  if (partial != 1)
    return Fail(ErrorCode::kUnsupported, "config.json: partial_rotary_factor {} is not offered, only 1",
                partial);
  ALTLAS_TRY(std::string kind, TextField(*scaling, "type", "default"));
  ALTLAS_TRY(kind, TextField(*scaling, "rope_type", kind));
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
             NumberField(json, "original_max_position_embeddings", 1, kMaxPositions, positions));
  ALTLAS_TRY(rope.original_context,
             NumberField(*scaling, "original_max_position_embeddings", 1, kMaxPositions, top_original));
  if (FindField(*scaling, "factor") == nullptr && rope.kind != RopeConfig::Kind::kYarn) {
    return Fail(ErrorCode::kCorrupt, "config.json: rope scaling \"{}\" lacks its factor", kind);
  }
  ALTLAS_TRY(rope.factor,
             NumberField(*scaling, "factor", 1, 1024, std::max(1.0, positions / rope.original_context)));
  ALTLAS_TRY(rope.low_freq_factor, NumberField(*scaling, "low_freq_factor", 1e-3, 1e6, 1));
  ALTLAS_TRY(rope.high_freq_factor, NumberField(*scaling, "high_freq_factor", 1e-3, 1e6, 4));
  ALTLAS_TRY(rope.beta_fast, NumberField(*scaling, "beta_fast", 1e-3, 1e6, 32));
  ALTLAS_TRY(rope.beta_slow, NumberField(*scaling, "beta_slow", 1e-3, 1e6, 1));
  ALTLAS_TRY(rope.attention_factor, NumberField(*scaling, "attention_factor", 0, 1e3, 0));
  ALTLAS_TRY(rope.mscale, NumberField(*scaling, "mscale", 0, 1e3, 0));
  ALTLAS_TRY(rope.mscale_all_dim, NumberField(*scaling, "mscale_all_dim", 0, 1e3, 0));
  ALTLAS_TRY(rope.truncate, FlagField(*scaling, "truncate", true));
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
  ALTLAS_TRY(const bool qwen_window, FlagField(json, "use_sliding_window", false));
  config.layer_windows.assign(static_cast<std::size_t>(config.layers), 0);
  if (!mistral && !(qwen && qwen_window)) return {};
  // Mistral's documented default where the key is absent; null says none.
  if (mistral && !json.contains("sliding_window")) {
    config.sliding_window = 4096;
  } else if (FindField(json, "sliding_window") != nullptr) {
    ALTLAS_TRY(config.sliding_window, SizeField(json, "sliding_window", kMaxPositions, std::nullopt));
  }
  ALTLAS_TRY(const double first, NumberField(json, "max_window_layers", 0, kMaxLayers, mistral ? 0 : 28));
  const Json* types = FindField(json, "layer_types");
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
  ALTLAS_TRY(config.vocab_size, SizeField(json, "vocab_size", kMaxVocab, std::nullopt));
  ALTLAS_TRY(config.hidden_size, SizeField(json, "hidden_size", kMaxHidden, std::nullopt));
  ALTLAS_TRY(config.intermediate_size, SizeField(json, "intermediate_size", kMaxInner, std::nullopt));
  ALTLAS_TRY(config.layers, SizeField(json, "num_hidden_layers", kMaxLayers, std::nullopt));
  ALTLAS_TRY(config.heads, SizeField(json, "num_attention_heads", kMaxHeads, std::nullopt));
  ALTLAS_TRY(config.kv_heads, SizeField(json, "num_key_value_heads", kMaxHeads, config.heads));
  if (FindField(json, "head_dim") == nullptr && config.hidden_size % config.heads != 0) {
    return Fail(
        ErrorCode::kCorrupt,
        "config.json: hidden_size {} is no multiple of num_attention_heads {}, and head_dim is not given",
        config.hidden_size, config.heads);
  }
  ALTLAS_TRY(config.head_dim, SizeField(json, "head_dim", kMaxHeadDim,
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
  ALTLAS_TRY(config.max_positions, SizeField(json, "max_position_embeddings", kMaxPositions, positions));
  return {};
}

Status ReadSwitches(const Json& json, LlamaConfig& config) {
  ALTLAS_TRY(config.rms_norm_eps, NumberField(json, "rms_norm_eps", 1e-12, 0.1, 1e-6));
  ALTLAS_TRY(const std::string activation, TextField(json, "hidden_act", "silu"));
  if (activation != "silu" && activation != "swish") {
    return Fail(ErrorCode::kUnsupported, "config.json: hidden_act \"{}\" is not offered, only silu",
                activation.substr(0, 40));
  }
  if (FindField(json, "quantization_config") != nullptr) {
    return Fail(
        ErrorCode::kUnsupported,
        "config.json: quantized weights are not offered: use the folder's float32, bfloat16 or float16 form");
  }
  ALTLAS_TRY(config.tie_embeddings, FlagField(json, "tie_word_embeddings", false));
  if (config.architecture == "LlamaForCausalLM") {
    ALTLAS_TRY(config.qkv_bias, FlagField(json, "attention_bias", false));
    config.output_bias = config.qkv_bias;
    ALTLAS_TRY(config.mlp_bias, FlagField(json, "mlp_bias", false));
  }
  if (config.architecture == "Qwen2ForCausalLM") config.qkv_bias = true;
  ALTLAS_TRY(std::string dtype, TextField(json, "torch_dtype", "float32"));
  ALTLAS_TRY(dtype, TextField(json, "dtype", dtype));
  ALTLAS_TRY(config.dtype, ParseDtype(dtype).Context("config.json"));
  return {};
}

Status ReadIds(const Json& json, std::string_view generation_json, LlamaConfig& config) {
  ALTLAS_TRY(config.bos_ids, Ids(json, "bos_token_id", config.vocab_size, "config.json"));
  ALTLAS_TRY(config.eos_ids, Ids(json, "eos_token_id", config.vocab_size, "config.json"));
  if (generation_json.empty()) return {};
  ALTLAS_TRY(const Json generation, ParseJsonStrict(generation_json, "generation_config.json"));
  if (FindField(generation, "bos_token_id") != nullptr) {
    ALTLAS_TRY(config.bos_ids, Ids(generation, "bos_token_id", config.vocab_size, "generation_config.json"));
  }
  if (FindField(generation, "eos_token_id") != nullptr) {
    ALTLAS_TRY(config.eos_ids, Ids(generation, "eos_token_id", config.vocab_size, "generation_config.json"));
  }
  auto& sampling = config.sampling;
  constexpr std::string_view kFile = "generation_config.json";
  ALTLAS_TRY(sampling.temperature,
             NumberField(generation, "temperature", 0, 1e6, sampling.temperature, kFile));
  ALTLAS_TRY(const double top_k, NumberField(generation, "top_k", 0, 1e9, 0, kFile));
  sampling.top_k = static_cast<std::int64_t>(top_k);
  ALTLAS_TRY(sampling.top_p, NumberField(generation, "top_p", 0, 1, sampling.top_p, kFile));
  ALTLAS_TRY(sampling.min_p, NumberField(generation, "min_p", 0, 1, sampling.min_p, kFile));
  ALTLAS_TRY(sampling.repetition_penalty,
             NumberField(generation, "repetition_penalty", 1e-6, 1e6, sampling.repetition_penalty, kFile));
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
