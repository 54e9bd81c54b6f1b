// SPDX-License-Identifier: Apache-2.0
// LlamaModel's step with ATen's operations: any dtype, any device.
#include <algorithm>
#include <cmath>

#include "worker/model/llama_model.h"
#include "worker/model/llama_ops.h"

namespace altlas::model {
namespace {

// In float32 whatever the dtype, as the models were trained.
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = at::rsqrt(wide.square().mean(-1, true) + eps);
  return weight * (wide * scale).to(x.scalar_type());
}

// Adds minus infinity where a query at start + i may not see the key at first + j. scores: [.., n, keys].
at::Tensor Masked(const at::Tensor& scores, std::int64_t start, std::int64_t first, std::int64_t window) {
  const auto options = at::TensorOptions().dtype(at::kLong).device(scores.device());
  const at::Tensor query = at::arange(start, start + scores.size(-2), options).unsqueeze(1);
  const at::Tensor key = at::arange(first, first + scores.size(-1), options).unsqueeze(0);
  at::Tensor hidden = key.gt(query);
  if (window > 0) hidden = hidden.logical_or(key.le(query - window));
  return scores.masked_fill(hidden, -INFINITY);
}

}  // namespace

at::Tensor LlamaModel::AttendAten(const StepBatch& batch, std::size_t layer, const at::Tensor& qkv,
                                  KvCache& cache, const at::Tensor& cos, const at::Tensor& sin) const {
  const std::int64_t dim = config_.head_dim;
  const std::int64_t tokens = qkv.size(0);
  const std::int64_t group = config_.heads / config_.kv_heads;
  const double scale = 1.0 / std::sqrt(static_cast<double>(dim));
  const auto heads = [&](std::int64_t start, std::int64_t count) {
    return qkv.narrow(1, start * dim, count * dim).reshape({tokens, count, dim});
  };
  const at::Tensor query = RotateHalves(heads(0, config_.heads), cos, sin);
  const at::Tensor key = RotateHalves(heads(config_.heads, config_.kv_heads), cos, sin);
  const at::Tensor value = heads(config_.heads + config_.kv_heads, config_.kv_heads);
  std::vector<at::Tensor> mixed;
  std::int64_t begin = 0;
  for (const StepSlice& slice : batch.slices) {
    const std::int64_t n = slice.count;
    const std::int64_t window = config_.layer_windows[layer];
    const std::int64_t first = window > 0 ? std::max<std::int64_t>(0, slice.start_position + 1 - window) : 0;
    const std::int64_t count = slice.start_position + n - first;
    const at::Tensor keys = cache.keys(layer).select(0, slice.slot);  // [kv_heads, max, dim]
    const at::Tensor values = cache.values(layer).select(0, slice.slot);
    keys.narrow(1, slice.start_position, n).copy_(key.narrow(0, begin, n).transpose(0, 1));
    values.narrow(1, slice.start_position, n).copy_(value.narrow(0, begin, n).transpose(0, 1));
    // The queries of a group lie as rows over their one key head: nothing is repeated.
    const at::Tensor q =
        query.narrow(0, begin, n).transpose(0, 1).reshape({config_.kv_heads, group * n, dim});
    const at::Tensor scores =
        (at::matmul(q, keys.narrow(1, first, count).transpose(1, 2)) * scale).to(at::kFloat);
    const at::Tensor masked =
        Masked(scores.view({config_.kv_heads, group, n, count}), slice.start_position, first, window);
    const at::Tensor shares =
        at::softmax(masked, -1).view({config_.kv_heads, group * n, count}).to(q.scalar_type());
    const at::Tensor out = at::matmul(shares, values.narrow(1, first, count));
    mixed.push_back(out.view({config_.heads, n, dim}).transpose(0, 1).reshape({n, config_.q_size()}));
    begin += n;
  }
  return mixed.size() == 1 ? mixed[0] : at::cat(mixed, 0);
}

at::Tensor LlamaModel::ForwardAten(const StepBatch& batch, KvCache& cache) {
  const auto tokens = static_cast<std::int64_t>(batch.tokens.size());
  Place(batch);
  const auto on_device = [&](const at::Tensor& tensor) { return tensor.to(info_.device); };
  // Angles are float32; they meet the activations in the model's dtype, as where the models come from.
  const auto angles = [&](std::vector<float>& data) {
    return on_device(
        at::from_blob(data.data(), {tokens, 1, rope_.half()}, at::kFloat).to(info_.dtype, false, true));
  };
  const at::Tensor cos = angles(scratch_.cos);
  const at::Tensor sin = angles(scratch_.sin);
  const at::Tensor ids =
      on_device(at::from_blob(const_cast<std::int64_t*>(batch.tokens.data()), {tokens}, at::kLong));
  at::Tensor x = at::embedding(weights_.embedding, ids);
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    const LlamaLayerWeights& layer = weights_.layers[i];
    const at::Tensor qkv = at::linear(RmsNorm(x, layer.input_norm, config_.rms_norm_eps), layer.qkv,
                                      OptionalBias(layer.qkv_bias));
    x = x +
        at::linear(AttendAten(batch, i, qkv, cache, cos, sin), layer.output, OptionalBias(layer.output_bias));
    const auto halves = at::linear(RmsNorm(x, layer.mlp_norm, config_.rms_norm_eps), layer.gate_up,
                                   OptionalBias(layer.gate_up_bias))
                            .chunk(2, -1);
    x = x + at::linear(at::silu(halves[0]) * halves[1], layer.down, OptionalBias(layer.down_bias));
  }
  std::vector<std::int64_t> rows;
  std::int64_t end = 0;
  for (const StepSlice& slice : batch.slices) {
    end += slice.count;
    if (slice.want_logits) rows.push_back(end - 1);
  }
  if (rows.empty()) return at::empty({0, info_.vocab_size}, at::kFloat);
  const at::Tensor last = x.index_select(0, on_device(at::tensor(rows, at::kLong)));
  return at::linear(RmsNorm(last, weights_.norm, config_.rms_norm_eps), weights_.head)
      .to(at::kCPU, at::kFloat);
}

}  // namespace altlas::model
