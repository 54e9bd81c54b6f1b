// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "worker/model/load.h"

namespace altlas::model {

// What the serving engine and the manager need to know of a loaded model. A value.
struct EmbeddingModelInfo {
  std::string name;          // the folder's last part, or what the loader was told
  std::string architecture;  // "BertModel"
  std::int64_t vocab_size = 0;
  std::int64_t context_length = 0;  // tokens of one text, those of the tokenizer's template included
  std::int64_t dimensions = 0;      // of a vector
  std::int64_t layers = 0;
  std::int64_t hidden_size = 0;
  std::int64_t padding_id = 0;
  bool normalizes = false;  // the folder asks for vectors of length 1
  std::int64_t parameter_count = 0;
  std::int64_t weight_bytes = 0;  // in memory, in `dtype`
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
};

// A model that turns a text into one vector, loaded and ready. Implementations: BertModel.
// Owned by the engine. One thread calls at a time; it uses at::parallel_for inside and blocks until done.
class EmbeddingModel {
 public:
  virtual ~EmbeddingModel() = default;
  virtual const EmbeddingModelInfo& info() const = 0;

  // The vectors of `texts` (token ids, at least one each) as float32 [texts, dimensions] on the CPU, pooled
  // as the folder says and not normalised. The texts are padded to the longest: the caller groups those of
  // like length. A text's vector does not depend on the others but for the last bits. Errors:
  // kInvalidArgument for a token or length out of range; kInternal where libtorch failed, e.g. out of memory.
  virtual Result<at::Tensor> Embed(std::span<const std::span<const std::uint32_t>> texts) = 0;
};

// Loads a Hugging Face or sentence-transformers folder of the BERT family (bert_config.h, pooling.h). What
// LoadLanguageModel says of hostile folders, blocking and errors holds here too.
Result<std::unique_ptr<EmbeddingModel>> LoadEmbeddingModel(const std::filesystem::path& folder,
                                                           const LoadOptions& options = {});

}  // namespace altlas::model
