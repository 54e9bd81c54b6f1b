// SPDX-License-Identifier: Apache-2.0
#include "text/word_piece.h"

#include <algorithm>

#include "text/unicode.h"

namespace altlas::text {

Result<std::unique_ptr<const WordPieceModel>> WordPieceModel::Create(WordPieceSpec spec) {
  auto model = std::unique_ptr<WordPieceModel>(new WordPieceModel(std::move(spec)));
  ALTLAS_TRY_VOID(model->Index().Context("model.vocab"));
  return std::unique_ptr<const WordPieceModel>(std::move(model));
}

Status WordPieceModel::Index() {
  const std::string_view prefix = spec_.continuing_prefix;
  for (const auto& [token, id] : spec_.vocabulary) {
    const auto [known, fresh] = tokens_.emplace(id, &token);
    if (!fresh)
      return Fail(ErrorCode::kCorrupt, "the id {} stands for both \"{}\" and \"{}\"", id, *known->second,
                  token);
    ids_.emplace(token, id);
    largest_id_ = std::max(largest_id_, id);
    if (!token.empty()) ALTLAS_TRY_VOID(first_.Add(token, id));
    if (token.size() > prefix.size() && token.starts_with(prefix))
      ALTLAS_TRY_VOID(rest_.Add(std::string_view(token).substr(prefix.size()), id));
  }
  unknown_id_ = IdOf(spec_.unknown_token);
  return {};
}

bool WordPieceModel::Spell(std::string_view word, std::vector<WordToken>& out) const {
  for (std::size_t at = 0; at < word.size();) {
    const auto match = (at == 0 ? first_ : rest_).At(word, at);
    if (!match) return false;
    out.push_back({match->id, match->begin, match->end});
    at = match->end;
  }
  return true;
}

Status WordPieceModel::Tokenize(std::string_view word, std::vector<WordToken>& out) const {
  const auto characters = static_cast<std::size_t>(
      std::count_if(word.begin(), word.end(), [](char c) { return !IsContinuation(c); }));
  const std::size_t before = out.size();
  if (characters <= spec_.max_characters && Spell(word, out)) return {};
  out.resize(before);
  if (!unknown_id_)
    return Fail(ErrorCode::kInvalidArgument,
                "the text holds a word that the vocabulary cannot spell, and the tokenizer's unknown token "
                "\"{}\" is not in the vocabulary",
                spec_.unknown_token);
  out.push_back({*unknown_id_, 0, word.size()});
  return {};
}

std::optional<TokenId> WordPieceModel::IdOf(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string* WordPieceModel::TokenOf(TokenId id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : found->second;
}

}  // namespace altlas::text
