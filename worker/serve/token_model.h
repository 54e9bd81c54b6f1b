// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/serve/sampler.h"

namespace altlas::serve {

// What the engine must know of a model.
struct TokenModelInfo {
  std::int64_t vocab_size = 0;
  std::int64_t context_length = 0;  // tokens of one sequence, prompt and output, at most
  int slots = 0;                    // sequences that may hold a KV cache at the same time
  std::vector<std::uint32_t> end_ids;
  SamplingParams default_sampling{};  // for what a request leaves out: the model's generation_config.json
};

// A run of tokens of one sequence, to be computed in one step: the tokens at positions [position, position +
// tokens.size()) of the sequence in `slot`, whose earlier tokens are in the slot's cache already.
struct SequenceSlice {
  int slot = 0;
  std::int64_t position = 0;
  std::span<const std::uint32_t> tokens;
  bool want_logits = false;  // of the last token
};

// A language model as the batching engine sees it: slots of a KV cache, and steps over a batch of slices.
// Implementations: TorchTokenModel (a LanguageModel of worker/model), FakeTokenModel (tests). One thread at a
// time.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  virtual const TokenModelInfo& info() const = 0;
  // Computes the slices, at most one a slot, and points logits[i] at the vocab_size values for the i-th slice
  // that wants them. They are the caller's to overwrite until the next Forward. Blocks for the computation.
  // After an error (out of memory, say) the caches of the slots named are undefined.
  virtual Status Forward(std::span<const SequenceSlice> slices, std::vector<std::span<float>>& logits) = 0;
  // The slot's sequence is over: its cache may be forgotten.
  virtual void Release(int slot) = 0;
};

// Turns ids into text, one after the other; holds back incomplete UTF-8 and what the tokenizer's rules cannot
// decide yet.
class TextStream {
 public:
  virtual ~TextStream() = default;
  // Appends to `out` the text that is certain now.
  virtual void Push(std::uint32_t id, std::string& out) = 0;
  // Appends what is left.
  virtual void Finish(std::string& out) = 0;
};

// Text to ids and back. Implementations: TokenizerCodec (src/text), FakeCodec (tests). Thread-safe.
class TextCodec {
 public:
  virtual ~TextCodec() = default;
  // The prompt's ids, special tokens that the model wants before it included.
  virtual Result<std::vector<std::uint32_t>> Encode(std::string_view text) const = 0;
  virtual std::unique_ptr<TextStream> NewStream() const = 0;
};

}  // namespace altlas::serve
