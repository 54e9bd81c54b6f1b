// SPDX-License-Identifier: Apache-2.0
#include "text/pre_tokenizer.h"

#include "base/utf8.h"
#include "text/normalizer.h"
#include "text/unicode.h"

namespace altlas::text {
namespace {

// GPT-2's way of cutting text into words.
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

Segments Inverted(Segments segments) {
  for (auto& segment : segments) segment.match = !segment.match;
  return segments;
}

std::string Encoded(char32_t c) {
  std::string out;
  AppendCodePoint(out, c);
  return out;
}

void Metaspace(const PreTokenizerSpec& spec, PieceArena& arena, Piece& piece, std::vector<Piece>& out) {
  const std::string mark = Encoded(spec.character);
  if (piece.text.find(' ') != std::string_view::npos)
    ReplaceSegments(arena, piece, MatchCharacters(piece.text, [](char32_t c) { return c == ' '; }), mark);
  const bool wanted =
      spec.prepend == PrependScheme::kAlways || (spec.prepend == PrependScheme::kFirst && piece.begin == 0);
  if (wanted && !piece.text.starts_with(mark)) PrependTo(arena, piece, mark);
  if (!spec.split) {
    out.push_back(piece);
    return;
  }
  SplitPiece(piece, MatchCharacters(piece.text, [&](char32_t c) { return c == spec.character; }),
             SplitBehavior::kMergedWithNext, out);
}

Result<std::optional<Regex>> RegexOf(const PreTokenizerSpec& spec) {
  using Kind = PreTokenizerSpec::Kind;
  if (spec.kind == Kind::kSplit) {
    ALTLAS_TRY(auto regex,
               spec.pattern_is_regex ? Regex::Compile(spec.pattern) : Regex::Literal(spec.pattern));
    return std::optional(std::move(regex));
  }
  if (spec.kind == Kind::kWhitespace) {
    ALTLAS_TRY(auto regex, Regex::Words());
    return std::optional(std::move(regex));
  }
  if (spec.kind == Kind::kByteLevel && spec.use_regex) {
    ALTLAS_TRY(auto regex, Regex::Compile(kByteLevelPattern));
    return std::optional(std::move(regex));
  }
  return std::optional<Regex>();
}

}  // namespace

Result<PreTokenizer> PreTokenizer::Create(std::vector<PreTokenizerSpec> steps) {
  PreTokenizer out;
  for (auto& spec : steps) {
    ALTLAS_TRY(auto regex, RegexOf(spec).Context("pre_tokenizer"));
    out.steps_.push_back({std::move(spec), std::move(regex)});
  }
  return out;
}

Status PreTokenizer::Apply(PieceArena& arena, std::vector<Piece>& pieces) const {
  for (const auto& step : steps_) {
    std::vector<Piece> out;
    out.reserve(pieces.size());
    for (auto& piece : pieces) {
      if (piece.token) {
        out.push_back(piece);
      } else {
        ALTLAS_TRY_VOID(ApplyStep(step, arena, piece, out));
      }
    }
    pieces = std::move(out);
  }
  return {};
}

Status PreTokenizer::ApplyStep(const Step& step, PieceArena& arena, Piece& piece,
                               std::vector<Piece>& out) const {
  using Kind = PreTokenizerSpec::Kind;
  const auto& spec = step.spec;
  const auto by_character = [&](auto is_match, SplitBehavior behavior) {
    SplitPiece(piece, MatchCharacters(piece.text, is_match), behavior, out);
  };
  switch (spec.kind) {
    case Kind::kMetaspace:
      Metaspace(spec, arena, piece, out);
      return {};
    case Kind::kWhitespaceSplit:
      by_character(IsWhitespace, SplitBehavior::kRemoved);
      return {};
    case Kind::kDigits:
      by_character(IsNumeric, spec.individual_digits ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
      return {};
    case Kind::kPunctuation:
      by_character(IsPunctuation, spec.behavior);
      return {};
    case Kind::kDelimiter:
      by_character([&](char32_t c) { return c == spec.character; }, SplitBehavior::kRemoved);
      return {};
    case Kind::kBert: {
      std::vector<Piece> words;
      SplitPiece(piece, MatchCharacters(piece.text, IsWhitespace), SplitBehavior::kRemoved, words);
      for (const auto& word : words)
        SplitPiece(word, MatchCharacters(word.text, IsPunctuation), SplitBehavior::kIsolated, out);
      return {};
    }
    case Kind::kWhitespace: {
      ALTLAS_TRY(auto segments, step.regex->FindAll(piece.text));
      SplitPiece(piece, Inverted(std::move(segments)), SplitBehavior::kRemoved, out);
      return {};
    }
    case Kind::kSplit: {
      ALTLAS_TRY(auto segments, step.regex->FindAll(piece.text));
      SplitPiece(piece, spec.invert ? Inverted(std::move(segments)) : std::move(segments), spec.behavior,
                 out);
      return {};
    }
    case Kind::kByteLevel:
      break;
  }
  if (spec.add_prefix_space && !piece.text.starts_with(' ')) PrependTo(arena, piece, " ");
  const std::size_t first = out.size();
  if (step.regex) {
    ALTLAS_TRY(auto segments, step.regex->FindAll(piece.text));
    SplitPiece(piece, std::move(segments), SplitBehavior::kIsolated, out);
  } else {
    out.push_back(piece);
  }
  for (std::size_t i = first; i < out.size(); ++i) ToByteLevel(arena, out[i]);
  return {};
}

}  // namespace altlas::text
