// SPDX-License-Identifier: Apache-2.0
#include "wire/lease_book.h"

#include <gtest/gtest.h>

namespace altlas::wire {
namespace {

const LeaseKey kA{{1, 1}, 1};
const LeaseKey kB{{1, 2}, 1};

LeaseGrant LentAs(const LeaseKey& lease, bool stream) {
  return {lease, "text_generation", "tiny", "{}", stream, {}};
}

TEST(LeaseBook, RepeatedGrantIsRefused) {
  LeaseBook book;
  EXPECT_TRUE(book.Grant(LentAs(kA, true)));
  EXPECT_FALSE(book.Grant(LentAs(kA, true)));
  EXPECT_TRUE(book.Grant(LentAs({kA.task, 2}, true)));
  EXPECT_EQ(book.open(), 2u);
}

TEST(LeaseBook, TokensAreSentForOpenStreamsOnly) {
  LeaseBook book;
  book.Grant(LentAs(kA, true));
  book.Grant(LentAs(kB, false));
  EXPECT_TRUE(book.AddToken({kA, 0, {5}, "x"}));
  EXPECT_FALSE(book.AddToken({kB, 0, {5}, "x"}));
  EXPECT_FALSE(book.AddToken({{{9, 9}, 1}, 0, {5}, "x"}));
  book.Answer(kA, LeaseDone{kA, "{}", 0, 0, 0});
  EXPECT_FALSE(book.AddToken({kA, 1, {6}, "y"}));
}

TEST(LeaseBook, FirstAnswerCountsAndStaysUntilItsAcknowledgement) {
  LeaseBook book;
  book.Grant(LentAs(kA, false));
  book.Acknowledge(kA);  // too early: it is open
  EXPECT_TRUE(book.IsOpen(kA));
  EXPECT_TRUE(book.Answer(kA, LeaseDone{kA, "{1}", 0, 0, 0}));
  EXPECT_FALSE(book.Answer(kA, LeaseDone{kA, "{2}", 0, 0, 0}));
  EXPECT_FALSE(book.Answer(kB, LeaseDone{kB, "{}", 0, 0, 0}));
  EXPECT_FALSE(book.IsOpen(kA));
  EXPECT_EQ(book.open(), 0u);
  EXPECT_FALSE(book.empty());
  ASSERT_EQ(book.Replay().size(), 1u);
  EXPECT_EQ(std::get<LeaseDone>(book.Replay()[0]).result, "{1}");
  book.Acknowledge(kA);
  EXPECT_TRUE(book.empty());
  EXPECT_TRUE(book.Replay().empty());
}

TEST(LeaseBook, ReplayBringsTheTokensOfStreamsThenTheirOutcome) {
  LeaseBook book;
  book.Grant(LentAs(kA, true));
  book.Grant(LentAs(kB, true));
  book.AddToken({kA, 0, {1}, "a"});
  book.AddToken({kB, 0, {2}, "b"});
  book.AddToken({kA, 1, {3}, "c"});
  book.Answer(kA, LeaseFailed{kA, ErrorCode::kCanceled, "", false});
  const std::vector<Message> expected = {Token{kA, 0, {1}, "a"}, Token{kA, 1, {3}, "c"},
                                         LeaseFailed{kA, ErrorCode::kCanceled, "", false},
                                         Token{kB, 0, {2}, "b"}};
  EXPECT_EQ(book.Replay(), expected);
  EXPECT_EQ(book.Held(), (std::vector<Hello::HeldLease>{{kA, true}, {kB, false}}));
}

}  // namespace
}  // namespace altlas::wire
