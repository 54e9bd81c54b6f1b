// SPDX-License-Identifier: Apache-2.0
#include "text/bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace altlas::text {
namespace {

// Letters a to d and all merges of a random grammar over them.
BpeSpec RandomSpec(Random& random, std::size_t merges) {
  BpeSpec spec;
  std::vector<std::string> tokens;
  for (const char c : {'a', 'b', 'c', 'd'}) tokens.emplace_back(1, c);
  while (spec.merges.size() < merges) {
    const auto& left = tokens[random.Below(tokens.size())];
    const auto& right = tokens[random.Below(tokens.size())];
    const std::string merged = left + right;
    if (merged.size() > 40 || std::find(tokens.begin(), tokens.end(), merged) != tokens.end()) continue;
    spec.merges.emplace_back(left, right);
    tokens.push_back(merged);
  }
  for (std::size_t i = 0; i < tokens.size(); ++i)
    spec.vocabulary.emplace_back(tokens[i], static_cast<TokenId>(i));
  return spec;
}

// Byte pair encoding by its definition: again and again the pair of the lowest rank, the leftmost of equals.
std::vector<std::string> ByDefinition(const BpeSpec& spec, const std::string& word) {
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  for (;;) {
    std::size_t best = parts.size(), rank = spec.merges.size();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = std::find(spec.merges.begin(), spec.merges.end(), std::pair(parts[i], parts[i + 1]));
      const auto at = static_cast<std::size_t>(found - spec.merges.begin());
      if (at < rank) {
        rank = at;
        best = i;
      }
    }
    if (best == parts.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, ShortAndLongWordsFollowTheDefinition) {
  Random random(5);
  for (int round = 0; round < 60; ++round) {
    const auto spec = RandomSpec(random, 30);
    const auto model = BpeModel::Create(spec);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    for (const std::size_t size : {1u, 2u, 5u, 23u, 24u, 25u, 26u, 60u, 150u}) {
      std::string word;
      while (word.size() < size) word += static_cast<char>('a' + random.Below(4));
      std::vector<WordToken> tokens;
      ASSERT_TRUE((*model)->Tokenize(word, tokens).has_value());
      std::vector<std::string> spelled;
      for (const auto& token : tokens) {
        spelled.push_back(word.substr(token.begin, token.end - token.begin));
        EXPECT_EQ(*(*model)->TokenOf(token.id), spelled.back());
      }
      EXPECT_EQ(spelled, ByDefinition(spec, word)) << word;
    }
  }
}

// Runs of one letter double into ever longer tokens: the worst case for the merges.
TEST(Bpe, AMegabyteTakesStepsInProportionToItsLength) {
  BpeSpec spec;
  std::string run = "a";
  spec.vocabulary.emplace_back(run, 0);
  for (TokenId id = 1; id < 12; ++id) {
    spec.merges.emplace_back(run, run);
    run += run;
    spec.vocabulary.emplace_back(run, id);
  }
  const auto model = BpeModel::Create(std::move(spec));
  ASSERT_TRUE(model.has_value());
  const auto steps_of = [&](std::size_t size) {
    std::vector<WordToken> tokens;
    std::uint64_t steps = 0;
    EXPECT_TRUE((*model)->Tokenize(std::string(size, 'a'), tokens, steps).has_value());
    EXPECT_EQ(tokens.size(), size / 2048);
    return steps;
  };
  const auto small = steps_of(1 << 16);
  const auto large = steps_of(1 << 20);
  EXPECT_LE(large, 4u << 20);  // candidates: one for each pair at the start, two for each merge
  EXPECT_LE(large, 17 * small);
}

TEST(Bpe, UnknownCharactersAreFusedOrNot) {
  BpeSpec spec;
  spec.vocabulary = {{"a", 0}, {"?", 1}};
  spec.unknown_token = "?";
  for (const bool fuse : {false, true}) {
    spec.fuse_unknown = fuse;
    const auto model = BpeModel::Create(spec);
    ASSERT_TRUE(model.has_value());
    std::vector<WordToken> tokens;
    ASSERT_TRUE((*model)->Tokenize("xéa", tokens).has_value());
    ASSERT_EQ(tokens.size(), fuse ? 2u : 3u);
    EXPECT_EQ(tokens.front().end, fuse ? 3u : 1u);
  }
}

TEST(Bpe, ByteFallbackNeedsAllBytesOfACharacter) {
  BpeSpec spec;
  spec.vocabulary = {{"<0xC3>", 0}, {"<0xA9>", 1}, {"?", 2}};
  spec.unknown_token = "?";
  spec.byte_fallback = true;
  const auto model = BpeModel::Create(spec);
  ASSERT_TRUE(model.has_value());
  std::vector<WordToken> tokens;
  ASSERT_TRUE((*model)->Tokenize("éü", tokens).has_value());
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(tokens[0].id, 0u);
  EXPECT_EQ(tokens[1].id, 1u);
  EXPECT_EQ(tokens[2].id, 2u);
}

TEST(Bpe, IgnoreMergesTakesAWholeWordFromTheVocabulary) {
  BpeSpec spec;
  spec.vocabulary = {{"a", 0}, {"b", 1}, {"ab", 2}};
  std::vector<WordToken> tokens;
  ASSERT_TRUE((*BpeModel::Create(spec))->Tokenize("ab", tokens).has_value());
  EXPECT_EQ(tokens.size(), 2u);
  spec.ignore_merges = true;
  tokens.clear();
  ASSERT_TRUE((*BpeModel::Create(spec))->Tokenize("ab", tokens).has_value());
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens.front().id, 2u);
}

}  // namespace
}  // namespace altlas::text
