// SPDX-License-Identifier: Apache-2.0
// The differentiable forward pass: plain ATen operations, no cache, no batching tricks.
#include <ATen/ATen.h>

#include <cmath>

#include "worker/model/llama_ops.h"
#include "worker/model/llama_weights.h"
#include "worker/model/rope.h"

namespace altlas::model {
namespace {

struct Angles {
  at::Tensor cos, sin;  // [1, T, 1, head_dim / 2]
};

Angles MakeAngles(const LlamaConfig& config, std::int64_t tokens, at::Device device) {
  const Rope rope(config);
  Angles angles{at::empty({1, tokens, 1, rope.half()}), at::empty({1, tokens, 1, rope.half()})};
  for (std::int64_t t = 0; t < tokens; ++t) {
    rope.Angles(t, angles.cos.data_ptr<float>() + t * rope.half(),
                angles.sin.data_ptr<float>() + t * rope.half());
  }
  return {angles.cos.to(device), angles.sin.to(device)};
}

at::Tensor TrainedNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return at::rms_norm(x, {x.size(-1)}, weight, eps);
}

at::Tensor WindowMask(std::int64_t tokens, std::int64_t window, at::Device device) {
  const at::Tensor ones = at::ones({tokens, tokens}, at::TensorOptions().dtype(at::kBool).device(device));
  return ones.tril().logical_and(ones.triu(1 - window));
}

at::Tensor Attend(const LlamaConfig& config, const LlamaLayerWeights& layer, const at::Tensor& x,
                  const Angles& angles, std::int64_t window) {
  const std::int64_t batch = x.size(0);
  const std::int64_t tokens = x.size(1);
  const at::Tensor qkv = at::linear(x, layer.qkv, OptionalBias(layer.qkv_bias));
  const auto heads = [&](std::int64_t start, std::int64_t count) {
    return qkv.narrow(-1, start * config.head_dim, count * config.head_dim)
        .reshape({batch, tokens, count, config.head_dim});
  };
  const at::Tensor q = RotateHalves(heads(0, config.heads), angles.cos, angles.sin).transpose(1, 2);
  at::Tensor k = RotateHalves(heads(config.heads, config.kv_heads), angles.cos, angles.sin).transpose(1, 2);
  at::Tensor v = heads(config.heads + config.kv_heads, config.kv_heads).transpose(1, 2);
  const std::int64_t group = config.heads / config.kv_heads;
  if (group > 1) {
    k = k.repeat_interleave(group, 1);
    v = v.repeat_interleave(group, 1);
  }
  const bool windowed = window > 0 && window < tokens;
  const std::optional<at::Tensor> mask =
      windowed ? std::optional(WindowMask(tokens, window, x.device())) : std::nullopt;
  const at::Tensor mixed = at::scaled_dot_product_attention(q, k, v, mask, 0.0, !windowed);
  return at::linear(mixed.transpose(1, 2).reshape({batch, tokens, config.q_size()}), layer.output,
                    OptionalBias(layer.output_bias));
}

at::Tensor Mlp(const LlamaLayerWeights& layer, const at::Tensor& x) {
  const auto halves = at::linear(x, layer.gate_up, OptionalBias(layer.gate_up_bias)).chunk(2, -1);
  return at::linear(at::silu(halves[0]) * halves[1], layer.down, OptionalBias(layer.down_bias));
}

}  // namespace

at::Tensor LlamaForwardTrain(const LlamaConfig& config, const LlamaWeights& weights,
                             const at::Tensor& tokens) {
  const Angles angles = MakeAngles(config, tokens.size(1), weights.embedding.device());
  at::Tensor x = at::embedding(weights.embedding, tokens);
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    const LlamaLayerWeights& layer = weights.layers[i];
    const std::int64_t window =
        i < config.layer_windows.size() ? config.layer_windows[i] : config.sliding_window;
    x = x + Attend(config, layer, TrainedNorm(x, layer.input_norm, config.rms_norm_eps), angles, window);
    x = x + Mlp(layer, TrainedNorm(x, layer.mlp_norm, config.rms_norm_eps));
  }
  return at::linear(TrainedNorm(x, weights.norm, config.rms_norm_eps), weights.head);
}

}  // namespace altlas::model
