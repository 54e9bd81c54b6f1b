// SPDX-License-Identifier: Apache-2.0
#include "text/vocab_txt.h"

#include <algorithm>
#include <unordered_map>

#include "base/file.h"
#include "base/utf8.h"
#include "text/json_fields.h"

namespace altlas::text {
namespace {

constexpr std::size_t kMaxVocabBytes = 64 << 20;
constexpr std::size_t kMaxTokenizerConfigBytes = 8 << 20;  // those of large models list their added tokens
constexpr std::size_t kMaxLines = 1 << 22;

struct BertSettings {
  bool lower_case = true;
  bool space_han = true;
  bool strip_accents = true;
  std::string unknown = "[UNK]", begin = "[CLS]", end = "[SEP]", padding = "[PAD]", mask = "[MASK]";
};

// "[CLS]" or {"content": "[CLS]", ...}
Result<std::string> SpecialToken(const Fields& root, const char* name, std::string absent) {
  const auto* value = root.Find(name);
  if (value == nullptr || value->is_string()) return root.String(name, std::move(absent));
  ALTLAS_TRY(const Fields token, root.Object(name));
  return token.String("content");
}

Result<BertSettings> ReadSettings(const nlohmann::json& json) {
  BertSettings out;
  ALTLAS_TRY(const Fields root, Fields::Of(json, "tokenizer_config.json"));
  ALTLAS_TRY(out.lower_case, root.Bool("do_lower_case", true));
  ALTLAS_TRY(out.space_han, root.Bool("tokenize_chinese_chars", true));
  ALTLAS_TRY(out.strip_accents, root.Bool("strip_accents", out.lower_case));
  ALTLAS_TRY(out.unknown, SpecialToken(root, "unk_token", std::move(out.unknown)));
  ALTLAS_TRY(out.begin, SpecialToken(root, "cls_token", std::move(out.begin)));
  ALTLAS_TRY(out.end, SpecialToken(root, "sep_token", std::move(out.end)));
  ALTLAS_TRY(out.padding, SpecialToken(root, "pad_token", std::move(out.padding)));
  ALTLAS_TRY(out.mask, SpecialToken(root, "mask_token", std::move(out.mask)));
  return out;
}

Result<BertSettings> ParseSettings(std::string_view config_json) {
  if (config_json.empty()) return BertSettings{};
  constexpr int kMaxNesting = 64;
  const auto depth_guard = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kMaxNesting) throw std::length_error("nested too deeply");
    return true;
  };
  try {
    return ReadSettings(nlohmann::json::parse(config_json.begin(), config_json.end(), depth_guard));
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kCorrupt, "tokenizer_config.json is not JSON: {}", error.what());
  }
}

using Vocabulary = std::vector<std::pair<std::string, TokenId>>;

Result<Vocabulary> ReadLines(std::string_view text) {
  Vocabulary out;
  std::unordered_map<std::string_view, TokenId> seen;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto id = static_cast<TokenId>(out.size());
    if (out.size() >= kMaxLines)
      return Fail(ErrorCode::kTooLarge, "vocab.txt has more than {} lines", kMaxLines);
    if (!IsValidUtf8(line)) return Fail(ErrorCode::kCorrupt, "line {} of vocab.txt is not UTF-8", id + 1);
    if (const auto [first, fresh] = seen.emplace(line, id); !fresh)
      return Fail(ErrorCode::kCorrupt, "lines {} and {} of vocab.txt are the same token", first->second + 1,
                  id + 1);
    out.emplace_back(line, id);
  }
  return out;
}

}  // namespace

Result<TokenizerSpec> ReadVocabTxt(std::string_view vocabulary, std::string_view config_json) {
  ALTLAS_TRY(const BertSettings settings, ParseSettings(config_json));
  WordPieceSpec model;
  ALTLAS_TRY(model.vocabulary, ReadLines(vocabulary));
  model.unknown_token = settings.unknown;
  TokenizerSpec out;
  const auto special = [&](const std::string& content) -> Result<TokenId> {
    const auto found = std::find_if(model.vocabulary.begin(), model.vocabulary.end(),
                                    [&](const auto& entry) { return entry.first == content; });
    if (found == model.vocabulary.end())
      return Fail(ErrorCode::kCorrupt, "vocab.txt lacks the special token \"{}\"", content);
    AddedToken token;
    token.content = content;
    token.id = found->second;
    token.normalized = false;
    token.special = true;
    out.added_tokens.push_back(std::move(token));
    return found->second;
  };
  ALTLAS_TRY(const TokenId begin, special(settings.begin));
  ALTLAS_TRY(const TokenId end, special(settings.end));
  ALTLAS_TRY_VOID(special(settings.unknown));
  ALTLAS_TRY_VOID(special(settings.padding));
  // A model that was never trained on gaps may lack it.
  [[maybe_unused]] const auto mask = special(settings.mask);
  NormalizerSpec normalizer;
  normalizer.kind = NormalizerSpec::Kind::kBert;
  normalizer.space_han = settings.space_han;
  normalizer.strip_accents = settings.strip_accents;
  normalizer.lowercase = settings.lower_case;
  out.normalizer.push_back(std::move(normalizer));
  PreTokenizerSpec pre_tokenizer;
  pre_tokenizer.kind = PreTokenizerSpec::Kind::kBert;
  out.pre_tokenizer.push_back(std::move(pre_tokenizer));
  PostProcessorSpec around;
  around.parts = {{false, {begin}}, {true, {}}, {false, {end}}};
  out.post_processor.push_back(std::move(around));
  DecoderSpec decoder;
  decoder.kind = DecoderSpec::Kind::kWordPiece;
  decoder.pattern = model.continuing_prefix;
  decoder.cleanup = true;
  out.decoder.push_back(std::move(decoder));
  out.has_decoder = true;
  out.model = std::move(model);
  return out;
}

Result<TokenizerSpec> LoadVocabTxt(const std::filesystem::path& folder) {
  ALTLAS_TRY(const std::string vocabulary, ReadFile(folder / "vocab.txt", kMaxVocabBytes));
  std::string config;
  std::error_code ignored;
  if (std::filesystem::exists(folder / "tokenizer_config.json", ignored)) {
    ALTLAS_TRY(config, ReadFile(folder / "tokenizer_config.json", kMaxTokenizerConfigBytes));
  }
  return ReadVocabTxt(vocabulary, config).Context(folder.string());
}

}  // namespace altlas::text
