// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace altlas::serve {

// How the next token is chosen from the model's logits. The defaults choose greedily and filter nothing.
struct SamplingParams {
  double temperature = 0.0;  // 0: greedy (the highest logit, the lowest id among equals)
  int top_k = 0;             // 0: off
  double top_p = 1.0;        // 1: off
  double min_p = 0.0;        // 0: off
  double repetition_penalty = 1.0;
  std::uint64_t seed = 0;
  bool operator==(const SamplingParams&) const = default;
};

// The uniform number in [0, 1) that decides the token at `position` (0 = the first new token of the task). A
// function of its arguments alone, the same on every machine: a task that is continued elsewhere draws the
// same numbers.
double UniformAt(std::uint64_t seed, std::uint64_t position);

// Chooses tokens. The order is that of Hugging Face's generate(): repetition penalty on the raw logits, then,
// unless greedy, temperature, top_k, top_p, min_p, each on what the one before has left:
//   repetition penalty: every id of prompt and output so far, once each: logit / penalty where positive, else
//   * penalty top_k: every token at least as likely as the k-th stays (equals of the k-th stay too) top_p:
//   tokens in descending order (the lower id first among equals) while the mass before them is below top_p
//   min_p: tokens at least min_p times as likely as the likeliest stay
// A logit of -infinity means "never". Holds scratch memory that grows to the vocabulary once, then allocates
// nothing. Not thread-safe.
class Sampler {
 public:
  // `logits` is overwritten. `seen` are the ids of prompt and output, each at most once, all within the
  // vocabulary. kInternal where a logit is NaN or +infinity, or every one is -infinity: the model's output is
  // garbage, and no token is made from it.
  Result<std::uint32_t> Sample(std::span<float> logits, const SamplingParams& params,
                               std::span<const std::uint32_t> seen, std::uint64_t position);

 private:
  struct Candidate {
    float logit;
    std::uint32_t id;
  };
  std::uint32_t SampleUnfiltered(std::span<const float> logits, float max, double temperature,
                                 double uniform);
  std::uint32_t SampleFiltered(std::span<const float> logits, float max, const SamplingParams& params,
                               double uniform);
  void KeepTopK(std::size_t k);
  void KeepTopP(double top_p, float max, double temperature);

  std::vector<Candidate> candidates_;
  std::vector<float> weights_;
};

// The ids a sequence has used so far, each once, for the repetition penalty. Not thread-safe.
class SeenTokens {
 public:
  explicit SeenTokens(std::size_t vocab_size) : seen_(vocab_size, false) {}
  void Add(std::uint32_t id) {
    if (seen_[static_cast<std::size_t>(id)]) return;
    seen_[static_cast<std::size_t>(id)] = true;
    ids_.push_back(id);
  }
  std::span<const std::uint32_t> ids() const { return ids_; }

 private:
  std::vector<bool> seen_;
  std::vector<std::uint32_t> ids_;
};

}  // namespace altlas::serve
