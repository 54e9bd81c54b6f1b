// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <vector>

#include "worker/model/bert_config.h"
#include "worker/model/tensor_places.h"

namespace altlas::model {

struct BertNorm {
  at::Tensor weight, bias;
};

// q, k and v lie in one matrix, rows one after the other.
struct BertLayerWeights {
  at::Tensor qkv, qkv_bias;
  at::Tensor output, output_bias;
  BertNorm attention_norm;
  at::Tensor inner, inner_bias;
  at::Tensor outer, outer_bias;
  BertNorm norm;
};

// All parameters that an embedding needs: not the pooler, not the heads.
struct BertWeights {
  at::Tensor words;      // [vocab, hidden]
  at::Tensor positions;  // [max_positions, hidden]
  at::Tensor types;      // [types, hidden]
  BertNorm norm;
  std::vector<BertLayerWeights> layers;

  // Every parameter once, in a fixed order.
  std::vector<at::Tensor*> Parameters();
};

// Allocates the tensors of `config`, uninitialised. Throws c10::Error without memory.
BertWeights AllocateBert(const BertConfig& config, const at::TensorOptions& options);
// The folder's tensors in the order of the model, in the folder's own spelling: with or without the prefix
// "bert.", norms as weight and bias or as gamma and beta. `weights` must outlive the list.
std::vector<TensorPlace> BertTensorPlaces(const BertConfig& config, const ShardedTensors& tensors,
                                          BertWeights& weights);
// What published folders hold beside them: pooler, heads of the training, tables that follow from the config.
bool IsBertExtra(const std::string& name);

// Seeded random weights, of the size that training begins with: normal with deviation 0.02, norms one.
void InitialiseBert(std::uint64_t seed, BertWeights& weights);

}  // namespace altlas::model
