// SPDX-License-Identifier: Apache-2.0
#include "worker/model/llama_weights.h"

#include <cmath>
#include <numbers>

#include "base/random.h"

namespace altlas::model {

std::vector<at::Tensor*> LlamaWeights::Parameters() {
  std::vector<at::Tensor*> all{&embedding};
  for (LlamaLayerWeights& layer : layers) {
    for (at::Tensor* one :
         {&layer.input_norm, &layer.qkv, &layer.qkv_bias, &layer.output, &layer.output_bias, &layer.mlp_norm,
          &layer.gate_up, &layer.gate_up_bias, &layer.down, &layer.down_bias}) {
      if (one->defined()) all.push_back(one);
    }
  }
  all.push_back(&norm);
  if (!head.is_same(embedding)) all.push_back(&head);
  return all;
}

LlamaWeights AllocateLlama(const LlamaConfig& config, const at::TensorOptions& options) {
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t qkv_rows = config.q_size() + 2 * config.kv_size();
  const auto bias = [&](bool wanted, std::int64_t rows) {
    return wanted ? at::empty({rows}, options) : at::Tensor();
  };
  LlamaWeights weights;
  weights.embedding = at::empty({config.vocab_size, hidden}, options);
  for (std::int64_t i = 0; i < config.layers; ++i) {
    LlamaLayerWeights layer;
    layer.input_norm = at::empty({hidden}, options);
    layer.qkv = at::empty({qkv_rows, hidden}, options);
    layer.qkv_bias = bias(config.qkv_bias, qkv_rows);
    layer.output = at::empty({hidden, config.q_size()}, options);
    layer.output_bias = bias(config.output_bias, hidden);
    layer.mlp_norm = at::empty({hidden}, options);
    layer.gate_up = at::empty({2 * config.intermediate_size, hidden}, options);
    layer.gate_up_bias = bias(config.mlp_bias, 2 * config.intermediate_size);
    layer.down = at::empty({hidden, config.intermediate_size}, options);
    layer.down_bias = bias(config.mlp_bias, hidden);
    weights.layers.push_back(std::move(layer));
  }
  weights.norm = at::empty({hidden}, options);
  weights.head = config.tie_embeddings ? weights.embedding : at::empty({config.vocab_size, hidden}, options);
  return weights;
}

std::vector<TensorPlace> LlamaTensorPlaces(const LlamaConfig& config, LlamaWeights& weights) {
  std::vector<TensorPlace> places;
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t inner = config.intermediate_size;
  const std::int64_t q = config.q_size();
  const std::int64_t kv = config.kv_size();
  places.push_back({"model.embed_tokens.weight", {config.vocab_size, hidden}, &weights.embedding, 0});
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    LlamaLayerWeights& layer = weights.layers[i];
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    const auto add = [&](const char* name, std::int64_t rows, std::int64_t columns, at::Tensor& matrix,
                         at::Tensor& bias, std::int64_t row) {
      places.push_back({prefix + name + ".weight", {rows, columns}, &matrix, row});
      if (bias.defined()) places.push_back({prefix + name + ".bias", {rows}, &bias, row});
    };
    places.push_back({prefix + "input_layernorm.weight", {hidden}, &layer.input_norm, 0});
    add("self_attn.q_proj", q, hidden, layer.qkv, layer.qkv_bias, 0);
    add("self_attn.k_proj", kv, hidden, layer.qkv, layer.qkv_bias, q);
    add("self_attn.v_proj", kv, hidden, layer.qkv, layer.qkv_bias, q + kv);
    add("self_attn.o_proj", hidden, q, layer.output, layer.output_bias, 0);
    places.push_back({prefix + "post_attention_layernorm.weight", {hidden}, &layer.mlp_norm, 0});
    add("mlp.gate_proj", inner, hidden, layer.gate_up, layer.gate_up_bias, 0);
    add("mlp.up_proj", inner, hidden, layer.gate_up, layer.gate_up_bias, inner);
    add("mlp.down_proj", hidden, inner, layer.down, layer.down_bias, 0);
  }
  places.push_back({"model.norm.weight", {hidden}, &weights.norm, 0});
  if (!config.tie_embeddings)
    places.push_back({"lm_head.weight", {config.vocab_size, hidden}, &weights.head, 0});
  return places;
}

void InitialiseLlama(const LlamaConfig& config, std::uint64_t seed, LlamaWeights& weights) {
  Random random(seed);
  const double depth = 1.0 / std::sqrt(2.0 * static_cast<double>(config.layers));
  const auto normal = [&](at::Tensor& tensor, double deviation) {
    float* data = tensor.data_ptr<float>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      const double radius = std::sqrt(-2 * std::log(1 - random.Unit()));
      data[i] = static_cast<float>(deviation * radius * std::cos(2 * std::numbers::pi * random.Unit()));
    }
  };
  for (at::Tensor* one : weights.Parameters()) one->fill_(0);
  normal(weights.embedding, 0.02);
  if (!config.tie_embeddings) normal(weights.head, 0.02);
  for (LlamaLayerWeights& layer : weights.layers) {
    layer.input_norm.fill_(1);
    layer.mlp_norm.fill_(1);
    normal(layer.qkv, 0.02);
    normal(layer.output, 0.02 * depth);
    normal(layer.gate_up, 0.02);
    normal(layer.down, 0.02 * depth);
  }
  weights.norm.fill_(1);
}

}  // namespace altlas::model
