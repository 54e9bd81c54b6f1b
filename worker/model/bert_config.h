// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas::model {

// A BERT encoder as its config.json describes it. A value.
struct BertConfig {
  enum class Activation { kGelu, kGeluTanh, kRelu, kSilu };
  std::string architecture = "BertModel";
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t max_positions = 512;
  std::int64_t types = 2;  // type_vocab_size
  double layer_norm_eps = 1e-12;
  Activation activation = Activation::kGelu;
  std::int64_t padding_id = 0;
  c10::ScalarType dtype = c10::ScalarType::Float;  // of the folder's weights
};

// Reads config.json. Sizes are checked against limits, so that later products cannot overflow. Errors:
// kCorrupt (not JSON, wrong types, sizes that cannot be), kUnsupported (another architecture, activation,
// position embedding, a decoder); messages name the field.
Result<BertConfig> ParseBertConfig(std::string_view config_json);

// The shape that is called bert-base (uncased): 12 layers of 768, 12 heads, 3072 inside, 30522 tokens.
BertConfig BertBase();

}  // namespace altlas::model
