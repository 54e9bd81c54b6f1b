// SPDX-License-Identifier: Apache-2.0
#include "text/added_tokens.h"

#include <fmt/format.h>

#include <algorithm>

namespace altlas::text {

Result<AddedTokens> AddedTokens::Create(const std::vector<AddedToken>& tokens, const WordModel& model,
                                        const Normalizer& normalizer, std::vector<std::string>& warnings) {
  AddedTokens out;
  auto next_id = static_cast<TokenId>(model.size());
  for (const auto& token : tokens) {
    if (token.content.empty()) continue;
    auto id = out.IdOf(token.content);
    if (!id) id = model.IdOf(token.content);
    if (!id) id = next_id++;
    if (*id != token.id)
      warnings.push_back(fmt::format("the added token \"{}\" has the id {}, not {} as the file says",
                                     token.content, *id, token.id));
    out.spellings_.insert_or_assign(*id, token.content);
    if (token.normalized) {
      PieceArena arena;
      Piece piece = WholePiece(arena, token.content);
      if (normalizer.Apply(arena, piece).has_value())
        out.spellings_.insert_or_assign(*id, std::string(piece.text));
    }
    out.ids_.insert_or_assign(token.content, *id);
    if (token.special) out.special_.insert(token.content);
    out.tokens_.insert_or_assign(*id, token);
  }
  bool any_single = false;
  for (const auto& [id, token] : out.tokens_) {
    auto& trie = token.normalized ? out.normalized_ : out.raw_;
    ALTLAS_TRY_VOID(
        trie.Add(token.normalized ? out.spellings_.at(id) : token.content, id).Context("added_tokens"));
    any_single = any_single || token.single_word;
  }
  if (any_single) {
    ALTLAS_TRY(out.word_character_, Regex::WordCharacter());
  }
  return out;
}

std::optional<TokenId> AddedTokens::IdOf(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string* AddedTokens::TokenOf(TokenId id) const {
  const auto found = spellings_.find(id);
  return found == spellings_.end() ? nullptr : &found->second;
}

bool AddedTokens::StandsAlone(std::string_view text, const TokenTrie::Match& match) const {
  if (match.begin > 0) {
    const std::size_t before = PreviousChar(text, match.begin);
    if (word_character_->Matches(text.substr(before, match.begin - before))) return false;
  }
  return match.end == text.size() ||
         !word_character_->Matches(text.substr(match.end, CharSize(text[match.end])));
}

void AddedTokens::Cut(const Piece& piece, const TokenTrie& trie, std::vector<Piece>& out) const {
  const std::string_view text = piece.text;
  std::size_t done = 0;
  const auto keep = [&](std::size_t begin, std::size_t end) {
    if (begin < end) out.push_back(Slice(piece, begin, end));
  };
  for (std::size_t from = 0; from < text.size();) {
    const auto match = trie.Next(text, from);
    if (!match) break;
    from = match->end;
    const AddedToken& token = tokens_.at(match->id);
    if (token.single_word && !StandsAlone(text, *match)) continue;
    std::size_t begin = match->begin, end = match->end;
    if (token.left_strip) {
      while (begin > done) {
        std::size_t at = PreviousChar(text, begin);
        const std::size_t space = at;
        if (!IsWhitespace(NextChar(text, at))) break;
        begin = space;
      }
    }
    if (token.right_strip) {
      for (std::size_t at = end; at < text.size() && IsWhitespace(NextChar(text, at));) end = at;
    }
    // An earlier token may have taken the white space that this one starts with.
    begin = std::max(begin, token.left_strip ? done : begin);
    keep(done, begin);
    if (begin >= end) continue;
    out.push_back(Slice(piece, begin, end));
    out.back().token = match->id;
    done = end;
  }
  keep(done, text.size());
}

Result<std::vector<Piece>> AddedTokens::Extract(PieceArena& arena, std::string_view text,
                                                const Normalizer& normalizer) const {
  std::vector<Piece> raw, out;
  if (text.empty()) return out;
  Cut(WholePiece(arena, text), raw_, raw);
  for (auto& piece : raw) {
    if (piece.token) {
      out.push_back(piece);
      continue;
    }
    ALTLAS_TRY_VOID(normalizer.Apply(arena, piece));
    if (!piece.text.empty()) Cut(piece, normalized_, out);
  }
  return out;
}

}  // namespace altlas::text
