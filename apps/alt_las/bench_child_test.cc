// SPDX-License-Identifier: Apache-2.0
#include "bench_child.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace altlas::app {
namespace {

TEST(BenchChild, OutputAndCodeComeBack) {
  const auto done = RunForOutput({"sh", "-c", "printf 'a\\0b'; exit 7"});
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(done->code, 7);
  EXPECT_EQ(done->output, std::string("a\0b", 3));
}

TEST(BenchChild, AnInterruptOfThisProcessAloneGoesOnToTheChild) {
  const auto done = RunForOutput({"sh", "-c", "kill -INT $PPID; exec sleep 600"});
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->signal, SIGINT);
}

TEST(BenchChild, MoreThanAPipeHolds) {
  const auto done = RunForOutput({"sh", "-c", "head -c 3000000 /dev/zero"});
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->output.size(), 3'000'000u);
}

TEST(BenchChild, ASignalIsToldAsAShellTellsIt) {
  EXPECT_EQ(RunForOutput({"sh", "-c", "kill -TERM $$"})->signal, SIGTERM);
}

TEST(BenchChild, WhatCannotBeStartedIsAnError) {
  EXPECT_EQ(RunForOutput({"/nowhere/at/all"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(RunForOutput({"/etc/passwd"}).error().code, ErrorCode::kDenied);
}

// Told to this process alone, as by `kill`: it lives on to tell how the child answered.
TEST(BenchChild, AnInterruptIsTheChildsToAnswer) {
  const auto done = RunForOutput(
      {"sh", "-c", "trap 'echo stopped; exit 130' INT; kill -INT $PPID; while :; do sleep 0.05; done"});
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->code, 130);
  EXPECT_EQ(done->output, "stopped\n");
  struct sigaction after = {};
  ASSERT_EQ(::sigaction(SIGINT, nullptr, &after), 0);
  EXPECT_EQ(after.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace altlas::app
