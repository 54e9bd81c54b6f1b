// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace altlas::text {

// A part of the text on its way through normalizers and pre-tokenizers: its present spelling, and for each
// byte of it the bytes of the original text that it stands for. The views point into a PieceArena or the
// caller's text.
struct Piece {
  std::string_view text;
  std::span<const TextSpan> origin;  // one for each byte of `text`, absolute in the original text
  std::uint32_t begin = 0;           // the part of the original text that this piece stands for
  std::uint32_t end = 0;
  std::optional<TokenId> token;  // an added token: nothing looks into it any more
};

// One character of a new spelling, and how it came about: 0 replaces the next old character, 1 is inserted
// (and stands for what the character before it stands for), -n replaces the next old one and removes n more
// after it.
struct Change {
  char32_t character = 0;
  int change = 0;
};

// A match or a gap between matches.
struct Segment {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool match = false;
};
// Cuts a text into contiguous segments that cover it.
using Segments = std::vector<Segment>;

enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// Owns the spellings that the steps of one Encode call make; everything is freed with it. Not thread-safe.
class PieceArena {
 public:
  std::string_view Store(std::string_view text);
  std::span<const TextSpan> Store(std::span<const TextSpan> spans);

 private:
  std::pmr::monotonic_buffer_resource memory_;
};

// The whole text as one piece that stands for itself.
Piece WholePiece(PieceArena& arena, std::string_view text);

// The part [begin, end) of a piece's spelling, on character borders.
Piece Slice(const Piece& piece, std::size_t begin, std::size_t end);

// Applies `changes` to the whole spelling after its first `removed` characters were removed.
void Transform(PieceArena& arena, Piece& piece, std::span<const Change> changes, std::size_t removed);

// Puts `prefix` before a spelling that is not empty; it stands for what the first character stands for.
void PrependTo(PieceArena& arena, Piece& piece, std::string_view prefix);

// Replaces every matching segment by `content`.
void ReplaceSegments(PieceArena& arena, Piece& piece, const Segments& segments, std::string_view content);

// Cuts the piece along `segments` and appends the parts that are kept and not empty.
void SplitPiece(const Piece& piece, Segments segments, SplitBehavior behavior, std::vector<Piece>& out);

// Each character that `is_match` accepts is a match of its own.
template <typename Predicate>
Segments MatchCharacters(std::string_view text, Predicate is_match);

}  // namespace altlas::text

#include "text/unicode.h"

namespace altlas::text {

template <typename Predicate>
Segments MatchCharacters(std::string_view text, Predicate is_match) {
  Segments out;
  std::size_t gap = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    if (!is_match(NextChar(text, at))) continue;
    if (gap < begin) out.push_back({gap, begin, false});
    out.push_back({begin, at, true});
    gap = at;
  }
  if (gap < text.size()) out.push_back({gap, text.size(), false});
  return out;
}

}  // namespace altlas::text
