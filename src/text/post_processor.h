// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace altlas::text {

// One step of a tokenizer.json's "post_processor"; a Sequence is its steps in order. Roberta's and Bert's
// processing are read as a trimming step and a template.
struct PostProcessorSpec {
  enum class Kind { kTrimOffsets, kTemplate };
  // What a template puts down: the text itself, or fixed ids.
  struct Part {
    bool is_text = false;
    std::vector<TokenId> ids;
  };
  Kind kind = Kind::kTemplate;
  bool add_prefix_space = true;  // of kTrimOffsets: one space at the very beginning was not in the text
  std::vector<Part> parts;
};

// A token on its way out. `spelling` is as the vocabulary or, for an added token, the text spells it.
struct TokenPart {
  TokenId id = 0;
  TextSpan span;
  std::string_view spelling;
};

// Puts the template around the tokens and trims white space from their spans. Pure, thread-safe.
class PostProcessor {
 public:
  // kUnsupported for more than one template.
  static Result<PostProcessor> Create(std::vector<PostProcessorSpec> steps);
  // At most `limit` ids: the last of `tokens` are dropped, the template's ids never.
  Encoding Apply(std::string_view text, std::vector<TokenPart> tokens, bool add_special_tokens,
                 std::size_t limit) const;

 private:
  std::vector<PostProcessorSpec> steps_;
};

}  // namespace altlas::text
