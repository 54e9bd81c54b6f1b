// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "base/utf8.h"

namespace altlas::text {
namespace {

using Json = nlohmann::json;

const std::filesystem::path kFixtures = ALTLAS_SOURCE_DIR "/tests/fixtures/tokenizers";

std::unique_ptr<const Tokenizer> Fixture(const std::string& kind) {
  auto loaded = Tokenizer::Load(kFixtures / (kind + ".tokenizer.json"));
  EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
  return std::move(*loaded);
}

// The smallest file that is one: three characters and a merge.
Json Small() {
  return Json::parse(R"({"version": "1.0", "added_tokens": [], "model": {"type": "BPE",
      "vocab": {"a": 0, "b": 1, "ab": 2, " ": 3}, "merges": ["a b"]}})");
}
Json AddedTokenJson(const std::string& content, TokenId id) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", false}};
}

std::vector<TokenId> Ids(const Tokenizer& tokenizer, std::string_view text) {
  auto encoding = tokenizer.Encode(text, false);
  EXPECT_TRUE(encoding.has_value());
  return encoding.has_value() ? encoding->ids : std::vector<TokenId>{};
}

TEST(Tokenizer, LoadsAFolderOrAFile) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "tokenizer.json", Small().dump()).has_value());
  EXPECT_TRUE(Tokenizer::Load(folder.path()).has_value());
  EXPECT_TRUE(Tokenizer::Load(folder.path() / "tokenizer.json").has_value());
  const auto missing = Tokenizer::Load(folder.path() / "nothing");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST(Tokenizer, SmallestFileEncodesAndJoinsBySpacesWithoutADecoder) {
  const auto tokenizer = Tokenizer::Parse(Small().dump());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  EXPECT_EQ(Ids(**tokenizer, "abba"), (std::vector<TokenId>{2, 1, 0}));
  EXPECT_EQ((*tokenizer)->Decode(std::vector<TokenId>{2, 99, 1, 0}, false), "ab b a");
  // A character that is unknown where no unknown token is named disappears, as in the library.
  EXPECT_EQ(Ids(**tokenizer, "azb"), (std::vector<TokenId>{2}));
}

TEST(Tokenizer, AModelWithoutATypeIsByteLevelPairEncoding) {
  auto json = Small();
  json["model"].erase("type");
  EXPECT_TRUE(Tokenizer::Parse(json.dump()).has_value());
}

TEST(Tokenizer, AMissingUnknownTokenIsSaidWhenItIsNeeded) {
  auto json = Small();
  json["model"]["unk_token"] = "<unk>";
  const auto tokenizer = Tokenizer::Parse(json.dump());
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_TRUE((*tokenizer)->Encode("ab", false).has_value());
  const auto encoding = (*tokenizer)->Encode("z", false);
  ASSERT_FALSE(encoding.has_value());
  EXPECT_NE(encoding.error().message.find("<unk>"), std::string::npos);
}

TEST(Tokenizer, AddedTokensOutsideTheVocabularyFollowItAndAnotherIdIsAWarning) {
  auto json = Small();
  json["added_tokens"] = {AddedTokenJson("<x>", 4), AddedTokenJson("<y>", 9)};
  const auto tokenizer = Tokenizer::Parse(json.dump());
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_EQ((*tokenizer)->IdOf("<y>"), 5u);
  ASSERT_EQ((*tokenizer)->warnings().size(), 1u);
  EXPECT_NE((*tokenizer)->warnings().front().find("<y>"), std::string::npos);
  EXPECT_EQ((*tokenizer)->vocab_size(), 6u);
  EXPECT_EQ((*tokenizer)->id_limit(), 6u);
  EXPECT_EQ(Ids(**tokenizer, "a<x>b<y>"), (std::vector<TokenId>{0, 4, 1, 5}));
}

TEST(Tokenizer, SpecialIdsAreKnown) {
  const auto tokenizer = Fixture("llama2");
  for (const TokenId id : {0, 1, 2}) EXPECT_TRUE(tokenizer->IsSpecial(id)) << id;
  EXPECT_FALSE(tokenizer->IsSpecial(3));
  EXPECT_EQ(tokenizer->IdOf("<s>"), 1u);
  EXPECT_EQ(tokenizer->TokenOf(1), "<s>");
}

TEST(Tokenizer, InvalidBytesCountAsReplacementCharacters) {
  const auto tokenizer = Fixture("gpt2");
  const std::string broken =
      "a\xff\xe6\x97"
      "b\xed\xa0\x80";
  EXPECT_EQ(Ids(*tokenizer, broken), Ids(*tokenizer, ReplaceInvalidUtf8(broken)));
  EXPECT_EQ(tokenizer->Decode(Ids(*tokenizer, broken), false), ReplaceInvalidUtf8(broken));
}

TEST(Tokenizer, ByteLevelGivesAnyTextBack) {
  const auto tokenizer = Fixture("gpt2");
  EXPECT_TRUE(rc::check("decode(encode(text)) == text, also streamed", [&](const std::string& bytes) {
    const std::string text = ReplaceInvalidUtf8(bytes);
    const auto encoding = tokenizer->Encode(text, false);
    RC_ASSERT(encoding.has_value());
    RC_ASSERT(tokenizer->Decode(encoding->ids, false) == text);
    for (const auto& span : encoding->spans) RC_ASSERT(span.begin < span.end && span.end <= text.size());
  }));
}

TEST(Tokenizer, AnyIdsDecodeToValidText) {
  for (const char* kind : {"gpt2", "llama2", "mistral", "metaspace", "words", "bert", "bert_odd"}) {
    const auto tokenizer = Fixture(kind);
    EXPECT_TRUE(rc::check(std::string("streamed text is valid and whole: ") + kind,
                          [&](const std::vector<std::uint16_t>& raw) {
                            std::vector<TokenId> ids;
                            for (const auto value : raw)
                              ids.push_back(value % (static_cast<TokenId>(tokenizer->id_limit()) + 2));
                            StreamDecoder stream(*tokenizer, true);
                            std::string text;
                            for (const TokenId id : ids) {
                              const std::string piece = stream.Push(id);
                              RC_ASSERT(IsValidUtf8(piece));
                              text += piece;
                            }
                            text += stream.Finish();
                            RC_ASSERT(text == tokenizer->Decode(ids, true));
                          }));
  }
}

TEST(Tokenizer, ARunOfByteTokensIsHeldUntilItEnds) {
  const auto tokenizer = Fixture("llama2");
  const auto byte = [&](const char* spelled) { return *tokenizer->IdOf(spelled); };
  StreamDecoder stream(*tokenizer, false);
  EXPECT_EQ(stream.Push(byte("<0xE6>")), "");
  EXPECT_EQ(stream.Push(byte("<0x97>")), "");
  EXPECT_EQ(stream.Push(byte("<0xA5>")), "");
  EXPECT_EQ(stream.Push(byte("a")), "日a");
  EXPECT_EQ(stream.Push(byte("<0xE6>")), "");
  EXPECT_EQ(stream.Finish(), "\xef\xbf\xbd");
}

TEST(Tokenizer, TheFirstSpaceOfMetaspaceIsDroppedOnceWhileStreaming) {
  const auto tokenizer = Fixture("llama2");
  const auto ids = Ids(*tokenizer, "the the");
  StreamDecoder stream(*tokenizer, false);
  std::string text;
  for (const TokenId id : ids) text += stream.Push(id);
  EXPECT_EQ(text + stream.Finish(), "the the");
}

TEST(Tokenizer, ManyThreadsMayEncodeAtOnce) {
  const auto tokenizer = Fixture("llama3");
  const std::string text = "The quick brown fox, 12345 日本語 and 😀.\n";
  const auto wanted = Ids(*tokenizer, text);
  std::atomic<int> equal = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) equal += Ids(*tokenizer, text) == wanted ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(equal, 200);
}

TEST(Tokenizer, LongTextsOfOneKindOfCharacterEncode) {
  for (const char* kind : {"gpt2", "llama3", "llama2", "mistral", "words", "bert"}) {
    const auto tokenizer = Fixture(kind);
    for (const char c : {'a', ' ', '\n', '1'}) {
      const auto encoding = tokenizer->Encode(std::string(200'000, c), false);
      ASSERT_TRUE(encoding.has_value()) << kind << " " << encoding.error().message;
    }
  }
}

}  // namespace
}  // namespace altlas::text
