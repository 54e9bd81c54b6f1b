// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/model/kv_cache.h"
#include "worker/model/sampling_defaults.h"

namespace altlas::model {

// What the serving engine and the manager need to know of a loaded model. A value.
struct LanguageModelInfo {
  std::string name;          // the folder's last part, or what the loader was told
  std::string architecture;  // "LlamaForCausalLM", "Qwen2ForCausalLM", "MistralForCausalLM"
  std::int64_t vocab_size = 0;
  std::int64_t context_length = 0;  // positions the model was made for: prompt and answer together
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t sliding_window = 0;    // a token sees this many positions, itself included; 0: all
  std::vector<std::int64_t> bos_ids;  // none or one
  std::vector<std::int64_t>
      eos_ids;  // any of these ends the text; generation_config.json wins over config.json
  SamplingDefaults sampling;
  std::int64_t kv_bytes_per_token = 0;  // over all layers, K and V
  std::int64_t parameter_count = 0;     // a tied embedding counts once
  std::int64_t weight_bytes = 0;        // in memory, in `dtype`
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
};

// A run of consecutive tokens of one sequence in one step: a chunk of its prompt, or its one newest token.
struct StepSlice {
  std::int64_t slot = 0;  // the sequence's place in the KvCache
  std::int64_t start_position =
      0;                     // position of the first token; all earlier positions are in the cache already
  std::int64_t count = 0;    // tokens, at least 1
  bool want_logits = false;  // logits for the last token of the slice
};

// One step of a running batch: the tokens of all slices, concatenated in the order of `slices`.
// A slot occurs at most once in a step.
struct StepBatch {
  std::vector<std::int64_t> tokens;
  std::vector<StepSlice> slices;
};

// A causal language model, loaded and ready. Implementations: LlamaModel.
// Owned by the engine. One thread calls Forward at a time; it uses at::parallel_for inside and blocks until
// done. Rows of a batch do not influence each other: on CPU in float32 a sequence gets the same bits whatever
// else is in the step and however its prompt was cut into chunks.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;
  virtual const LanguageModelInfo& info() const = 0;

  // Runs one step, writes K and V of its tokens into `cache`, and gives the logits as float32 [slices that
  // want them, vocab] on the CPU, in the order of the slices. The tensor is the model's own buffer and holds
  // until the next call. Errors: kInvalidArgument for a token, slot or position out of range (nothing is
  // changed then); kInternal where libtorch failed, e.g. out of memory (the slices' cache content is then
  // undefined; the step can be repeated).
  virtual Result<at::Tensor> Forward(const StepBatch& batch, KvCache& cache) = 0;
};

}  // namespace altlas::model
