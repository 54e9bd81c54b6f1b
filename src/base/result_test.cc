// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace altlas {
namespace {

Result<int> Half(int x) {
  if (x % 2 != 0) return FailField("x", "{} is odd", x);
  return x / 2;
}
Result<int> Quarter(int x) {
  ALTLAS_TRY(const int half, Half(x));
  return Half(half).Context("second half");
}
Status Even(int x) {
  ALTLAS_TRY_VOID(Half(x));
  return {};
}

TEST(Result, TryPassesValuesAndErrorsOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(7).error().message, "7 is odd");
  EXPECT_EQ(Quarter(6).error().message, "second half: 3 is odd");
  EXPECT_EQ(Quarter(6).error().field, "x");
  EXPECT_TRUE(Even(2).has_value());
  EXPECT_FALSE(Even(1).has_value());
}

TEST(Result, CarriesMoveOnlyValues) {
  Result<std::unique_ptr<int>> r = std::make_unique<int>(3);
  EXPECT_EQ(**r, 3);
}

TEST(Error, EveryCodeHasANameThatParsesBack) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(ParseErrorCode(ErrorCodeName(code)), code) << i;
  }
  EXPECT_EQ(ParseErrorCode("nonsense"), std::nullopt);
}

}  // namespace
}  // namespace altlas
