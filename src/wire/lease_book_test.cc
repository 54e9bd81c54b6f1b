// SPDX-License-Identifier: Apache-2.0
#include "wire/lease_book.h"

#include <gtest/gtest.h>

namespace altlas::wire {
namespace {

const LeaseKey kFirst{{1, 1}, 1};
const LeaseKey kSecond{{1, 2}, 1};

LeaseGrant LentAs(const LeaseKey& lease, bool stream) {
  return {lease, "text_generation", "tiny", "{}", stream, {}};
}

TEST(LeaseBook, RepeatedGrantIsRefused) {
  LeaseBook book;
  EXPECT_TRUE(book.Grant(LentAs(kFirst, true)));
  EXPECT_FALSE(book.Grant(LentAs(kFirst, true)));
  EXPECT_TRUE(book.Grant(LentAs({kFirst.task, 2}, true)));
  EXPECT_EQ(book.open(), 2u);
}

TEST(LeaseBook, TokensAreSentForOpenStreamsOnly) {
  LeaseBook book;
  book.Grant(LentAs(kFirst, true));
  book.Grant(LentAs(kSecond, false));
  EXPECT_TRUE(book.AddToken({kFirst, 0, {5}, "x"}));
  EXPECT_FALSE(book.AddToken({kSecond, 0, {5}, "x"}));
  EXPECT_FALSE(book.AddToken({{{9, 9}, 1}, 0, {5}, "x"}));
  book.Answer(kFirst, LeaseDone{kFirst, "{}", 0, 0, 0});
  EXPECT_FALSE(book.AddToken({kFirst, 1, {6}, "y"}));
}

TEST(LeaseBook, FirstAnswerCountsAndStaysUntilItsAcknowledgement) {
  LeaseBook book;
  book.Grant(LentAs(kFirst, false));
  book.Acknowledge(kFirst);  // too early: it is open
  EXPECT_TRUE(book.IsOpen(kFirst));
  EXPECT_TRUE(book.Answer(kFirst, LeaseDone{kFirst, "{1}", 0, 0, 0}));
  EXPECT_FALSE(book.Answer(kFirst, LeaseDone{kFirst, "{2}", 0, 0, 0}));
  EXPECT_FALSE(book.Answer(kSecond, LeaseDone{kSecond, "{}", 0, 0, 0}));
  EXPECT_FALSE(book.IsOpen(kFirst));
  EXPECT_EQ(book.open(), 0u);
  EXPECT_FALSE(book.empty());
  ASSERT_EQ(book.Replay().size(), 1u);
  EXPECT_EQ(std::get<LeaseDone>(book.Replay()[0]).result, "{1}");
  book.Acknowledge(kFirst);
  EXPECT_TRUE(book.empty());
  EXPECT_TRUE(book.Replay().empty());
}

TEST(LeaseBook, ReplayBringsTheTokensOfStreamsThenTheirOutcome) {
  LeaseBook book;
  book.Grant(LentAs(kFirst, true));
  book.Grant(LentAs(kSecond, true));
  book.AddToken({kFirst, 0, {1}, "a"});
  book.AddToken({kSecond, 0, {2}, "b"});
  book.AddToken({kFirst, 1, {3}, "c"});
  book.Answer(kFirst, LeaseFailed{kFirst, ErrorCode::kCanceled, "", false});
  const std::vector<Message> expected = {Token{kFirst, 0, {1}, "a"}, Token{kFirst, 1, {3}, "c"},
                                         LeaseFailed{kFirst, ErrorCode::kCanceled, "", false},
                                         Token{kSecond, 0, {2}, "b"}};
  EXPECT_EQ(book.Replay(), expected);
  EXPECT_EQ(book.Held(), (std::vector<Hello::HeldLease>{{kFirst, true}, {kSecond, false}}));
}

}  // namespace
}  // namespace altlas::wire
