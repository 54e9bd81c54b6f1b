// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"
#include "worker/model/llama_config.h"
#include "worker/model/load.h"

namespace altlas::model {
namespace {

void WriteIds(JsonWriter& json, std::string_view key, const std::vector<std::int64_t>& ids) {
  json.Key(key);
  if (ids.empty()) {
    json.Null();
  } else if (ids.size() == 1) {
    json.Int(ids[0]);
  } else {
    json.BeginArray();
    for (const std::int64_t id : ids) json.Int(id);
    json.EndArray();
  }
}

}  // namespace

std::string FormatLlamaConfig(const LlamaConfig& config) {
  JsonWriter json;
  json.BeginObject().Key("architectures").BeginArray().String("LlamaForCausalLM").EndArray();
  json.Key("model_type").String("llama");
  json.Key("vocab_size").Int(config.vocab_size).Key("hidden_size").Int(config.hidden_size);
  json.Key("intermediate_size").Int(config.intermediate_size).Key("num_hidden_layers").Int(config.layers);
  json.Key("num_attention_heads").Int(config.heads).Key("num_key_value_heads").Int(config.kv_heads);
  json.Key("head_dim").Int(config.head_dim).Key("max_position_embeddings").Int(config.max_positions);
  json.Key("hidden_act").String("silu").Key("rms_norm_eps").Double(config.rms_norm_eps);
  json.Key("rope_theta").Double(config.rope.theta).Key("rope_scaling").Null();
  json.Key("attention_bias").Bool(config.qkv_bias).Key("mlp_bias").Bool(config.mlp_bias);
  json.Key("tie_word_embeddings").Bool(config.tie_embeddings);
  WriteIds(json, "bos_token_id", config.bos_ids);
  WriteIds(json, "eos_token_id", config.eos_ids);
  json.Key("torch_dtype").String(DtypeName(config.dtype));
  return json.EndObject().Take() + "\n";
}

std::string FormatGenerationConfig(const LlamaConfig& config) {
  JsonWriter json;
  json.BeginObject();
  WriteIds(json, "bos_token_id", config.bos_ids);
  WriteIds(json, "eos_token_id", config.eos_ids);
  return json.EndObject().Take() + "\n";
}

}  // namespace altlas::model
