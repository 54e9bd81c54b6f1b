// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "worker/serve/token_model.h"

namespace altlas::serve {

// A model for tests whose logits are a function of all tokens of a sequence, so that a token computed at a
// wrong position, in a wrong slot or after a wrong history changes the text. Keeps what each slot was given,
// and refuses a step that leaves gaps.
class FakeTokenModel final : public TokenModel {
 public:
  // Given the sequence so far, the logits of the next token (vocab_size of them, set to 0 before).
  using Script = std::function<void(const std::vector<std::uint32_t>& tokens, std::span<float> logits)>;

  explicit FakeTokenModel(TokenModelInfo info, Script script = HashScript())
      : info_(std::move(info)), script_(std::move(script)), slots_(static_cast<std::size_t>(info_.slots)) {}

  // Every token possible, most of them unlikely, decided by a hash of the whole history.
  static Script HashScript() {
    return [](const std::vector<std::uint32_t>& tokens, std::span<float> logits) {
      std::uint64_t hash = 1469598103934665603ULL;
      for (const auto id : tokens) hash = (hash ^ id) * 1099511628211ULL;
      for (std::size_t i = 0; i < logits.size(); ++i) {
        std::uint64_t z = (hash + i) * 0x9e3779b97f4a7c15ULL;
        z ^= z >> 29;
        logits[i] = static_cast<float>((z * 0xbf58476d1ce4e5b9ULL) >> 40) * (12.0f / (1 << 24));
      }
    };
  }
  // Writes `text` byte by byte after a prompt of `prompt_size` tokens, then `end`.
  static Script TextScript(std::string text, std::size_t prompt_size, std::uint32_t end) {
    return [=](const std::vector<std::uint32_t>& tokens, std::span<float> logits) {
      const std::size_t at = tokens.size() - prompt_size;
      logits[at < text.size() ? static_cast<unsigned char>(text[at]) : end] = 10.0f;
    };
  }

  const TokenModelInfo& info() const override { return info_; }
  Status Forward(std::span<const SequenceSlice> slices, std::vector<std::span<float>>& logits) override {
    ++forwards;
    largest_step = std::max(largest_step, TokensIn(slices));
    if (before_step) {
      if (auto status = before_step(slices); !status.has_value()) return status;
    }
    logits.clear();
    rows_.resize(slices.size());
    std::map<int, bool> used;
    for (std::size_t i = 0; i < slices.size(); ++i) {
      const auto& slice = slices[i];
      auto& cache = slots_.at(static_cast<std::size_t>(slice.slot));
      if (std::exchange(used[slice.slot], true))
        return Fail(ErrorCode::kInternal, "slot {} twice", slice.slot);
      if (slice.position > static_cast<std::int64_t>(cache.size()) || slice.tokens.empty()) {
        return Fail(ErrorCode::kInternal, "a gap in slot {}", slice.slot);
      }
      cache.resize(static_cast<std::size_t>(slice.position));
      cache.insert(cache.end(), slice.tokens.begin(), slice.tokens.end());
      if (static_cast<std::int64_t>(cache.size()) > info_.context_length) {
        return Fail(ErrorCode::kInternal, "past the context in slot {}", slice.slot);
      }
      if (!slice.want_logits) continue;
      rows_[i].assign(static_cast<std::size_t>(info_.vocab_size), 0.0f);
      script_(cache, rows_[i]);
      logits.emplace_back(rows_[i]);
    }
    return {};
  }
  void Release(int slot) override { slots_.at(static_cast<std::size_t>(slot)).clear(); }

  static std::int64_t TokensIn(std::span<const SequenceSlice> slices) {
    std::int64_t tokens = 0;
    for (const auto& slice : slices) tokens += static_cast<std::int64_t>(slice.tokens.size());
    return tokens;
  }

  // Runs before each step; its error fails the step.
  std::function<Status(std::span<const SequenceSlice>)> before_step;
  int forwards = 0;
  std::int64_t largest_step = 0;

 private:
  TokenModelInfo info_;
  Script script_;
  std::vector<std::vector<std::uint32_t>> slots_;
  std::vector<std::vector<float>> rows_;
};

// Bytes are tokens; incomplete UTF-8 is held back and invalid bytes become U+FFFD, as tokenizers do it.
class FakeCodec final : public TextCodec {
 public:
  static constexpr std::uint32_t kEnd = 256;

  Result<std::vector<std::uint32_t>> Encode(std::string_view text) const override {
    std::vector<std::uint32_t> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  std::unique_ptr<TextStream> NewStream() const override { return std::make_unique<Stream>(); }

 private:
  class Stream final : public TextStream {
   public:
    void Push(std::uint32_t id, std::string& out) override {
      held_ += static_cast<char>(id);
      const std::size_t sure = held_.size() - IncompleteUtf8Tail(held_);
      out += ReplaceInvalidUtf8(std::string_view(held_).substr(0, sure));
      held_.erase(0, sure);
    }
    void Finish(std::string& out) override {
      out += ReplaceInvalidUtf8(held_);
      held_.clear();
    }

   private:
    std::string held_;
  };
};

inline TokenModelInfo FakeInfo(int slots = 4, std::int64_t context = 512) {
  return {.vocab_size = 257,
          .context_length = context,
          .slots = slots,
          .end_ids = {FakeCodec::kEnd},
          .default_sampling = {}};
}

}  // namespace altlas::serve
