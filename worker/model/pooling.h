// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"

namespace altlas::model {

// How the vectors of a text's tokens become one vector, as a sentence-transformers folder says it:
//   modules.json                 the steps: Transformer, Pooling and, it may be, Normalize
//   <Pooling's path>/config.json pooling_mode_*: several modes stand beside each other in the vector
//   sentence_bert_config.json    max_seq_length
// A folder without modules.json is pooled by the mean and not normalised, as sentence-transformers itself
// does with it.
struct Pooling {
  enum class Mode {
    kCls,         // of the first token
    kMax,         // the largest value of each dimension
    kMean,        // the mean over the tokens
    kMeanSqrtLen  // their sum divided by the square root of their number
  };
  std::vector<Mode> modes = {Mode::kMean};  // in the order in which they stand in the vector
  bool normalize = false;
  std::int64_t max_tokens = 0;  // of a text; 0: as the model allows
};

// Reads them. Blocks. A path may not lead out of the folder. kCorrupt, kUnsupported (Dense and other modules,
// other modes), each naming file and field.
Result<Pooling> ReadPooling(const std::filesystem::path& folder, std::int64_t hidden_size);

// states: [texts, tokens, hidden] in any dtype; lengths: int64 [texts], at least 1, on the same device.
// float32 [texts, hidden * modes].
at::Tensor Pool(const Pooling& pooling, const at::Tensor& states, const at::Tensor& lengths);

}  // namespace altlas::model
