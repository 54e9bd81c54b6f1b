// SPDX-License-Identifier: Apache-2.0
#include "tables.h"

#include <gtest/gtest.h>

namespace altlas::app {
namespace {

TEST(Tables, WhatActsOnTheTerminalIsShownAsItsNumber) {
  EXPECT_EQ(Printable("Büro 3 🚀"), "Büro 3 🚀");
  EXPECT_EQ(Printable("a\x1b[2J\n"), "a\\x1b[2J\\x0a");
  EXPECT_EQ(Printable("ab\u202ecd\u2066"), "ab\\u{202e}cd\\u{2066}");
  EXPECT_EQ(Printable("\U000e0041"), "\\u{e0041}");
}

}  // namespace
}  // namespace altlas::app
