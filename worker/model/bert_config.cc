// SPDX-License-Identifier: Apache-2.0
#include "worker/model/bert_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "worker/model/config_fields.h"
#include "worker/model/json_strict.h"
#include "worker/model/load.h"

namespace altlas::model {
namespace {

Result<std::string> BertArchitecture(const nlohmann::json& json) {
  ALTLAS_TRY(const std::string type, TextField(json, "model_type", "bert"));
  if (type != "bert")
    return Fail(
        ErrorCode::kUnsupported,
        "config.json: model_type \"{}\" is not offered for embedding: use a folder of model_type bert",
        type.substr(0, 80));
  const nlohmann::json* list = FindField(json, "architectures");
  if (list == nullptr || (list->is_array() && list->empty())) return std::string("BertModel");
  if (!list->is_array() || !list->front().is_string())
    return Fail(ErrorCode::kCorrupt, "config.json: architectures must be a list of names");
  auto name = list->front().get<std::string>();
  for (const char* known : {"BertModel", "BertForMaskedLM", "BertForPreTraining"}) {
    if (name == known) return name;
  }
  return Fail(ErrorCode::kUnsupported,
              "config.json: architecture \"{}\" is not offered for embedding: use a folder of BertModel, "
              "BertForMaskedLM or BertForPreTraining",
              name.substr(0, 80));
}

Status ReadBertSizes(const nlohmann::json& json, BertConfig& config) {
  ALTLAS_TRY(config.vocab_size, SizeField(json, "vocab_size", kMaxVocab, std::nullopt));
  ALTLAS_TRY(config.hidden_size, SizeField(json, "hidden_size", kMaxHidden, std::nullopt));
  ALTLAS_TRY(config.intermediate_size, SizeField(json, "intermediate_size", kMaxInner, std::nullopt));
  ALTLAS_TRY(config.layers, SizeField(json, "num_hidden_layers", kMaxLayers, std::nullopt));
  ALTLAS_TRY(config.heads, SizeField(json, "num_attention_heads", kMaxHeads, std::nullopt));
  ALTLAS_TRY(config.max_positions, SizeField(json, "max_position_embeddings", kMaxPositions, 512));
  ALTLAS_TRY(config.types, SizeField(json, "type_vocab_size", 1024, 2));
  if (config.hidden_size % config.heads != 0)
    return Fail(ErrorCode::kCorrupt, "config.json: hidden_size {} is no multiple of num_attention_heads {}",
                config.hidden_size, config.heads);
  ALTLAS_TRY(const double padding,
             NumberField(json, "pad_token_id", 0, static_cast<double>(config.vocab_size - 1), 0));
  config.padding_id = static_cast<std::int64_t>(padding);
  return {};
}

Result<BertConfig::Activation> ReadActivation(const nlohmann::json& json) {
  using Activation = BertConfig::Activation;
  ALTLAS_TRY(const std::string name, TextField(json, "hidden_act", "gelu"));
  if (name == "gelu") return Activation::kGelu;
  // Spellings of one formula.
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") return Activation::kGeluTanh;
  if (name == "relu") return Activation::kRelu;
  if (name == "silu" || name == "swish") return Activation::kSilu;
  return Fail(ErrorCode::kUnsupported,
              "config.json: hidden_act \"{}\" is not offered: gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, "
              "relu and silu are",
              name.substr(0, 40));
}

Status ReadBertSwitches(const nlohmann::json& json, BertConfig& config) {
  ALTLAS_TRY(config.layer_norm_eps, NumberField(json, "layer_norm_eps", 1e-16, 0.1, 1e-12));
  ALTLAS_TRY(config.activation, ReadActivation(json));
  ALTLAS_TRY(const std::string positions, TextField(json, "position_embedding_type", "absolute"));
  if (positions != "absolute")
    return Fail(ErrorCode::kUnsupported,
                "config.json: position_embedding_type \"{}\" is not offered, only absolute",
                positions.substr(0, 40));
  for (const char* name : {"is_decoder", "add_cross_attention"}) {
    ALTLAS_TRY(const bool on, FlagField(json, name, false));
    if (on)
      return Fail(ErrorCode::kUnsupported,
                  "config.json: {} is true: only encoders are offered, whose tokens see each other both ways",
                  name);
  }
  if (FindField(json, "quantization_config") != nullptr)
    return Fail(
        ErrorCode::kUnsupported,
        "config.json: quantized weights are not offered: use the folder's float32, bfloat16 or float16 form");
  ALTLAS_TRY(std::string dtype, TextField(json, "torch_dtype", "float32"));
  ALTLAS_TRY(dtype, TextField(json, "dtype", dtype));
  ALTLAS_TRY(config.dtype, ParseDtype(dtype).Context("config.json"));
  return {};
}

}  // namespace

Result<BertConfig> ParseBertConfig(std::string_view config_json) {
  ALTLAS_TRY(const nlohmann::json json, ParseJsonStrict(config_json, "config.json"));
  BertConfig config;
  ALTLAS_TRY(config.architecture, BertArchitecture(json));
  ALTLAS_TRY_VOID(ReadBertSizes(json, config));
  ALTLAS_TRY_VOID(ReadBertSwitches(json, config));
  return config;
}

BertConfig BertBase() {
  BertConfig config;
  config.vocab_size = 30522;
  config.hidden_size = 768;
  config.intermediate_size = 3072;
  config.layers = 12;
  config.heads = 12;
  return config;
}

}  // namespace altlas::model
