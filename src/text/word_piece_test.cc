// SPDX-License-Identifier: Apache-2.0
// WordPiece beside what parity_test.cc holds against the library: the model alone, vocab.txt, cut texts, and
// files that are wrong or hostile.
#include "text/word_piece.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/utf8.h"
#include "text/vocab_txt.h"

namespace altlas::text {
namespace {

using PieceJson = nlohmann::json;

const std::filesystem::path kPieceFixtures = ALTLAS_SOURCE_DIR "/tests/fixtures/tokenizers";

PieceJson ReadFixture(const std::string& name) {
  return PieceJson::parse(*ReadFile(kPieceFixtures / name, 64 << 20));
}

std::unique_ptr<const WordPieceModel> Model(WordPieceSpec spec) {
  auto model = WordPieceModel::Create(std::move(spec));
  EXPECT_TRUE(model.has_value()) << model.error().message;
  return std::move(*model);
}

// The definition, without an index: the longest token, tried from the whole rest down.
std::vector<TokenId> ByDefinition(const std::map<std::string, TokenId>& vocabulary, const std::string& word) {
  std::vector<TokenId> out;
  for (std::size_t at = 0; at < word.size();) {
    std::size_t end = word.size();
    for (; end > at; --end) {
      const auto found = vocabulary.find((at == 0 ? "" : "##") + word.substr(at, end - at));
      if (found == vocabulary.end()) continue;
      out.push_back(found->second);
      break;
    }
    if (end == at) return {vocabulary.at("[UNK]")};
    at = end;
  }
  return out;
}

TEST(WordPiece, TakesTheLongestTokenEachTime) {
  EXPECT_TRUE(rc::check("the same tokens as the definition's", [] {
    const auto piece = rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c'));
    std::map<std::string, TokenId> vocabulary = {{"[UNK]", 0}};
    WordPieceSpec spec;
    spec.vocabulary = {{"[UNK]", 0}};
    for (const auto& text : *rc::gen::container<std::vector<std::string>>(piece)) {
      if (text.empty()) continue;
      for (const auto& token : {text, "##" + text}) {
        if (vocabulary.emplace(token, vocabulary.size()).second)
          spec.vocabulary.emplace_back(token, vocabulary.at(token));
      }
    }
    const auto model = Model(std::move(spec));
    const auto word = *piece;
    RC_PRE(!word.empty());
    std::vector<WordToken> tokens;
    RC_ASSERT(model->Tokenize(word, tokens).has_value());
    std::vector<TokenId> ids;
    std::size_t at = 0;
    for (const auto& token : tokens) {
      ids.push_back(token.id);
      RC_ASSERT(token.begin == at);
      at = token.end;
    }
    RC_ASSERT(at == word.size());
    RC_ASSERT(ids == ByDefinition(vocabulary, word));
  }));
}

TEST(WordPiece, AWordOfMoreCharactersThanAllowedIsUnknownWhateverItsBytes) {
  const auto model = Model({{{"[UNK]", 0}, {"é", 1}, {"##é", 2}}, "[UNK]", "##", 3});
  std::vector<WordToken> tokens;
  ASSERT_TRUE(model->Tokenize("ééé", tokens).has_value());
  EXPECT_EQ(tokens.size(), 3u);
  tokens.clear();
  ASSERT_TRUE(model->Tokenize("éééé", tokens).has_value());
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens[0].id, 0u);
  EXPECT_EQ(tokens[0].end, 8u);
}

// A million letters that a token of many begins to match at each of them.
TEST(WordPiece, LongWordsTakeLinearTime) {
  const auto model = Model({{{"[UNK]", 0}, {"a", 1}, {"##a", 2}, {"##" + std::string(500, 'a') + "b", 3}},
                            "[UNK]",
                            "##",
                            1 << 30});
  std::vector<WordToken> tokens;
  ASSERT_TRUE(model->Tokenize(std::string(1'000'000, 'a'), tokens).has_value());
  EXPECT_EQ(tokens.size(), 1'000'000u);
}

TEST(WordPiece, AMissingUnknownTokenIsSaidWhenItIsNeeded) {
  const auto model = Model({{{"a", 0}}, "[UNK]", "##", 100});
  std::vector<WordToken> tokens;
  EXPECT_TRUE(model->Tokenize("a", tokens).has_value());
  const auto status = model->Tokenize("b", tokens);
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("[UNK]"), std::string::npos);
  EXPECT_EQ(tokens.size(), 1u);
}

std::string VocabTxtOf(const PieceJson& tokenizer) {
  std::map<TokenId, std::string> lines;
  for (const auto& [token, id] : tokenizer["model"]["vocab"].items()) lines[id.get<TokenId>()] = token;
  std::string out;
  for (const auto& [id, token] : lines) out += token + "\n";
  return out;
}

TEST(VocabTxt, AFolderOfTheOlderFormIsTheSameTokenizer) {
  const TemporaryFolder folder;
  const auto json = ReadFixture("bert.tokenizer.json");
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "vocab.txt", VocabTxtOf(json)).has_value());
  const auto tokenizer = Tokenizer::Load(folder.path());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  const auto fixture = ReadFixture("bert.cases.json");
  for (const auto& one : fixture["cases"]) {
    const auto encoding = (*tokenizer)->Encode(one["t"].get<std::string>(), false);
    ASSERT_TRUE(encoding.has_value());
    EXPECT_EQ(encoding->ids, one["i"].get<std::vector<TokenId>>()) << one["t"];
    EXPECT_EQ((*tokenizer)->Decode(encoding->ids, false), one.value("d", one["t"].get<std::string>()));
  }
  EXPECT_EQ((*tokenizer)->Encode("", true)->ids, (std::vector<TokenId>{2, 3}));
  EXPECT_TRUE((*tokenizer)->warnings().empty());
}

TEST(VocabTxt, ItsConfigSaysHowTextIsRespelled) {
  constexpr std::string_view kVocabulary = "[PAD]\n[UNK]\n<s>\n</s>\nA\n\xc3\xa9\ne\na\n";
  const auto ids = [&](std::string_view config, std::string_view text) {
    auto spec = ReadVocabTxt(kVocabulary, config);
    EXPECT_TRUE(spec.has_value()) << spec.error().message;
    const TemporaryFolder folder;
    EXPECT_TRUE(WriteFileAtomically(folder.path() / "vocab.txt", std::string(kVocabulary)).has_value());
    EXPECT_TRUE(
        WriteFileAtomically(folder.path() / "tokenizer_config.json", std::string(config)).has_value());
    return (*Tokenizer::Load(folder.path()))->Encode(text, true)->ids;
  };
  const std::string special = R"("cls_token": {"content": "<s>"}, "sep_token": "</s>")";
  EXPECT_EQ(ids("{" + special + "}", "A é"), (std::vector<TokenId>{2, 7, 6, 3}));
  EXPECT_EQ(ids("{\"do_lower_case\": false, " + special + "}", "A é"), (std::vector<TokenId>{2, 4, 5, 3}));
  EXPECT_EQ(ids("{\"strip_accents\": false, " + special + "}", "A é"), (std::vector<TokenId>{2, 7, 5, 3}));
}

TEST(VocabTxt, WrongFilesAreRefusedBySentence) {
  const std::string sound = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n";
  EXPECT_TRUE(ReadVocabTxt(sound, "").has_value());
  const std::tuple<std::string, std::string, const char*> cases[] = {
      {"", "", "[CLS]"},
      {"[UNK]\n[CLS]\n[SEP]\n", "", "[PAD]"},
      {sound + "a\na\n", "", "lines 5 and 6"},
      {sound + "\xff\n", "", "line 5 of vocab.txt is not UTF-8"},
      {sound, "{", "tokenizer_config.json is not JSON"},
      {sound, std::string(100'000, '['), "nested too deeply"},
      {sound, "[]", "must be an object"},
      {sound, R"({"do_lower_case": "yes"})", "do_lower_case"},
      {sound, R"({"cls_token": {"text": "[CLS]"}})", "cls_token.content"},
      {sound, R"({"cls_token": "<s>"})", "<s>"},
  };
  for (const auto& [vocabulary, config, says] : cases) {
    const auto spec = ReadVocabTxt(vocabulary, config);
    ASSERT_FALSE(spec.has_value()) << says;
    EXPECT_NE(spec.error().message.find(says), std::string::npos) << spec.error().message;
  }
}

TEST(EncodeUpTo, CutsTheTextAndKeepsTheTemplate) {
  const auto tokenizer = Tokenizer::Load(kPieceFixtures / "bert.tokenizer.json");
  ASSERT_TRUE(tokenizer.has_value());
  const auto fixture = ReadFixture("bert.cases.json");
  for (const auto& one : fixture["cases"]) {
    const auto text = one["t"].get<std::string>();
    const auto body = one["i"].get<std::vector<TokenId>>();
    for (const std::size_t limit : {std::size_t{0}, std::size_t{2}, std::size_t{5}, body.size() + 2}) {
      const auto cut = (*tokenizer)->EncodeUpTo(text, true, limit);
      ASSERT_TRUE(cut.has_value());
      const auto kept = std::min(body.size(), limit < 2 ? 0 : limit - 2);
      std::vector<TokenId> wanted = {2};
      wanted.insert(wanted.end(), body.begin(), body.begin() + static_cast<std::ptrdiff_t>(kept));
      wanted.push_back(3);
      EXPECT_EQ(cut->ids, wanted) << one["t"] << " to " << limit;
      EXPECT_EQ(cut->ids.size(), cut->spans.size());
      EXPECT_EQ(cut->dropped, body.size() - kept);
    }
  }
}

}  // namespace
}  // namespace altlas::text
