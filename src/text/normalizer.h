// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/piece.h"
#include "text/regex.h"

namespace altlas::text {

// One step of a tokenizer.json's "normalizer"; a Sequence is its steps in order.
struct NormalizerSpec {
  enum class Kind {
    kNfc,
    kNfd,
    kNfkc,
    kNfkd,
    kLowercase,
    kStripAccents,
    kStrip,
    kPrepend,
    kReplace,
    kByteLevel,
    kBert
  };
  Kind kind = Kind::kNfc;
  bool left = false;  // Strip
  bool right = false;
  std::string prepend;
  std::string pattern;  // Replace
  bool pattern_is_regex = false;
  std::string content;
  bool clean_text = true;  // BertNormalizer: control characters go, white space becomes a space
  bool space_han = true;   // a space on both sides of each Han character
  bool strip_accents = true;
  bool lowercase = true;
};

// Respells a piece step by step, keeping track of the original text. Immutable and thread-safe after Create.
class Normalizer {
 public:
  static Result<Normalizer> Create(std::vector<NormalizerSpec> steps);
  // kInvalidArgument where an expression of the file gives up on the text.
  Status Apply(PieceArena& arena, Piece& piece) const;

 private:
  Normalizer() = default;
  struct Step {
    NormalizerSpec spec;
    std::optional<Regex> regex;
  };
  Status ApplyStep(const Step& step, PieceArena& arena, Piece& piece) const;
  std::vector<Step> steps_;
};

// The byte-level alphabet: each byte as a printable character (GPT-2's table).
char32_t ByteLevelCharacter(unsigned char byte);
// The byte that a character of that alphabet stands for.
std::optional<unsigned char> ByteLevelByte(char32_t c);
// Respells a piece in that alphabet.
void ToByteLevel(PieceArena& arena, Piece& piece);

}  // namespace altlas::text
