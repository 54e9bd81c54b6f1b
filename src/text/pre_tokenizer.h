// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/piece.h"
#include "text/regex.h"

namespace altlas::text {

enum class PrependScheme { kAlways, kFirst, kNever };

// One step of a tokenizer.json's "pre_tokenizer"; a Sequence is its steps in order.
struct PreTokenizerSpec {
  enum class Kind {
    kByteLevel,
    kSplit,
    kMetaspace,
    kWhitespace,
    kWhitespaceSplit,
    kDigits,
    kPunctuation,
    kDelimiter,
    kBert
  };
  Kind kind = Kind::kByteLevel;
  bool add_prefix_space = true;  // ByteLevel
  bool use_regex = true;
  std::string pattern;  // Split
  bool pattern_is_regex = false;
  bool invert = false;
  SplitBehavior behavior = SplitBehavior::kIsolated;  // Split, Punctuation
  char32_t character = 0;                             // Metaspace's replacement, Delimiter
  PrependScheme prepend = PrependScheme::kAlways;
  bool split = true;
  bool individual_digits = false;
};

// Cuts pieces into the words that the model sees one by one. Added tokens pass untouched.
// Immutable and thread-safe after Create.
class PreTokenizer {
 public:
  static Result<PreTokenizer> Create(std::vector<PreTokenizerSpec> steps);
  // kInvalidArgument where an expression of the file gives up on the text.
  Status Apply(PieceArena& arena, std::vector<Piece>& pieces) const;

 private:
  PreTokenizer() = default;
  struct Step {
    PreTokenizerSpec spec;
    std::optional<Regex> regex;
  };
  Status ApplyStep(const Step& step, PieceArena& arena, Piece& piece, std::vector<Piece>& out) const;
  std::vector<Step> steps_;
};

}  // namespace altlas::text
