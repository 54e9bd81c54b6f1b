// SPDX-License-Identifier: Apache-2.0
#include "text/normalizer.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "text/unicode.h"

namespace altlas::text {
namespace {

using Changes = std::vector<Change>;

constexpr std::size_t kMaxPrefixBytes = 64;

std::u32string Characters(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) out += NextChar(text, at);
  return out;
}

// Full decomposition in canonical order: the marks after a starter are sorted by their class.
Changes Decompose(std::string_view text, bool compatible) {
  Changes out;
  std::size_t sorted = 0;
  const auto sort_marks = [&] {
    std::stable_sort(out.begin() + static_cast<std::ptrdiff_t>(sorted), out.end(),
                     [](const Change& a, const Change& b) {
                       return CombiningClass(a.character) < CombiningClass(b.character);
                     });
    sorted = out.size();
  };
  std::u32string parts;
  for (std::size_t at = 0; at < text.size();) {
    parts.clear();
    AppendDecomposition(parts, NextChar(text, at), compatible);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (CombiningClass(parts[i]) == 0) sort_marks();
      out.push_back({parts[i], i == 0 ? 0 : 1});
    }
  }
  sort_marks();
  return out;
}

// Canonical composition of a decomposed text: each starter takes the marks after it that are not blocked. A
// taken mark counts as removed (the change of the starter goes down by one).
Changes Recompose(const Changes& parts) {
  Changes out;
  Changes waiting;  // marks behind the starter that did not compose with it
  std::optional<Change> starter;
  unsigned last_class = 0;
  const auto flush = [&] {
    if (starter) out.push_back(*starter);
    out.insert(out.end(), waiting.begin(), waiting.end());
    waiting.clear();
  };
  for (const auto& part : parts) {
    const unsigned combining = CombiningClass(part.character);
    if (!starter) {
      if (combining != 0) {
        out.push_back(part);
      } else {
        starter = part;
      }
      continue;
    }
    const bool blocked = !waiting.empty() && last_class >= combining;
    if (const char32_t composed = blocked ? 0 : Compose(starter->character, part.character)) {
      starter = Change{composed, starter->change + part.change - 1};
      continue;
    }
    if (combining == 0) {
      flush();
      starter = part;
      continue;
    }
    waiting.push_back(part);
    last_class = combining;
  }
  flush();
  return out;
}

void Unicode(PieceArena& arena, Piece& piece, bool compatible, bool compose) {
  if (IsAscii(piece.text)) return;
  auto changes = Decompose(piece.text, compatible);
  if (compose) changes = Recompose(changes);
  Transform(arena, piece, changes, 0);
}

void Lowercase(PieceArena& arena, Piece& piece) {
  Changes changes;
  std::u32string parts;
  for (const char32_t c : Characters(piece.text)) {
    parts.clear();
    AppendLower(parts, c);
    for (std::size_t i = 0; i < parts.size(); ++i) changes.push_back({parts[i], i == 0 ? 0 : 1});
  }
  Transform(arena, piece, changes, 0);
}

// Removes the characters that `drops` names; the others become what `becomes` makes of them.
template <typename Drops, typename Becomes>
void Filter(PieceArena& arena, Piece& piece, Drops drops, Becomes becomes) {
  Changes changes;
  std::size_t removed_first = 0;
  for (const char32_t c : Characters(piece.text)) {
    if (!drops(c)) {
      changes.push_back({becomes(c), 0});
    } else if (changes.empty()) {
      ++removed_first;
    } else {
      --changes.back().change;
    }
  }
  Transform(arena, piece, changes, removed_first);
}

constexpr auto kItself = [](char32_t c) { return c; };

void CleanForBert(PieceArena& arena, Piece& piece) {
  const auto usual = [](unsigned char c) { return c >= ' ' && c < 0x7f; };
  if (std::all_of(piece.text.begin(), piece.text.end(), usual)) return;
  const auto spaced = [](char32_t c) { return IsBertSpace(c) ? U' ' : c; };
  Filter(arena, piece, IsBertControl, spaced);
}

void SpaceHan(PieceArena& arena, Piece& piece) {
  if (IsAscii(piece.text)) return;
  Changes changes;
  for (const char32_t c : Characters(piece.text)) {
    const bool han = IsBertHan(c);
    if (han) changes.push_back({U' ', 0});
    changes.push_back({c, han ? 1 : 0});
    if (han) changes.push_back({U' ', 1});
  }
  Transform(arena, piece, changes, 0);
}

void NormalizeForBert(const NormalizerSpec& spec, PieceArena& arena, Piece& piece) {
  if (spec.clean_text) CleanForBert(arena, piece);
  if (spec.space_han) SpaceHan(arena, piece);
  if (spec.strip_accents && !IsAscii(piece.text)) {
    Unicode(arena, piece, false, false);
    Filter(arena, piece, IsBertMark, kItself);
  }
  if (spec.lowercase) Lowercase(arena, piece);
}

void Strip(Piece& piece, bool left, bool right) {
  std::size_t begin = 0, end = piece.text.size();
  while (left && begin < end) {
    std::size_t at = begin;
    if (!IsWhitespace(NextChar(piece.text, at))) break;
    begin = at;
  }
  while (right && end > begin) {
    std::size_t at = PreviousChar(piece.text, end);
    const std::size_t last = at;
    if (!IsWhitespace(NextChar(piece.text, at))) break;
    end = last;
  }
  piece.text = piece.text.substr(begin, end - begin);
  piece.origin = piece.origin.subspan(begin, end - begin);
}

bool IsPrintableByte(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

struct ByteTables {
  std::array<char32_t, 256> characters{};
  std::array<std::optional<unsigned char>, 0x144> bytes{};
  ByteTables() {
    char32_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      characters[byte] = IsPrintableByte(byte) ? byte : next++;
      bytes[characters[byte]] = static_cast<unsigned char>(byte);
    }
  }
};
const ByteTables kByteTables;

}  // namespace

char32_t ByteLevelCharacter(unsigned char byte) { return kByteTables.characters[byte]; }

std::optional<unsigned char> ByteLevelByte(char32_t c) {
  return c < kByteTables.bytes.size() ? kByteTables.bytes[c] : std::nullopt;
}

void ToByteLevel(PieceArena& arena, Piece& piece) {
  std::string text;
  std::vector<TextSpan> origin;
  text.reserve(piece.text.size() * 2);
  origin.reserve(piece.text.size() * 2);
  for (std::size_t i = 0; i < piece.text.size(); ++i) {
    AppendCodePoint(text, ByteLevelCharacter(static_cast<unsigned char>(piece.text[i])));
    origin.resize(text.size(), piece.origin[i]);
  }
  piece.text = arena.Store(text);
  piece.origin = arena.Store(origin);
}

Result<Normalizer> Normalizer::Create(std::vector<NormalizerSpec> steps) {
  Normalizer out;
  std::size_t growth = 1;
  for (auto& spec : steps) {
    if (spec.prepend.size() > kMaxPrefixBytes)
      return Fail(ErrorCode::kTooLarge, "normalizer: a prefix of {} bytes, at most {} are supported",
                  spec.prepend.size(), kMaxPrefixBytes);
    if (spec.kind == NormalizerSpec::Kind::kReplace)
      growth *= GrowthOf(spec.pattern, spec.pattern_is_regex, spec.content);
    if (growth > kMaxGrowth)
      return Fail(ErrorCode::kTooLarge,
                  "normalizer: its replacements can make a text {} times longer, at most {} is supported",
                  growth, kMaxGrowth);
    Step step{std::move(spec), {}};
    if (step.spec.kind == NormalizerSpec::Kind::kReplace) {
      ALTLAS_TRY(step.regex, (step.spec.pattern_is_regex ? Regex::Compile(step.spec.pattern)
                                                         : Regex::Literal(step.spec.pattern))
                                 .Context("normalizer Replace"));
    }
    out.steps_.push_back(std::move(step));
  }
  return out;
}

Status Normalizer::Apply(PieceArena& arena, Piece& piece) const {
  for (const auto& step : steps_) {
    if (piece.text.empty()) return {};
    ALTLAS_TRY_VOID(ApplyStep(step, arena, piece));
  }
  return {};
}

Status Normalizer::ApplyStep(const Step& step, PieceArena& arena, Piece& piece) const {
  using Kind = NormalizerSpec::Kind;
  switch (step.spec.kind) {
    case Kind::kNfc:
      Unicode(arena, piece, false, true);
      break;
    case Kind::kNfd:
      Unicode(arena, piece, false, false);
      break;
    case Kind::kNfkc:
      Unicode(arena, piece, true, true);
      break;
    case Kind::kNfkd:
      Unicode(arena, piece, true, false);
      break;
    case Kind::kLowercase:
      Lowercase(arena, piece);
      break;
    case Kind::kStripAccents:
      Filter(arena, piece, IsMark, kItself);
      break;
    case Kind::kStrip:
      Strip(piece, step.spec.left, step.spec.right);
      break;
    case Kind::kPrepend:
      PrependTo(arena, piece, step.spec.prepend);
      break;
    case Kind::kByteLevel:
      ToByteLevel(arena, piece);
      break;
    case Kind::kBert:
      NormalizeForBert(step.spec, arena, piece);
      break;
    case Kind::kReplace: {
      ALTLAS_TRY(const auto segments, step.regex->FindAll(piece.text));
      ReplaceSegments(arena, piece, segments, step.spec.content);
      break;
    }
  }
  return {};
}

}  // namespace altlas::text
