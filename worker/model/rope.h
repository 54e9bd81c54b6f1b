// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "worker/model/llama_config.h"

namespace altlas::model {

// The angles of rotary position embedding. Frequencies are float32 whatever the model's dtype. Immutable,
// thread-safe.
class Rope {
 public:
  explicit Rope(const LlamaConfig& config);

  // Cosine and sine of `position`, head_dim / 2 values each, attention factor included. With dynamic scaling
  // a position past max_positions uses the base for a text of just that length, so a token's angles depend on
  // its position alone.
  void Angles(std::int64_t position, float* cos, float* sin) const;
  std::int64_t half() const { return half_; }

 private:
  std::int64_t half_;
  RopeConfig rope_;
  std::int64_t max_positions_;
  float attention_factor_ = 1;
  std::vector<float> frequencies_;
};

}  // namespace altlas::model
