// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

#include "worker/model/llama_config.h"
#include "worker/model/tensor_places.h"

namespace altlas::model {

// Projections that read the same input lie in one matrix, rows one after the other: q, k, v and gate, up.
struct LlamaLayerWeights {
  at::Tensor input_norm;
  at::Tensor qkv, qkv_bias;
  at::Tensor output, output_bias;
  at::Tensor mlp_norm;
  at::Tensor gate_up, gate_up_bias;
  at::Tensor down, down_bias;
};

// All parameters of a Llama-family model. Biases that the config does not ask for are undefined tensors; with
// tied embeddings `head` is the same tensor as `embedding`.
struct LlamaWeights {
  at::Tensor embedding;  // [vocab, hidden]
  std::vector<LlamaLayerWeights> layers;
  at::Tensor norm;
  at::Tensor head;  // [vocab, hidden]

  // Every parameter once, in a fixed order.
  std::vector<at::Tensor*> Parameters();
};

// Allocates the tensors of `config`, uninitialised. Throws c10::Error without memory.
LlamaWeights AllocateLlama(const LlamaConfig& config, const at::TensorOptions& options);
// The folder's tensors in the order of the model. `weights` must outlive the list.
std::vector<TensorPlace> LlamaTensorPlaces(const LlamaConfig& config, LlamaWeights& weights);

// Seeded start for training: normal with deviation 0.02, output projections smaller with depth, norms one,
// biases zero.
void InitialiseLlama(const LlamaConfig& config, std::uint64_t seed, LlamaWeights& weights);

// Logits [B, T, vocab] of token ids [B, T] (int64), every row a text from position 0; differentiable. float32
// on the CPU.
at::Tensor LlamaForwardTrain(const LlamaConfig& config, const LlamaWeights& weights,
                             const at::Tensor& tokens);

}  // namespace altlas::model
