// SPDX-License-Identifier: Apache-2.0
#include "text/piece.h"

#include <algorithm>
#include <cstring>

#include "base/utf8.h"

namespace altlas::text {
namespace {

// Where inserted characters at the very front point: nowhere, at the beginning of the piece.
TextSpan Before(const Piece& piece, std::size_t index) {
  return index == 0 ? TextSpan{piece.begin, piece.begin} : piece.origin[index - 1];
}

std::size_t SkipChars(std::string_view text, std::size_t at, std::size_t count) {
  while (count-- > 0 && at < text.size()) at += CharSize(text[at]);
  return at;
}

// Consecutive segments that are merged into one: with what stands before (a match after a gap) or with
// equals.
Segments Merge(const Segments& segments, bool equals) {
  Segments out;
  bool previous = false;
  for (const auto& segment : segments) {
    const bool joins = equals ? segment.match == previous : segment.match && !previous;
    if (joins && !out.empty()) {
      out.back().end = segment.end;
    } else {
      out.push_back({segment.begin, segment.end, false});
    }
    previous = segment.match;
  }
  return out;
}

Segments MergeWithNext(const Segments& segments) {
  Segments out;
  bool previous = false;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    if (segment->match && !previous && !out.empty()) {
      out.back().begin = segment->begin;
    } else {
      out.push_back({segment->begin, segment->end, false});
    }
    previous = segment->match;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

std::string_view PieceArena::Store(std::string_view text) {
  if (text.empty()) return {};
  auto* bytes = static_cast<char*>(memory_.allocate(text.size(), 1));
  std::memcpy(bytes, text.data(), text.size());
  return {bytes, text.size()};
}

std::span<const TextSpan> PieceArena::Store(std::span<const TextSpan> spans) {
  if (spans.empty()) return {};
  auto* copy = static_cast<TextSpan*>(memory_.allocate(spans.size_bytes(), alignof(TextSpan)));
  std::uninitialized_copy(spans.begin(), spans.end(), copy);
  return {copy, spans.size()};
}

Piece WholePiece(PieceArena& arena, std::string_view text) {
  std::vector<TextSpan> origin(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at + CharSize(text[at]);
    const TextSpan span{static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)};
    while (at < end) origin[at++] = span;
  }
  return {text, arena.Store(origin), 0, static_cast<std::uint32_t>(text.size()), {}};
}

Piece Slice(const Piece& piece, std::size_t begin, std::size_t end) {
  Piece out = piece;
  out.text = piece.text.substr(begin, end - begin);
  out.origin = piece.origin.subspan(begin, end - begin);
  if (out.origin.empty()) {
    out.begin = out.end = piece.begin + static_cast<std::uint32_t>(begin);
  } else {
    out.begin = out.origin.front().begin;
    out.end = out.origin.back().end;
  }
  return out;
}

void Transform(PieceArena& arena, Piece& piece, std::span<const Change> changes, std::size_t removed) {
  std::string text;
  std::vector<TextSpan> origin;
  text.reserve(piece.text.size());
  origin.reserve(piece.text.size());
  std::size_t at = SkipChars(piece.text, 0, removed);
  for (const auto& change : changes) {
    const bool inserts = change.change > 0 || at >= piece.text.size();
    const TextSpan span = inserts ? Before(piece, at) : piece.origin[at];
    if (!inserts) at = SkipChars(piece.text, at, 1 + static_cast<std::size_t>(-change.change));
    AppendCodePoint(text, change.character);
    origin.resize(text.size(), span);
  }
  piece.text = arena.Store(text);
  piece.origin = arena.Store(origin);
}

void PrependTo(PieceArena& arena, Piece& piece, std::string_view prefix) {
  if (piece.text.empty() || prefix.empty()) return;
  std::string text(prefix);
  text += piece.text;
  std::vector<TextSpan> origin(prefix.size(), piece.origin.front());
  origin.insert(origin.end(), piece.origin.begin(), piece.origin.end());
  piece.text = arena.Store(text);
  piece.origin = arena.Store(origin);
}

void ReplaceSegments(PieceArena& arena, Piece& piece, const Segments& segments, std::string_view content) {
  std::string text;
  std::vector<TextSpan> origin;
  text.reserve(piece.text.size() + 16);
  origin.reserve(piece.text.size() + 16);
  for (const auto& segment : segments) {
    if (segment.match) {
      text += content;
      origin.resize(text.size(), Before(piece, segment.end));
      continue;
    }
    text += piece.text.substr(segment.begin, segment.end - segment.begin);
    const auto spans = piece.origin.subspan(segment.begin, segment.end - segment.begin);
    origin.insert(origin.end(), spans.begin(), spans.end());
  }
  piece.text = arena.Store(text);
  piece.origin = arena.Store(origin);
}

void SplitPiece(const Piece& piece, Segments segments, SplitBehavior behavior, std::vector<Piece>& out) {
  switch (behavior) {
    case SplitBehavior::kContiguous:
      segments = Merge(segments, true);
      break;
    case SplitBehavior::kMergedWithPrevious:
      segments = Merge(segments, false);
      break;
    case SplitBehavior::kMergedWithNext:
      segments = MergeWithNext(segments);
      break;
    case SplitBehavior::kIsolated:
    case SplitBehavior::kRemoved:
      break;
  }
  const bool drops = behavior == SplitBehavior::kRemoved;
  for (const auto& segment : segments) {
    if ((drops && segment.match) || segment.begin == segment.end) continue;
    out.push_back(Slice(piece, segment.begin, segment.end));
  }
}

}  // namespace altlas::text
