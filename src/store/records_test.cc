// SPDX-License-Identifier: Apache-2.0
#include "store/records.h"

#include <gtest/gtest.h>

namespace altlas::store {
namespace {

TEST(Records, EveryStatusNameReadsBackAsItself) {
  for (int i = 0; i < kTaskStatusCount; ++i) {
    const auto status = static_cast<TaskStatus>(i);
    EXPECT_EQ(ParseTaskStatus(TaskStatusName(status)), status);
  }
  EXPECT_EQ(TaskStatusName(TaskStatus::kCanceled), "canceled");
  EXPECT_EQ(ParseTaskStatus("cancelled"), std::nullopt);
}

TEST(Records, OnlyCompletedFailedAndCanceledAreFinal) {
  EXPECT_FALSE(IsFinal(TaskStatus::kQueued));
  EXPECT_FALSE(IsFinal(TaskStatus::kRunning));
  EXPECT_TRUE(IsFinal(TaskStatus::kCompleted));
  EXPECT_TRUE(IsFinal(TaskStatus::kFailed));
  EXPECT_TRUE(IsFinal(TaskStatus::kCanceled));
}

TEST(Records, EverySetOfScopesReadsBackAsItself) {
  for (std::uint8_t bits = 1; bits < 8; ++bits) {
    const auto parsed = ParseScopes(FormatScopes({bits}));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->bits, bits);
  }
  EXPECT_EQ(FormatScopes(ScopeSet::All()), "predict,admin,metrics");
  EXPECT_EQ(ParseScopes("metrics,predict")->bits, 5);
  EXPECT_EQ(ScopeNames({5}), (std::vector<std::string_view>{"predict", "metrics"}));
}

TEST(Records, AnUnknownScopeIsRefusedByName) {
  for (const char* text : {"", "predict,", "root", "predict admin"}) {
    const auto parsed = ParseScopes(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(parsed.error().field, "scopes");
  }
  EXPECT_NE(ParseScopes("predict,root").error().message.find("\"root\""), std::string::npos);
}

}  // namespace
}  // namespace altlas::store
