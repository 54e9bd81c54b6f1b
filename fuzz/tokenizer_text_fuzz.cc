// SPDX-License-Identifier: Apache-2.0
// Any bytes as text, through a byte-level tokenizer (which must give them back) and through one with
// normalizers, added tokens and byte fallback and one of BERT's kind (which must stay within the text and
// decode to valid text).
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "text/normalizer.h"
#include "text/tokenizer.h"

namespace {

using altlas::text::StreamDecoder;
using altlas::text::Tokenizer;
using Json = nlohmann::json;

std::unique_ptr<const Tokenizer> Load(const Json& json) {
  auto parsed = Tokenizer::Parse(json.dump());
  ALTLAS_CHECK(parsed.has_value(), "the fuzzer's own tokenizer is refused");
  return std::move(*parsed);
}

std::unique_ptr<const Tokenizer> ByteLevel() {
  Json vocab = Json::object();
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string spelled;
    altlas::AppendCodePoint(spelled, altlas::text::ByteLevelCharacter(static_cast<unsigned char>(byte)));
    vocab[spelled] = byte;
  }
  Json merges = Json::array();
  for (const char* pair : {"a a", "aa aa", "t h", "th e", "Ġ t", "Ġ Ġ"}) {
    std::string token(pair);
    token.erase(token.find(' '), 1);
    vocab[token] = vocab.size();
    merges.push_back(pair);
  }
  auto json = Json::parse(R"({"added_tokens": [
      {"id": 262, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
      "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
         "(?i:'s|'t|'re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]},
      "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false}})");
  json["model"] = {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}};
  return Load(json);
}

std::unique_ptr<const Tokenizer> Metaspace() {
  Json vocab = {{"<unk>", 0}, {"▁", 1}, {"a", 2}, {"▁a", 3}, {"é", 4}};
  for (unsigned byte = 0; byte < 256; byte += 3) vocab[fmt::format("<0x{:02X}>", byte)] = 5 + byte;
  auto json = Json::parse(R"({"added_tokens": [
      {"id": 6, "content": "<x>", "single_word": false, "lstrip": true, "rstrip": true, "normalized": false, "special": true},
      {"id": 7, "content": "word", "single_word": true, "lstrip": false, "rstrip": false, "normalized": true, "special": false}],
      "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "Lowercase"}, {"type": "StripAccents"}, {"type": "NFC"},
        {"type": "Strip", "strip_left": true, "strip_right": false}, {"type": "Prepend", "prepend": "▁"}]},
      "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"},
        {"type": "Punctuation", "behavior": "MergedWithNext"}, {"type": "Digits", "individual_digits": false}]},
      "post_processor": {"type": "RobertaProcessing", "sep": ["<unk>", 0], "cls": ["<unk>", 0], "trim_offsets": true, "add_prefix_space": true},
      "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 1}]}})");
  json["model"] = {{"type", "BPE"},        {"vocab", vocab},        {"merges", {"▁ a"}},
                   {"unk_token", "<unk>"}, {"byte_fallback", true}, {"fuse_unk", true}};
  return Load(json);
}

std::unique_ptr<const Tokenizer> WordPiece() {
  auto json = Json::parse(R"({"added_tokens": [
      {"id": 1, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
      {"id": 2, "content": "word", "single_word": true, "lstrip": false, "rstrip": false, "normalized": true, "special": false}],
      "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
      "pre_tokenizer": {"type": "BertPreTokenizer"},
      "post_processor": {"type": "BertProcessing", "sep": ["[CLS]", 1], "cls": ["[CLS]", 1]},
      "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
      "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": {"[UNK]": 0, "[CLS]": 1, "a": 3, "##a": 4, "##b": 5, "ab": 6, "do": 7, "not": 8, "'": 9, "s": 10, ".": 11, "日": 12, "##é": 13, "e": 14}}})");
  return Load(json);
}

void Check(const Tokenizer& tokenizer, std::string_view text, bool gives_back) {
  const std::string valid = altlas::ReplaceInvalidUtf8(text);
  const auto encoding = tokenizer.Encode(text, true);
  ALTLAS_CHECK(encoding.has_value());
  for (const auto& span : encoding->spans) ALTLAS_CHECK(span.begin <= span.end && span.end <= valid.size());
  StreamDecoder stream(tokenizer, false);
  std::string streamed;
  for (const auto id : encoding->ids) {
    const std::string piece = stream.Push(id);
    ALTLAS_CHECK(altlas::IsValidUtf8(piece));
    streamed += piece;
  }
  streamed += stream.Finish();
  ALTLAS_CHECK(streamed == tokenizer.Decode(encoding->ids, false));
  if (gives_back) ALTLAS_CHECK(streamed == valid);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto byte_level = ByteLevel();
  static const auto metaspace = Metaspace();
  static const auto word_piece = WordPiece();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Check(*byte_level, text, true);
  Check(*metaspace, text, false);
  Check(*word_piece, text, false);
  return 0;
}
