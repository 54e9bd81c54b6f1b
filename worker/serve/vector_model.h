// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace altlas::serve {

// What the engine must know of a model that embeds.
struct VectorModelInfo {
  std::int64_t vocab_size = 0;
  std::int64_t context_length = 0;  // tokens of one text, those of the template included
  std::int64_t dimensions = 0;
  bool normalizes = false;  // for requests that do not say
};

// A model that embeds, as its engine sees it. Implementations: TorchVectorModel (an EmbeddingModel of
// worker/model), FakeVectorModel (tests). One thread at a time.
class VectorModel {
 public:
  virtual ~VectorModel() = default;
  virtual const VectorModelInfo& info() const = 0;
  // One vector of `dimensions` values for each text, not normalised. Blocks for the computation.
  virtual Result<std::vector<std::vector<float>>> Embed(
      std::span<const std::span<const std::uint32_t>> texts) = 0;
};

struct EncodedText {
  std::vector<std::uint32_t> ids;
  std::int64_t tokens = 0;  // of the whole text; more than `ids` holds where it was cut
};

// Text to ids. Implementations: TokenizerPassages (src/text), FakePassages (tests). Thread-safe.
class PassageCodec {
 public:
  virtual ~PassageCodec() = default;
  // At most `limit` ids: the text's last tokens are left out, never the template's.
  virtual Result<EncodedText> Encode(std::string_view text, std::int64_t limit) const = 0;
};

}  // namespace altlas::serve
