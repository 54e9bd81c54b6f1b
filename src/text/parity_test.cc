// SPDX-License-Identifier: Apache-2.0
// What the `tokenizers` library made of many strings, committed by
// tests/fixtures/tokenizers/make_tokenizer_fixtures.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/utf8.h"
#include "text/tokenizer.h"

namespace altlas::text {
namespace {

using Json = nlohmann::json;

std::filesystem::path FixtureFolder() {
  const char* other = std::getenv("ALTLAS_TOKENIZER_FIXTURES");
  return other != nullptr ? other : ALTLAS_SOURCE_DIR "/tests/fixtures/tokenizers";
}

std::vector<std::string> Kinds() {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(FixtureFolder())) {
    const std::string name = entry.path().filename();
    if (const auto at = name.find(".tokenizer.json"); at != std::string::npos) out.insert(name.substr(0, at));
  }
  return {out.begin(), out.end()};
}

class Parity : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto loaded = Tokenizer::Load(FixtureFolder() / (GetParam() + ".tokenizer.json"));
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    tokenizer_ = std::move(*loaded);
    const auto text = ReadFile(FixtureFolder() / (GetParam() + ".cases.json"), 256 << 20);
    ASSERT_TRUE(text.has_value());
    fixture_ = Json::parse(*text);
    ASSERT_FALSE(fixture_["cases"].empty());
  }
  std::unique_ptr<const Tokenizer> tokenizer_;
  Json fixture_;
};

std::vector<std::uint32_t> Flat(const std::vector<TextSpan>& spans) {
  std::vector<std::uint32_t> out;
  for (const auto& span : spans) out.insert(out.end(), {span.begin, span.end});
  return out;
}

TEST_P(Parity, VocabularyHasTheSameSize) {
  EXPECT_EQ(tokenizer_->vocab_size(), fixture_["vocab_size"].get<std::size_t>());
  EXPECT_TRUE(tokenizer_->warnings().empty()) << tokenizer_->warnings().front();
}

TEST_P(Parity, IdsAndOffsetsAreTheLibrarys) {
  for (const auto& c : fixture_["cases"]) {
    const auto text = c["t"].get<std::string>();
    const auto encoding = tokenizer_->Encode(text, false);
    ASSERT_TRUE(encoding.has_value()) << encoding.error().message;
    EXPECT_EQ(encoding->ids, c["i"].get<std::vector<TokenId>>()) << "text " << c["t"];
    EXPECT_EQ(Flat(encoding->spans), c["o"].get<std::vector<std::uint32_t>>()) << "text " << c["t"];
  }
}

TEST_P(Parity, TheTemplateStandsAroundTheIds) {
  const auto begin = fixture_["begin"].get<std::vector<TokenId>>();
  const auto end = fixture_["end"].get<std::vector<TokenId>>();
  for (const auto& c : fixture_["cases"]) {
    auto wanted = begin;
    for (const auto& id : c["i"]) wanted.push_back(id.get<TokenId>());
    wanted.insert(wanted.end(), end.begin(), end.end());
    const auto encoding = tokenizer_->Encode(c["t"].get<std::string>(), true);
    ASSERT_TRUE(encoding.has_value()) << encoding.error().message;
    EXPECT_EQ(encoding->ids, wanted) << "text " << c["t"];
    EXPECT_EQ(encoding->ids.size(), encoding->spans.size());
  }
}

TEST_P(Parity, DecodedTextIsTheLibrarys) {
  for (const auto& c : fixture_["cases"]) {
    const auto ids = c["i"].get<std::vector<TokenId>>();
    const auto whole = c.value("d", c["t"].get<std::string>());
    EXPECT_EQ(tokenizer_->Decode(ids, false), whole) << "ids " << c["i"];
    EXPECT_EQ(tokenizer_->Decode(ids, true), c.value("s", whole)) << "ids " << c["i"];
  }
  for (const auto& c : fixture_["r"]) {
    EXPECT_EQ(tokenizer_->Decode(c["i"].get<std::vector<TokenId>>(), false), c["d"].get<std::string>())
        << "ids " << c["i"];
  }
}

TEST_P(Parity, StreamingNeverSaysMoreThanIsFinalAndInTheEndEverything) {
  for (const auto& c : fixture_["cases"]) {
    const auto ids = c["i"].get<std::vector<TokenId>>();
    const std::string whole = tokenizer_->Decode(ids, false);
    StreamDecoder stream(*tokenizer_, false);
    std::string said;
    for (std::size_t k = 0; k < ids.size(); ++k) {
      const std::string piece = stream.Push(ids[k]);
      EXPECT_TRUE(IsValidUtf8(piece));
      said += piece;
      // What decoding the first k + 1 ids has in common with decoding all of them is all that can be final.
      if (c.contains("p")) {
        EXPECT_LE(said.size(), c["p"][k].get<std::size_t>()) << "text " << c["t"] << " after " << k + 1;
      }
    }
    said += stream.Finish();
    EXPECT_EQ(said, whole) << "text " << c["t"];
  }
}

TEST_P(Parity, TokensAndIdsAreInverse) {
  std::size_t found = 0;
  for (TokenId id = 0; id < tokenizer_->id_limit(); ++id) {
    const auto token = tokenizer_->TokenOf(id);
    if (!token) continue;
    ++found;
    if (const auto back = tokenizer_->IdOf(*token); back && *back != id) {
      // Only an added token's normalized spelling can be another token's own.
      EXPECT_NE(tokenizer_->TokenOf(*back), std::nullopt);
    }
  }
  EXPECT_EQ(found, tokenizer_->vocab_size());
  EXPECT_EQ(tokenizer_->TokenOf(static_cast<TokenId>(tokenizer_->id_limit())), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Parity, testing::ValuesIn(Kinds()),
                         [](const auto& kind) { return kind.param; });

// Byte-level kinds hold back at most an unfinished character, so a stream is never more than three bytes
// behind.
TEST(ParityStreaming, ByteLevelStreamsAreAtMostThreeBytesBehind) {
  const auto loaded = Tokenizer::Load(ALTLAS_SOURCE_DIR "/tests/fixtures/tokenizers/gpt2.tokenizer.json");
  ASSERT_TRUE(loaded.has_value());
  const std::string text = "Zürich 日本語 👨‍👩‍👧‍👦 ok";
  const auto encoding = (*loaded)->Encode(text, false);
  ASSERT_TRUE(encoding.has_value());
  StreamDecoder stream(**loaded, false);
  std::size_t said = 0, pushed = 0;
  for (const TokenId id : encoding->ids) {
    const std::string spelled = *(*loaded)->TokenOf(id);
    pushed += static_cast<std::size_t>(std::count_if(spelled.begin(), spelled.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
    said += stream.Push(id).size();
    EXPECT_GE(said + 3, pushed);
  }
  EXPECT_EQ(said, text.size());
}

}  // namespace
}  // namespace altlas::text
