// SPDX-License-Identifier: Apache-2.0
#include "worker/model/bert_weights.h"

#include <ATen/CPUGeneratorImpl.h>

namespace altlas::model {

std::vector<at::Tensor*> BertWeights::Parameters() {
  std::vector<at::Tensor*> all{&words, &positions, &types, &norm.weight, &norm.bias};
  for (BertLayerWeights& layer : layers) {
    for (at::Tensor* one :
         {&layer.qkv, &layer.qkv_bias, &layer.output, &layer.output_bias, &layer.attention_norm.weight,
          &layer.attention_norm.bias, &layer.inner, &layer.inner_bias, &layer.outer, &layer.outer_bias,
          &layer.norm.weight, &layer.norm.bias})
      all.push_back(one);
  }
  return all;
}

BertWeights AllocateBert(const BertConfig& config, const at::TensorOptions& options) {
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t inner = config.intermediate_size;
  const auto norm = [&] { return BertNorm{at::empty({hidden}, options), at::empty({hidden}, options)}; };
  BertWeights weights;
  weights.words = at::empty({config.vocab_size, hidden}, options);
  weights.positions = at::empty({config.max_positions, hidden}, options);
  weights.types = at::empty({config.types, hidden}, options);
  weights.norm = norm();
  for (std::int64_t i = 0; i < config.layers; ++i) {
    BertLayerWeights layer;
    layer.qkv = at::empty({3 * hidden, hidden}, options);
    layer.qkv_bias = at::empty({3 * hidden}, options);
    layer.output = at::empty({hidden, hidden}, options);
    layer.output_bias = at::empty({hidden}, options);
    layer.attention_norm = norm();
    layer.inner = at::empty({inner, hidden}, options);
    layer.inner_bias = at::empty({inner}, options);
    layer.outer = at::empty({hidden, inner}, options);
    layer.outer_bias = at::empty({hidden}, options);
    layer.norm = norm();
    weights.layers.push_back(std::move(layer));
  }
  return weights;
}

std::vector<TensorPlace> BertTensorPlaces(const BertConfig& config, const ShardedTensors& tensors,
                                          BertWeights& weights) {
  std::vector<TensorPlace> places;
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t inner = config.intermediate_size;
  const bool prefixed = tensors.Find("bert.embeddings.word_embeddings.weight").entry != nullptr;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape, at::Tensor& target,
                       std::int64_t row = 0) {
    places.push_back({(prefixed ? "bert." : "") + name, std::move(shape), &target, row});
  };
  const auto norm = [&](const std::string& name, BertNorm& target) {
    const bool older = tensors.Find((prefixed ? "bert." : "") + name + ".gamma").entry != nullptr;
    add(name + (older ? ".gamma" : ".weight"), {hidden}, target.weight);
    add(name + (older ? ".beta" : ".bias"), {hidden}, target.bias);
  };
  add("embeddings.word_embeddings.weight", {config.vocab_size, hidden}, weights.words);
  add("embeddings.position_embeddings.weight", {config.max_positions, hidden}, weights.positions);
  add("embeddings.token_type_embeddings.weight", {config.types, hidden}, weights.types);
  norm("embeddings.LayerNorm", weights.norm);
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    BertLayerWeights& layer = weights.layers[i];
    const std::string prefix = "encoder.layer." + std::to_string(i) + ".";
    const auto linear = [&](const std::string& name, std::int64_t rows, std::int64_t columns,
                            at::Tensor& matrix, at::Tensor& bias, std::int64_t row = 0) {
      add(prefix + name + ".weight", {rows, columns}, matrix, row);
      add(prefix + name + ".bias", {rows}, bias, row);
    };
    linear("attention.self.query", hidden, hidden, layer.qkv, layer.qkv_bias);
    linear("attention.self.key", hidden, hidden, layer.qkv, layer.qkv_bias, hidden);
    linear("attention.self.value", hidden, hidden, layer.qkv, layer.qkv_bias, 2 * hidden);
    linear("attention.output.dense", hidden, hidden, layer.output, layer.output_bias);
    norm(prefix + "attention.output.LayerNorm", layer.attention_norm);
    linear("intermediate.dense", inner, hidden, layer.inner, layer.inner_bias);
    linear("output.dense", hidden, inner, layer.outer, layer.outer_bias);
    norm(prefix + "output.LayerNorm", layer.norm);
  }
  return places;
}

bool IsBertExtra(const std::string& name) {
  const std::string_view plain = std::string_view(name).substr(name.starts_with("bert.") ? 5 : 0);
  return plain.starts_with("pooler.") || name.starts_with("cls.") || plain == "embeddings.position_ids" ||
         plain == "embeddings.token_type_ids";
}

void InitialiseBert(std::uint64_t seed, BertWeights& weights) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  for (at::Tensor* one : weights.Parameters()) {
    if (one->dim() == 1) {
      one->zero_();
    } else {
      one->copy_(at::randn(one->sizes(), generator, at::TensorOptions(at::kFloat)) * 0.02);
    }
  }
  weights.norm.weight.fill_(1);
  for (BertLayerWeights& layer : weights.layers) {
    layer.attention_norm.weight.fill_(1);
    layer.norm.weight.fill_(1);
  }
}

}  // namespace altlas::model
