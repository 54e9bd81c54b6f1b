// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex.h"

namespace altlas::text {

// One step of a tokenizer.json's "decoder"; a Sequence is its steps in order.
struct DecoderSpec {
  enum class Kind { kByteLevel, kMetaspace, kByteFallback, kFuse, kStrip, kReplace, kBpe, kWordPiece };
  Kind kind = Kind::kByteLevel;
  char32_t character = 0;  // Metaspace's replacement, what Strip removes
  bool drop_first = true;  // Metaspace: the replacement disappears from the first token
  std::size_t start = 0;   // Strip
  std::size_t stop = 0;
  std::string pattern;   // Replace; BPEDecoder's suffix; WordPiece's prefix
  bool cleanup = false;  // WordPiece: no space before punctuation and short forms
  bool pattern_is_regex = false;
  std::string content;
};

// The steps of a decoder, compiled once and shared by all streams. Immutable and thread-safe.
class DecoderPlan {
 public:
  struct Step {
    DecoderSpec spec;
    std::shared_ptr<const Regex> regex;  // shared with the running stages
  };
  // With no step at all the tokens are joined by spaces, as the library does where a file has no decoder.
  static Result<DecoderPlan> Create(std::vector<DecoderSpec> steps, bool has_decoder);
  const std::vector<Step>& steps() const { return steps_; }
  bool joins_by_spaces() const { return joins_by_spaces_; }

 private:
  std::vector<Step> steps_;
  bool joins_by_spaces_ = false;
};

// One running decoder step. Tokens come as pieces of valid UTF-8, the last of which ends the token; a step
// that fuses its tokens hands on one token that ends with Finish. What is handed on is final.
class DecoderStage {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void Put(std::string_view piece, bool ends_token) = 0;
  };
  virtual ~DecoderStage() = default;
  virtual void Feed(std::string_view piece, bool ends_token, Sink& next) = 0;
  virtual void Finish(Sink& next) = 0;
};

// The steps chained: tokens in, text out.
class DecoderChain {
 public:
  explicit DecoderChain(const DecoderPlan& plan);
  // Appends what became final.
  void Feed(std::string_view token, std::string& out);
  void Finish(std::string& out);

 private:
  class Link;
  std::vector<std::unique_ptr<DecoderStage>> stages_;
};

}  // namespace altlas::text
