// SPDX-License-Identifier: Apache-2.0
// LlamaModel's step on the CPU in float32: fused loops over plain memory, split over ATen's threads.
#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "worker/model/llama_model.h"

namespace altlas::model {
namespace {

// Multiply-adds below which waking a thread costs more than it saves (about 2 us each way).
constexpr std::int64_t kGrainWork = 40000;

// Names the enclosing function's time for whoever records operators (profile run, torch.profiler); a few
// nanoseconds where nobody does.
#define ALTLAS_OPERATOR(name) RECORD_FUNCTION(name, c10::ArrayRef<const c10::IValue>{})

void Grow(std::vector<float>& buffer, std::int64_t size) {
  if (buffer.size() < static_cast<std::size_t>(size)) buffer.resize(static_cast<std::size_t>(size));
}

const float* Data(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

// Splits [0, count) so that each part is worth a thread, at multiples of 8 so that blocks stay whole.
template <typename Body>
void Split(std::int64_t count, std::int64_t work_each, const Body& body) {
  constexpr std::int64_t kUnit = 8;
  const std::int64_t units = (count + kUnit - 1) / kUnit;
  const std::int64_t grain =
      std::max<std::int64_t>(1, kGrainWork / std::max<std::int64_t>(1, work_each * kUnit));
  at::parallel_for(0, units, grain, [&](std::int64_t begin, std::int64_t end) {
    body(begin * kUnit, std::min(count, end * kUnit));
  });
}

}  // namespace

void LlamaModel::ProjectCpu(const std::vector<float>& in, std::int64_t tokens, const at::Tensor& weight,
                            const at::Tensor& bias, bool add, float* out) {
  ALTLAS_OPERATOR("altlas::project");
  const std::int64_t rows = weight.size(0);
  const std::int64_t columns = weight.size(1);
  Split(rows, tokens * columns, [&](std::int64_t begin, std::int64_t end) {
    kernels_->matmul(in.data(), tokens, columns, Data(weight), begin, end, Data(bias), add, out, rows);
  });
}

// inner = silu(gate) * up; a thread computes the gates and ups of its own columns.
void LlamaModel::GateCpu(const LlamaLayerWeights& layer, std::int64_t tokens) {
  ALTLAS_OPERATOR("altlas::gate_up");
  const std::int64_t inner = config_.intermediate_size;
  const std::int64_t hidden = config_.hidden_size;
  float* gate = scratch_.inner.data();
  float* up = gate + tokens * inner;
  const float* weight = Data(layer.gate_up);
  const float* bias = Data(layer.gate_up_bias);
  Split(inner, 2 * tokens * hidden, [&](std::int64_t begin, std::int64_t end) {
    const float* x = scratch_.normed.data();
    kernels_->matmul(x, tokens, hidden, weight, begin, end, bias, false, gate, inner);
    kernels_->matmul(x, tokens, hidden, weight + inner * hidden, begin, end,
                     bias == nullptr ? nullptr : bias + inner, false, up, inner);
    for (std::int64_t t = 0; t < tokens; ++t)
      kernels_->silu_multiply(gate + t * inner + begin, up + t * inner + begin, end - begin);
  });
}

// Turns q and k by their angles and puts k and v into the cache: all of a step's keys are there before anyone
// attends.
void LlamaModel::StoreCpu(std::size_t layer, std::int64_t tokens, KvCache& cache) {
  ALTLAS_OPERATOR("altlas::rotate_and_store");
  const std::int64_t dim = config_.head_dim;
  const std::int64_t half = rope_.half();
  const std::int64_t stride = config_.q_size() + 2 * config_.kv_size();
  float* keys = cache.keys(layer).data_ptr<float>();
  float* values = cache.values(layer).data_ptr<float>();
  at::parallel_for(0, tokens, std::max<std::int64_t>(1, kGrainWork / (8 * stride)),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t t = begin; t < end; ++t) {
                       float* row = scratch_.qkv.data() + t * stride;
                       const float* cos = scratch_.cos.data() + t * half;
                       const float* sin = scratch_.sin.data() + t * half;
                       for (std::int64_t head = 0; head < config_.heads + config_.kv_heads; ++head)
                         kernels_->rotate(row + head * dim, cos, sin, half);
                       const std::int64_t slot = scratch_.slots[static_cast<std::size_t>(t)];
                       const std::int64_t position = scratch_.positions[static_cast<std::size_t>(t)];
                       for (std::int64_t head = 0; head < config_.kv_heads; ++head) {
                         const std::int64_t place =
                             ((slot * config_.kv_heads + head) * cache.max_tokens() + position) * dim;
                         const float* key = row + config_.q_size() + head * dim;
                         std::memcpy(keys + place, key, static_cast<std::size_t>(dim) * sizeof(float));
                         std::memcpy(values + place, key + config_.kv_size(),
                                     static_cast<std::size_t>(dim) * sizeof(float));
                       }
                     }
                   });
}

void LlamaModel::AttendCpu(std::size_t layer, std::int64_t tokens, KvCache& cache) {
  ALTLAS_OPERATOR("altlas::attend");
  const std::int64_t dim = config_.head_dim;
  const std::int64_t group = config_.heads / config_.kv_heads;
  const std::int64_t stride = config_.q_size() + 2 * config_.kv_size();
  const std::int64_t window = config_.layer_windows[layer];
  const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim)));
  const float* keys = cache.keys(layer).const_data_ptr<float>();
  const float* values = cache.values(layer).const_data_ptr<float>();
  std::int64_t seen = 0;
  for (std::int64_t t = 0; t < tokens; ++t) seen += scratch_.positions[static_cast<std::size_t>(t)] + 1;
  const std::int64_t each = std::max<std::int64_t>(1, 2 * dim * seen / tokens);
  at::parallel_for(
      0, tokens * config_.heads, std::max<std::int64_t>(1, kGrainWork / each),
      [&](std::int64_t begin, std::int64_t end) {
        std::vector<float>& scores = scratch_.scores[static_cast<std::size_t>(at::get_thread_num())];
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t t = i / config_.heads;
          const std::int64_t head = i % config_.heads;
          const std::int64_t position = scratch_.positions[static_cast<std::size_t>(t)];
          const std::int64_t first = window > 0 ? std::max<std::int64_t>(0, position + 1 - window) : 0;
          const std::int64_t lane =
              scratch_.slots[static_cast<std::size_t>(t)] * config_.kv_heads + head / group;
          const std::int64_t place = (lane * cache.max_tokens() + first) * dim;
          kernels_->attend(scratch_.qkv.data() + t * stride + head * dim, keys + place, values + place,
                           position + 1 - first, dim, scale, scores.data(),
                           scratch_.mixed.data() + t * config_.q_size() + head * dim);
        }
      });
}

at::Tensor LlamaModel::ForwardCpu(const StepBatch& batch, KvCache& cache) {
  const auto tokens = static_cast<std::int64_t>(batch.tokens.size());
  const std::int64_t hidden = config_.hidden_size;
  const float eps = static_cast<float>(config_.rms_norm_eps);
  Place(batch);
  Grow(scratch_.x, tokens * hidden);
  Grow(scratch_.normed, tokens * hidden);
  Grow(scratch_.qkv, tokens * (config_.q_size() + 2 * config_.kv_size()));
  Grow(scratch_.mixed, tokens * config_.q_size());
  Grow(scratch_.inner, 2 * tokens * config_.intermediate_size);
  scratch_.scores.resize(
      std::max<std::size_t>(scratch_.scores.size(), static_cast<std::size_t>(at::get_num_threads())));
  for (std::vector<float>& one : scratch_.scores) Grow(one, cache.max_tokens() + 16);

  const auto norm = [&](const at::Tensor& weight) {
    ALTLAS_OPERATOR("altlas::rms_norm");
    at::parallel_for(0, tokens, std::max<std::int64_t>(1, kGrainWork / (4 * hidden)),
                     [&](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t t = begin; t < end; ++t) {
                         kernels_->rms_norm(scratch_.x.data() + t * hidden, Data(weight), eps, hidden,
                                            scratch_.normed.data() + t * hidden);
                       }
                     });
  };
  for (std::int64_t t = 0; t < tokens; ++t) {
    std::memcpy(scratch_.x.data() + t * hidden,
                Data(weights_.embedding) + batch.tokens[static_cast<std::size_t>(t)] * hidden,
                static_cast<std::size_t>(hidden) * sizeof(float));
  }
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    const LlamaLayerWeights& layer = weights_.layers[i];
    norm(layer.input_norm);
    ProjectCpu(scratch_.normed, tokens, layer.qkv, layer.qkv_bias, false, scratch_.qkv.data());
    StoreCpu(i, tokens, cache);
    AttendCpu(i, tokens, cache);
    ProjectCpu(scratch_.mixed, tokens, layer.output, layer.output_bias, true, scratch_.x.data());
    norm(layer.mlp_norm);
    GateCpu(layer, tokens);
    ProjectCpu(scratch_.inner, tokens, layer.down, layer.down_bias, true, scratch_.x.data());
  }
  std::int64_t wanted = 0;
  std::int64_t end = 0;
  for (const StepSlice& slice : batch.slices) {
    end += slice.count;
    if (!slice.want_logits) continue;
    kernels_->rms_norm(scratch_.x.data() + (end - 1) * hidden, Data(weights_.norm), eps, hidden,
                       scratch_.normed.data() + wanted * hidden);
    ++wanted;
  }
  at::Tensor& logits = Logits(wanted);
  if (wanted > 0) ProjectCpu(scratch_.normed, wanted, weights_.head, {}, false, logits.data_ptr<float>());
  return logits.narrow(0, 0, wanted);
}

}  // namespace altlas::model
