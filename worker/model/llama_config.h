// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/model/sampling_defaults.h"

namespace altlas::model {

// Rotary position embedding: how a position becomes angles.
struct RopeConfig {
  enum class Kind { kDefault, kLinear, kDynamic, kLlama3, kYarn };
  Kind kind = Kind::kDefault;
  double theta = 10000;
  double factor = 1;
  double original_context = 0;  // llama3, yarn: positions before the context was stretched
  double low_freq_factor = 1;   // llama3
  double high_freq_factor = 4;
  double beta_fast = 32;  // yarn
  double beta_slow = 1;
  double attention_factor = 0;  // yarn; 0: derived
  double mscale = 0;
  double mscale_all_dim = 0;
  bool truncate = true;
};

// A Llama-family model as its config.json describes it. A value.
struct LlamaConfig {
  std::string architecture;
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_positions = 2048;
  std::int64_t context_length = 2048;  // max_positions, or more where the scaling stretches it
  double rms_norm_eps = 1e-6;
  RopeConfig rope;
  bool tie_embeddings = false;
  bool qkv_bias = false;
  bool output_bias = false;  // on the attention's output projection
  bool mlp_bias = false;
  std::int64_t sliding_window = 0;          // 0: every layer sees everything
  std::vector<std::int64_t> layer_windows;  // per layer, 0: everything
  std::vector<std::int64_t> bos_ids;
  std::vector<std::int64_t> eos_ids;
  SamplingDefaults sampling;
  c10::ScalarType dtype = c10::ScalarType::Float;  // of the folder's weights

  std::int64_t q_size() const { return heads * head_dim; }
  std::int64_t kv_size() const { return kv_heads * head_dim; }
};

// Reads config.json and, where `generation_json` is not empty, generation_config.json over it. Every size is
// checked against a limit, so that later products cannot overflow. Errors: kCorrupt (not JSON, wrong types,
// sizes that cannot be), kUnsupported (another architecture, activation, scaling or quantisation); messages
// name the field.
Result<LlamaConfig> ParseLlamaConfig(std::string_view config_json, std::string_view generation_json);

// config.json and generation_config.json of `config`, in the spelling that current and older readers share.
std::string FormatLlamaConfig(const LlamaConfig& config);
std::string FormatGenerationConfig(const LlamaConfig& config);

}  // namespace altlas::model
