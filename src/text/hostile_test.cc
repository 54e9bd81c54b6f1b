// SPDX-License-Identifier: Apache-2.0
// Files that are wrong or hostile: one clear error each.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "text/tokenizer.h"

namespace altlas::text {
namespace {

using Json = nlohmann::json;

// The smallest file that is one: three characters and a merge.
Json SmallestFile() {
  return Json::parse(R"({"version": "1.0", "added_tokens": [], "model": {"type": "BPE",
      "vocab": {"a": 0, "b": 1, "ab": 2, " ": 3}, "merges": ["a b"]}})");
}

Error RefusalOf(const std::string& json) {
  auto parsed = Tokenizer::Parse(json);
  EXPECT_FALSE(parsed.has_value());
  return parsed.has_value() ? Error{} : parsed.error();
}

// The small file with a JSON merge patch (RFC 7396) applied: null removes a field.
struct Refusal {
  const char* name;
  const char* patch;
  ErrorCode code;
  const char* says;
};

class Refuses : public testing::TestWithParam<Refusal> {};

TEST_P(Refuses, WithOneClearError) {
  auto json = SmallestFile();
  json.merge_patch(Json::parse(GetParam().patch));
  const auto error = RefusalOf(json.dump());
  EXPECT_EQ(error.code, GetParam().code) << error.message;
  EXPECT_NE(error.message.find(GetParam().says), std::string::npos) << error.message;
}

constexpr auto kCorrupt = ErrorCode::kCorrupt;
constexpr auto kUnsupported = ErrorCode::kUnsupported;

const Refusal kRefusals[] = {
    {"NoModel", R"({"model": null})", kCorrupt, "model must be an object"},
    {"OtherVersion", R"({"version": "2.0"})", kUnsupported, "version"},
    {"Unigram", R"({"model": {"type": "Unigram"}})", kUnsupported, "Unigram"},
    {"OtherModel", R"({"model": {"type": "Magic"}})", kCorrupt, "WordPiece"},
    {"WordPieceWithoutUnknown", R"({"model": {"type": "WordPiece"}})", kCorrupt, "model.unk_token"},
    {"WordPieceWithoutVocabulary", R"({"model": {"type": "WordPiece", "unk_token": "a", "vocab": null}})",
     kCorrupt, "model.vocab"},
    {"WordPieceIdTwice", R"({"model": {"type": "WordPiece", "unk_token": "a", "vocab": {"a": 1}}})", kCorrupt,
     "stands for both"},
    {"WordPieceLimitOfWrongType",
     R"({"model": {"type": "WordPiece", "unk_token": "a", "max_input_chars_per_word": -1}})", kCorrupt,
     "max_input_chars_per_word"},
    {"BertNormalizerWithoutItsSwitches", R"({"normalizer": {"type": "BertNormalizer", "clean_text": true}})",
     kCorrupt, "normalizer.handle_chinese_chars"},
    {"AccentsOfWrongType",
     R"({"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": 1, "lowercase": true}})",
     kCorrupt, "normalizer.strip_accents"},
    {"VocabularyOfWrongType", R"({"model": {"vocab": []}})", kCorrupt, "model.vocab"},
    {"IdOfWrongType", R"({"model": {"vocab": {"a": "0"}}})", kCorrupt, "model.vocab"},
    {"NegativeId", R"({"model": {"vocab": {"a": -1}}})", kCorrupt, "model.vocab"},
    {"FractionOfAnId", R"({"model": {"vocab": {"a": 0.5}}})", kCorrupt, "model.vocab"},
    {"HugeId", R"({"model": {"vocab": {"a": 4000000000}}})", kCorrupt, "16777215"},
    {"IdTwice", R"({"model": {"vocab": {"a": 1}}})", kCorrupt, "stands for both"},
    {"MergesMissing", R"({"model": {"merges": null}})", kCorrupt, "model.merges"},
    {"MergeOfUnknownToken", R"({"model": {"merges": ["a z"]}})", kCorrupt, "\"z\""},
    {"MergeThatMakesAnUnknownToken", R"({"model": {"merges": ["b a"]}})", kCorrupt, "\"ba\""},
    {"MergeOfThree", R"({"model": {"merges": ["a b c"]}})", kCorrupt, "model.merges[0]"},
    {"MergesOfBothShapes", R"({"model": {"merges": ["a b", ["a", "b"]]}})", kCorrupt, "model.merges[1]"},
    {"MergeWithoutItsPrefix", R"({"model": {"continuing_subword_prefix": "##"}})", kCorrupt,
     "continuing_subword_prefix"},
    {"Dropout", R"({"model": {"dropout": 0.1}})", kUnsupported, "dropout"},
    {"UnknownNormalizer", R"({"normalizer": {"type": "Precompiled"}})", kUnsupported, "Precompiled"},
    {"NestedUnknownStep",
     R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "UnicodeScripts"}]}})",
     kUnsupported, "pre_tokenizer.pretokenizers[1].type"},
    {"SequenceWithoutSteps", R"({"decoder": {"type": "Sequence"}})", kCorrupt, "decoder.decoders"},
    {"StepWithoutType", R"({"normalizer": {"prepend": "x"}})", kCorrupt, "normalizer.type"},
    {"WordPieceDecoderWithoutPrefix", R"({"decoder": {"type": "WordPiece"}})", kCorrupt, "decoder.prefix"},
    {"OtherDecoder", R"({"decoder": {"type": "CTC"}})", kUnsupported, "CTC"},
    {"EmptyPattern", R"({"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}})",
     kUnsupported, "empty pattern"},
    {"BrokenExpression", R"({"normalizer": {"type": "Replace", "pattern": {"Regex": "[a"}, "content": "x"}})",
     kCorrupt, "unclosed set"},
    {"WrongBehavior", R"({"pre_tokenizer": {"type": "Punctuation", "behavior": "Sideways"}})", kCorrupt,
     "pre_tokenizer.behavior"},
    {"PrefixAgainstScheme",
     R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "_", "add_prefix_space": false}})", kCorrupt,
     "prepend_scheme"},
    {"ReplacementOfTwoCharacters", R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "__"}})",
     kCorrupt, "one character"},
    {"TemplateOfUnknownToken",
     R"({"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}], "special_tokens": {}}})",
     kCorrupt, "special_tokens.<s>"},
    {"TemplateWithASecondText",
     R"({"post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B"}}], "special_tokens": {}}})",
     kCorrupt, "single[0]"},
    {"TwoTemplates",
     R"({"post_processor": {"type": "Sequence", "processors": [{"type": "BertProcessing", "cls": ["a", 0], "sep": ["a", 0]},
        {"type": "BertProcessing", "cls": ["a", 0], "sep": ["a", 0]}]}})",
     kUnsupported, "2 templates"},
    {"AddedTokenWithoutFlags", R"({"added_tokens": [{"id": 4, "content": "<x>"}]})", kCorrupt,
     "added_tokens[0].single_word"},
    {"AddedTokensThatAreOne",
     R"({"normalizer": {"type": "Lowercase"}, "added_tokens": [
        {"id": 4, "content": "X", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false},
        {"id": 5, "content": "x", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}]})",
     kCorrupt, "same text"},
    {"AddedTokenThatNormalizesToNothing",
     R"({"normalizer": {"type": "Strip", "strip_left": true, "strip_right": true}, "added_tokens": [
        {"id": 4, "content": "  ", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}]})",
     kCorrupt, "empty"},
};
INSTANTIATE_TEST_SUITE_P(HostileFiles, Refuses, testing::ValuesIn(kRefusals),
                         [](const auto& refusal) { return refusal.param.name; });

TEST(HostileTokenizer, DeepNestingIsRefusedBeforeParsing) {
  std::string deep = R"({"type": "NFC"})";
  for (int i = 0; i < 40; ++i) deep = R"({"type": "Sequence", "normalizers": [)" + deep + "]}";
  auto json = SmallestFile().dump();
  json.insert(1, "\"normalizer\": " + deep + ",");
  const auto error = RefusalOf(json);
  EXPECT_EQ(error.code, kCorrupt);
  EXPECT_NE(error.message.find("nested deeper"), std::string::npos) << error.message;
}

// Doubling forty times would need a terabyte for one letter.
TEST(HostileTokenizer, ReplacementsThatMultiplyTheTextAreRefused) {
  for (const auto& [part, list] :
       {std::pair("normalizer", "normalizers"), std::pair("decoder", "decoders")}) {
    auto json = SmallestFile();
    auto& steps = json[part] = Json::parse(R"({"type": "Sequence"})");
    const auto twice = Json::parse(R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"})");
    steps[list] = Json::array();
    for (int i = 0; i < 40; ++i) steps[list].push_back(twice);
    EXPECT_EQ(RefusalOf(json.dump()).code, ErrorCode::kTooLarge);
    steps[list] = Json::array();
    for (int i = 0; i < 80; ++i) steps[list].push_back(Json::parse(R"({"type": "Fuse"})"));
    if (std::string(part) == "decoder") {
      EXPECT_EQ(RefusalOf(json.dump()).code, ErrorCode::kTooLarge);
    }
  }
}

TEST(HostileTokenizer, AWordPieceTokenOfMoreBytesThanAWordIsRefused) {
  auto json = SmallestFile();
  json["model"] = {
      {"type", "WordPiece"}, {"unk_token", "u"}, {"vocab", {{"u", 0}, {std::string(513, 'a'), 1}}}};
  EXPECT_EQ(RefusalOf(json.dump()).code, ErrorCode::kTooLarge);
}

TEST(HostileTokenizer, BytesThatAreNoJsonAreRefused) {
  EXPECT_EQ(RefusalOf(std::string()).code, ErrorCode::kCorrupt);
  EXPECT_EQ(RefusalOf(std::string("{\"model\": ")).code, ErrorCode::kCorrupt);
  EXPECT_EQ(RefusalOf(std::string("[1, 2]")).code, ErrorCode::kCorrupt);
  EXPECT_EQ(RefusalOf(std::string("{\"a\": \"\xff\"}")).code, ErrorCode::kCorrupt);
  EXPECT_EQ(RefusalOf(std::string(1000, '[')).code, ErrorCode::kCorrupt);
  EXPECT_EQ(RefusalOf("{\"x\": [" + std::string(9'000'000, ',') + "]}").code, ErrorCode::kTooLarge);
}

TEST(HostileTokenizer, AnExpressionThatBacktracksForeverGivesUpWithAnError) {
  auto json = SmallestFile();
  json["pre_tokenizer"] = Json::parse(
      R"({"type": "Split", "pattern": {"Regex": "(a+)+(a+)+[bc]"}, "behavior": "Isolated", "invert": false})");
  const auto tokenizer = Tokenizer::Parse(json.dump());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  const auto encoding = (*tokenizer)->Encode(std::string(3000, 'a') + "d", false);
  ASSERT_FALSE(encoding.has_value());
  EXPECT_EQ(encoding.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace altlas::text
