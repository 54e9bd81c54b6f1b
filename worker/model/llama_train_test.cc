// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/file.h"
#include "worker/model/safetensors_write.h"
#include "worker/model/test_models.h"

namespace altlas::model {
namespace {

LlamaConfig Small() {
  LlamaConfig config;
  config.architecture = "LlamaForCausalLM";
  config.vocab_size = 20;
  config.hidden_size = 16;
  config.intermediate_size = 24;
  config.layers = 2;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 8;
  config.max_positions = config.context_length = 64;
  config.tie_embeddings = true;
  config.bos_ids = {0};
  config.eos_ids = {1};
  return config;
}

at::Tensor Loss(const LlamaConfig& config, const LlamaWeights& weights) {
  const at::Tensor tokens = at::tensor({0, 5, 9, 3, 5, 9, 7, 1}, at::kLong);
  const at::Tensor logits = LlamaForwardTrain(config, weights, tokens.narrow(0, 0, 7).unsqueeze(0));
  return at::cross_entropy_loss(logits[0], tokens.narrow(0, 1, 7));
}

TEST(LlamaTrain, GradientsAgreeWithDifferences) {
  const LlamaConfig config = Small();
  LlamaWeights weights = AllocateLlama(config, at::kFloat);
  InitialiseLlama(config, 3, weights);
  for (at::Tensor* one : weights.Parameters()) one->mul_(5).requires_grad_(true);
  Loss(config, weights).backward();
  for (at::Tensor* one : weights.Parameters()) {
    ASSERT_TRUE(one->grad().defined());
    float* data = one->data_ptr<float>();
    const std::int64_t place = one->numel() / 3;
    const float before = data[place];
    constexpr float kStep = 4e-3F;
    data[place] = before + kStep;
    const double above = Loss(config, weights).item<double>();
    data[place] = before - kStep;
    const double below = Loss(config, weights).item<double>();
    data[place] = before;
    EXPECT_NEAR((above - below) / (2 * kStep), one->grad().flatten()[place].item<double>(), 2e-2);
  }
}

TEST(LlamaTrain, TheSameSeedStartsTheSame) {
  const LlamaConfig config = Small();
  std::vector<LlamaWeights> all;
  for (const std::uint64_t seed : {1, 1, 2}) {
    all.push_back(AllocateLlama(config, at::kFloat));
    InitialiseLlama(config, seed, all.back());
  }
  EXPECT_TRUE(at::equal(all[0].layers[1].down, all[1].layers[1].down));
  EXPECT_FALSE(at::equal(all[0].layers[1].down, all[2].layers[1].down));
}

TEST(LlamaTrain, WhatItWritesLoadsAsAFolder) {
  const LlamaConfig config = Small();
  LlamaWeights weights = AllocateLlama(config, at::kFloat);
  InitialiseLlama(config, 3, weights);
  const TemporaryFolder folder;
  std::vector<NamedTensor> tensors;
  for (const TensorPlace& place : LlamaTensorPlaces(config, weights)) {
    tensors.push_back({place.name, place.target->narrow(0, place.row, place.shape[0])});
  }
  ASSERT_TRUE(WriteSafetensors(folder.path() / "model.safetensors", tensors).has_value());
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "config.json", FormatLlamaConfig(config)).has_value());
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "generation_config.json", FormatGenerationConfig(config))
                  .has_value());
  const auto model = LlamaModel::Load(folder.path(), {});
  ASSERT_TRUE(model.has_value()) << model.error().message;
  KvCache cache = MakeCache(**model, 1, 16);
  const auto logits = (*model)->Forward({{0, 5, 9}, {{0, 0, 3, true}}}, cache);
  const at::Tensor wanted =
      LlamaForwardTrain(config, weights, at::tensor({0, 5, 9}, at::kLong).unsqueeze(0))[0][2];
  EXPECT_LT((logits->select(0, 0) - wanted).abs().max().item<float>(), 1e-5F);
}

}  // namespace
}  // namespace altlas::model
