// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/operator_totals.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <thread>

namespace altlas::serve {
namespace {

std::uint64_t CountOf(const std::vector<wire::ProfileReport::Operator>& operators, std::string_view name) {
  for (const auto& one : operators) {
    if (one.name == name) return one.count;
  }
  return 0;
}

TEST(OperatorTotals, CountsAndTimesOperatorsOfTheThreadWhileItIsOn) {
  const auto a = at::ones({64, 64});
  OperatorTotals totals(1);
  (void)at::mm(a, a);
  totals.Switch(true);
  for (int i = 0; i < 5; ++i) (void)at::mm(a, a);
  std::thread([&] { (void)at::mm(a, a); }).join();  // another thread's
  totals.Switch(false);
  (void)at::mm(a, a);
  const auto operators = totals.Take(100);
  EXPECT_EQ(CountOf(operators, "aten::mm"), 5u);
  for (std::size_t i = 0; i + 1 < operators.size(); ++i)
    EXPECT_GE(operators[i].sum_seconds, operators[i + 1].sum_seconds);
  EXPECT_GT(operators.at(0).sum_seconds, 0);
  EXPECT_TRUE(totals.Take(100).empty());  // taken
}

TEST(OperatorTotals, GivesTheCostliestAloneAndMaySwitchAgain) {
  const auto a = at::ones({128, 128});
  OperatorTotals totals(1);
  for (int round = 0; round < 3; ++round) {
    totals.Switch(true);
    (void)at::mm(a, a);
    (void)at::relu(a);
    totals.Switch(false);
    EXPECT_EQ(totals.Take(1).size(), 1u);
  }
}

TEST(OperatorTotals, ASamplingIsBetweenNothingAndAll) {
  const auto a = at::ones({2, 2});
  OperatorTotals totals(0.1);
  EXPECT_EQ(totals.sampling(), 0.1);
  totals.Switch(true);
  for (int i = 0; i < 5000; ++i) (void)at::mm(a, a);
  totals.Switch(false);
  const auto count = CountOf(totals.Take(100), "aten::mm");
  EXPECT_GT(count, 100u);
  EXPECT_LT(count, 2500u);
}

}  // namespace
}  // namespace altlas::serve
