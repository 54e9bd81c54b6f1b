// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/stop_matcher.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace altlas::serve {
namespace {

struct Matched {
  std::string text;
  bool matched = false;
  bool operator==(const Matched&) const = default;
};

Matched Feed(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopMatcher matcher(stops);
  Matched outcome;
  for (const auto& piece : pieces) matcher.Push(piece, outcome.text);
  matcher.Finish(outcome.text);
  outcome.matched = matcher.matched();
  return outcome;
}

// The definition, by brute force: the earliest end of any stop string; of those that end there, the longest.
Matched Reference(const std::vector<std::string>& stops, const std::string& text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    for (std::size_t begin = 0; begin < end; ++begin) {
      for (const auto& stop : stops) {
        if (!stop.empty() && text.substr(begin, end - begin) == stop) return {text.substr(0, begin), true};
      }
    }
  }
  return {text, false};
}

TEST(StopMatcher, CutsExactlyBeforeTheStopString) {
  EXPECT_EQ(Feed({"\n\n"}, {"one\n", "\ntwo"}), (Matched{"one", true}));
  EXPECT_EQ(Feed({"END"}, {"xE", "N", "D", "more"}), (Matched{"x", true}));
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeAStopString) {
  StopMatcher matcher({"abc"});
  std::string out;
  EXPECT_FALSE(matcher.Push("xxab", out));
  EXPECT_EQ(out, "xx");
  EXPECT_FALSE(matcher.Push("ab", out));
  EXPECT_EQ(out, "xxab");
  EXPECT_FALSE(matcher.Push("d", out));
  EXPECT_EQ(out, "xxababd");
}

TEST(StopMatcher, ReleasesTheHeldBackTailAtTheEnd) {
  EXPECT_EQ(Feed({"stop"}, {"do not st"}), (Matched{"do not st", false}));
}

TEST(StopMatcher, OverlappingBeginningsAreFollowedAll) {
  EXPECT_EQ(Feed({"aab"}, {"a", "a", "a", "b"}), (Matched{"a", true}));
}

TEST(StopMatcher, TheFirstToBeCompleteWins) {
  EXPECT_EQ(Feed({"abcd", "bc"}, {"abc", "d"}), (Matched{"a", true}));
  EXPECT_EQ(Feed({"bc", "abc"}, {"xabc"}), (Matched{"x", true}));
}

TEST(StopMatcher, EmptyStopStringsMatchNothing) { EXPECT_EQ(Feed({""}, {"a", "b"}), (Matched{"ab", false})); }

TEST(StopMatcher, PiecesAfterAMatchAreIgnored) {
  StopMatcher matcher({"."});
  std::string out;
  EXPECT_TRUE(matcher.Push("a.b", out));
  EXPECT_TRUE(matcher.Push("c", out));
  matcher.Finish(out);
  EXPECT_EQ(out, "a");
}

TEST(StopMatcher, TheCutOfThePiecesChangesNothing) {
  EXPECT_TRUE(rc::check([] {
    const auto word = [](int most) {
      return rc::gen::resize(most, rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab"))));
    };
    const auto stops = *rc::gen::resize(3, rc::gen::container<std::vector<std::string>>(word(4)));
    const auto pieces = *rc::gen::resize(12, rc::gen::container<std::vector<std::string>>(word(4)));
    std::string whole;
    for (const auto& piece : pieces) whole += piece;
    const auto outcome = Feed(stops, pieces);
    RC_ASSERT(outcome == Reference(stops, whole));
  }));
}

}  // namespace
}  // namespace altlas::serve
