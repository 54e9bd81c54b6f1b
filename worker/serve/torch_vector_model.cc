// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/torch_vector_model.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace altlas::serve {

TorchVectorModel::TorchVectorModel(std::unique_ptr<model::EmbeddingModel> model, std::int64_t max_context)
    : model_(std::move(model)) {
  const auto& info = model_->info();
  info_.vocab_size = info.vocab_size;
  info_.context_length = max_context > 0 ? std::min(info.context_length, max_context) : info.context_length;
  info_.dimensions = info.dimensions;
  info_.normalizes = info.normalizes;
}

Result<std::vector<std::vector<float>>> TorchVectorModel::Embed(
    std::span<const std::span<const std::uint32_t>> texts) {
  ALTLAS_TRY(const at::Tensor vectors, model_->Embed(texts));
  std::vector<std::vector<float>> out;
  out.reserve(texts.size());
  const float* row = vectors.const_data_ptr<float>();
  for (std::size_t i = 0; i < texts.size(); ++i, row += info_.dimensions)
    out.emplace_back(row, row + info_.dimensions);
  return out;
}

Result<EncodedText> TokenizerPassages::Encode(std::string_view text, std::int64_t limit) const {
  ALTLAS_TRY(auto encoding,
             tokenizer_->EncodeUpTo(text, true, static_cast<std::size_t>(std::max<std::int64_t>(limit, 0))));
  EncodedText out;
  out.tokens = static_cast<std::int64_t>(encoding.ids.size() + encoding.dropped);
  out.ids = std::move(encoding.ids);
  return out;
}

}  // namespace altlas::serve
