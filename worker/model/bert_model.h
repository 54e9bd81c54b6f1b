// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "worker/model/bert_config.h"
#include "worker/model/bert_weights.h"
#include "worker/model/embedding_model.h"
#include "worker/model/pooling.h"

namespace altlas::model {

// The BERT encoder behind EmbeddingModel, by ATen's operations: any dtype, any device. Every text is of the
// first type (token_type_ids of zero).
class BertModel final : public EmbeddingModel {
 public:
  // Takes the weights as they are.
  BertModel(BertConfig config, BertWeights weights, Pooling pooling, std::string name);

  // LoadEmbeddingModel for this family. Errors: as there.
  static Result<std::unique_ptr<BertModel>> Load(const std::filesystem::path& folder,
                                                 const LoadOptions& options);
  // A model of this shape with seeded random weights, for measurements that need no folder: same seed, same
  // weights. BertBase() is the shape that is called bert-base. kUnavailable without memory.
  static Result<std::unique_ptr<BertModel>> Random(const BertConfig& config, std::uint64_t seed,
                                                   const LoadOptions& options);

  const EmbeddingModelInfo& info() const override { return info_; }
  const BertConfig& config() const { return config_; }
  Result<at::Tensor> Embed(std::span<const std::span<const std::uint32_t>> texts) override;

  // The last layer's vectors [texts, tokens, hidden] in the model's dtype of ids [texts, tokens] (int64, on
  // the model's device), `lengths` (int64 [texts]) of which are the text's. Those past a text's length mean
  // nothing. Throws c10::Error.
  at::Tensor Forward(const at::Tensor& ids, const at::Tensor& lengths) const;

 private:
  Status Check(std::span<const std::span<const std::uint32_t>> texts) const;
  // `seen`: bool [texts, 1, 1, tokens], true where a key may be seen; undefined: everywhere.
  at::Tensor Attend(const BertLayerWeights& layer, const at::Tensor& x, const at::Tensor& seen) const;
  at::Tensor Normalise(const BertNorm& norm, const at::Tensor& x) const;

  BertConfig config_;
  BertWeights weights_;
  Pooling pooling_;
  EmbeddingModelInfo info_;
};

}  // namespace altlas::model
