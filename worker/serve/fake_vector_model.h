// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/serve/vector_model.h"

namespace altlas::serve {

// A model for tests whose vector says which text it is of: its length, the sum of its ids, its first id.
// Keeps the shape of every batch.
class FakeVectorModel final : public VectorModel {
 public:
  explicit FakeVectorModel(std::int64_t context = 64, bool normalizes = false)
      : info_{.vocab_size = 256, .context_length = context, .dimensions = 3, .normalizes = normalizes} {}

  static std::vector<float> VectorOf(std::span<const std::uint32_t> ids) {
    float sum = 0;
    for (const auto id : ids) sum += static_cast<float>(id);
    return {static_cast<float>(ids.size()), sum, static_cast<float>(ids.front())};
  }
  const VectorModelInfo& info() const override { return info_; }
  Result<std::vector<std::vector<float>>> Embed(
      std::span<const std::span<const std::uint32_t>> texts) override {
    std::vector<std::int64_t> lengths;
    std::vector<std::vector<float>> out;
    for (const auto text : texts) {
      lengths.push_back(static_cast<std::int64_t>(text.size()));
      out.push_back(VectorOf(text));
    }
    if (batches) batches->push_back(lengths);
    if (before_batch) {
      if (auto status = before_batch(texts); !status.has_value()) return std::move(status).error();
    }
    if (after_batch) after_batch(out);
    return out;
  }

  std::function<Status(std::span<const std::span<const std::uint32_t>>)> before_batch;  // its error fails it
  std::function<void(std::vector<std::vector<float>>&)> after_batch;
  std::shared_ptr<std::vector<std::vector<std::int64_t>>> batches;  // the lengths of each batch's texts

 private:
  VectorModelInfo info_;
};

// Bytes are tokens.
class FakePassages final : public PassageCodec {
 public:
  Result<EncodedText> Encode(std::string_view text, std::int64_t limit) const override {
    EncodedText out;
    out.tokens = static_cast<std::int64_t>(text.size());
    for (const char c : text.substr(0, static_cast<std::size_t>(limit)))
      out.ids.push_back(static_cast<unsigned char>(c));
    return out;
  }
};

}  // namespace altlas::serve
