// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/file.h"
#include "base/utf8.h"
#include "text/tokenizer_json.h"
#include "text/vocab_txt.h"

namespace altlas::text {
namespace {

constexpr std::size_t kMaxFileBytes = 64 << 20;
constexpr std::size_t kMaxTextBytes = 1 << 30;
constexpr std::size_t kCachedWordBytes = 64;

// The bytes of the text that a token of a piece stands for.
TextSpan SpanOf(const Piece& piece, const WordToken& token) {
  const auto begin = static_cast<std::uint32_t>(token.begin), end = static_cast<std::uint32_t>(token.end);
  if (begin == end) return {piece.begin + begin, piece.begin + end};
  if (token.end > piece.origin.size()) return {begin, end};
  return {piece.origin[token.begin].begin, piece.origin[token.end - 1].end};
}

// Turns words into tokens; within one text most words come again, so short ones are kept.
class WordTokenizer {
 public:
  explicit WordTokenizer(const WordModel& model) : model_(model) {}

  // Valid until the next call.
  Result<std::span<const WordToken>> Tokenize(std::string_view word) {
    if (word.size() > kCachedWordBytes) {
      scratch_.clear();
      ALTLAS_TRY_VOID(model_.Tokenize(word, scratch_));
      return std::span<const WordToken>(scratch_);
    }
    const auto [entry, fresh] = words_.try_emplace(word);
    if (fresh) {
      entry->second.begin = tokens_.size();
      ALTLAS_TRY_VOID(model_.Tokenize(word, tokens_));
      entry->second.size = tokens_.size() - entry->second.begin;
    }
    return std::span<const WordToken>(tokens_).subspan(entry->second.begin, entry->second.size);
  }

 private:
  struct Known {
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  const WordModel& model_;
  std::unordered_map<std::string_view, Known> words_;  // views into the pieces
  std::vector<WordToken> tokens_;
  std::vector<WordToken> scratch_;
};

Result<std::unique_ptr<const WordModel>> MakeModel(std::variant<BpeSpec, WordPieceSpec> spec) {
  if (auto* pieces = std::get_if<WordPieceSpec>(&spec)) {
    ALTLAS_TRY(auto model, WordPieceModel::Create(std::move(*pieces)));
    return std::unique_ptr<const WordModel>(std::move(model));
  }
  ALTLAS_TRY(auto model, BpeModel::Create(std::get<BpeSpec>(std::move(spec))));
  return std::unique_ptr<const WordModel>(std::move(model));
}

}  // namespace

struct Tokenizer::Impl {
  static Result<std::unique_ptr<const Tokenizer>> Make(TokenizerSpec spec);

  std::unique_ptr<const WordModel> model;
  Normalizer normalizer;
  AddedTokens added;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  DecoderPlan decoder;
  std::size_t vocab_size = 0;
  std::size_t id_limit = 0;
  std::vector<TokenId> special_ids;
  std::vector<std::string> warnings;

  const std::string* TokenOf(TokenId id) const {
    const auto* token = added.TokenOf(id);
    return token != nullptr ? token : model->TokenOf(id);
  }

  void Count() {
    vocab_size = model->size();
    id_limit = vocab_size == 0 ? 0 : static_cast<std::size_t>(model->largest_id()) + 1;
    for (const auto& [content, id] : added.ids()) {
      if (!model->IdOf(content)) ++vocab_size;
      id_limit = std::max(id_limit, static_cast<std::size_t>(id) + 1);
      if (added.IsSpecial(*TokenOf(id))) special_ids.push_back(id);
    }
    std::sort(special_ids.begin(), special_ids.end());
  }
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

Result<std::unique_ptr<const Tokenizer>> Tokenizer::Load(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) {
    ALTLAS_TRY(const std::string json, ReadFile(path, kMaxFileBytes));
    return Parse(json).Context(path.string());
  }
  const bool older = !std::filesystem::exists(path / "tokenizer.json", ignored) &&
                     std::filesystem::exists(path / "vocab.txt", ignored);
  if (!older) return Load(path / "tokenizer.json");
  ALTLAS_TRY(auto spec, LoadVocabTxt(path));
  return Impl::Make(std::move(spec)).Context((path / "vocab.txt").string());
}

Result<std::unique_ptr<const Tokenizer>> Tokenizer::Parse(std::string_view json) {
  ALTLAS_TRY(auto spec, ReadTokenizerJson(json));
  return Impl::Make(std::move(spec));
}

Result<std::unique_ptr<const Tokenizer>> Tokenizer::Impl::Make(TokenizerSpec spec) {
  std::vector<std::string> warnings;
  ALTLAS_TRY(auto model, MakeModel(std::move(spec.model)));
  ALTLAS_TRY(auto normalizer, Normalizer::Create(std::move(spec.normalizer)));
  ALTLAS_TRY(auto added, AddedTokens::Create(spec.added_tokens, *model, normalizer, warnings));
  ALTLAS_TRY(auto pre_tokenizer, PreTokenizer::Create(std::move(spec.pre_tokenizer)));
  ALTLAS_TRY(auto post_processor, PostProcessor::Create(std::move(spec.post_processor)));
  ALTLAS_TRY(auto decoder, DecoderPlan::Create(std::move(spec.decoder), spec.has_decoder));
  auto impl = std::make_unique<Impl>(Impl{std::move(model),
                                          std::move(normalizer),
                                          std::move(added),
                                          std::move(pre_tokenizer),
                                          std::move(post_processor),
                                          std::move(decoder),
                                          0,
                                          0,
                                          {},
                                          std::move(warnings)});
  impl->Count();
  return std::unique_ptr<const Tokenizer>(new Tokenizer(std::move(impl)));
}

Result<Encoding> Tokenizer::Encode(std::string_view text, bool add_special_tokens) const {
  return EncodeUpTo(text, add_special_tokens, std::numeric_limits<std::size_t>::max());
}

Result<Encoding> Tokenizer::EncodeUpTo(std::string_view text, bool add_special_tokens,
                                       std::size_t limit) const {
  if (text.size() > kMaxTextBytes)
    return Fail(ErrorCode::kTooLarge, "a text of {} bytes, at most {} are encoded", text.size(),
                kMaxTextBytes);
  std::string repaired;
  if (!IsValidUtf8(text)) text = repaired = ReplaceInvalidUtf8(text);
  PieceArena arena;
  ALTLAS_TRY(auto pieces, impl_->added.Extract(arena, text, impl_->normalizer));
  ALTLAS_TRY_VOID(impl_->pre_tokenizer.Apply(arena, pieces));
  std::vector<TokenPart> tokens;
  tokens.reserve(pieces.size() * 2);
  WordTokenizer words(*impl_->model);
  for (const auto& piece : pieces) {
    if (piece.token) {
      tokens.push_back({*piece.token, SpanOf(piece, {0, 0, piece.text.size()}), piece.text});
      continue;
    }
    ALTLAS_TRY(const auto parts, words.Tokenize(piece.text));
    for (const auto& part : parts)
      tokens.push_back({part.id, SpanOf(piece, part), *impl_->model->TokenOf(part.id)});
  }
  return impl_->post_processor.Apply(text, std::move(tokens), add_special_tokens, limit);
}

std::string Tokenizer::Decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string out;
  StreamDecoder stream(*this, skip_special);
  for (const TokenId id : ids) out += stream.Push(id);
  return out += stream.Finish();
}

std::size_t Tokenizer::vocab_size() const { return impl_->vocab_size; }
std::size_t Tokenizer::id_limit() const { return impl_->id_limit; }

std::optional<TokenId> Tokenizer::IdOf(std::string_view token) const {
  if (const auto id = impl_->added.IdOf(token)) return id;
  return impl_->model->IdOf(token);
}

std::optional<std::string> Tokenizer::TokenOf(TokenId id) const {
  const auto* token = impl_->TokenOf(id);
  return token == nullptr ? std::nullopt : std::optional(*token);
}

bool Tokenizer::IsSpecial(TokenId id) const {
  return std::binary_search(impl_->special_ids.begin(), impl_->special_ids.end(), id);
}

const std::vector<std::string>& Tokenizer::warnings() const { return impl_->warnings; }

struct StreamDecoder::Impl {
  const Tokenizer* tokenizer;
  bool skip_special;
  DecoderChain chain;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : impl_(std::make_unique<Impl>(Impl{&tokenizer, skip_special, DecoderChain(tokenizer.impl_->decoder)})) {}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

std::string StreamDecoder::Push(TokenId id) {
  std::string out;
  const auto* token = impl_->tokenizer->impl_->TokenOf(id);
  if (token == nullptr || (impl_->skip_special && impl_->tokenizer->IsSpecial(id))) return out;
  impl_->chain.Feed(*token, out);
  return out;
}

std::string StreamDecoder::Finish() {
  std::string out;
  impl_->chain.Finish(out);
  return out;
}

}  // namespace altlas::text
