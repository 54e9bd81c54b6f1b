// SPDX-License-Identifier: Apache-2.0
#include "store/profile_rows.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/file.h"
#include "base/sha256.h"
#include "store/schema.h"

namespace altlas::store {
namespace {

const std::vector<ProfileMeasure> kTwo = {{"decode/1", 0.5, 7, 0.25, 0.125, 20, true},
                                          {"p", 1, 1, 0, 0, 0, false}};

TEST(ProfileRows, MeasuresHaveTheGoldenBytesOfVersionOne) {
  EXPECT_EQ(ToHex(FormatMeasures({kTwo[0]})),
            "01"
            "01000000"
            "08000000"
            "6465636f64652f31"
            "000000000000e03f"
            "0700000000000000"
            "000000000000d03f"
            "000000000000c03f"
            "1400000000000000"
            "01");
  EXPECT_EQ(ParseMeasures(FormatMeasures(kTwo)), kTwo);
}

TEST(ProfileRows, DamagedBytesReadAsNoMeasuresOrAsOthersAndNeverBeyondThem) {
  const auto good = FormatMeasures(kTwo);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_TRUE(ParseMeasures(good.substr(0, size)).empty());
  EXPECT_TRUE(ParseMeasures(good + "x").empty());
  EXPECT_TRUE(rc::check([&] {
    auto bad = good;
    bad[*rc::gen::inRange<std::size_t>(0, bad.size())] = *rc::gen::arbitrary<char>();
    RC_ASSERT(ParseMeasures(bad).size() <= 2u);
  }));
}

// A file of the first schema keeps its rows and gets the table.
TEST(ProfileRows, AStoreOfSchemaOneIsBroughtForward) {
  TemporaryFolder folder;
  auto database = std::move(*Database::Open(folder.path() / "x.db", Database::Mode::kWrite));
  ASSERT_TRUE(Migrate(database, Migrations().first(1)).has_value());
  ASSERT_TRUE(database.Exec("UPDATE totals SET accepted=7").has_value());
  EXPECT_FALSE(database.QueryInt("SELECT count(*) FROM profile").has_value());
  ASSERT_TRUE(Migrate(database, Migrations()).has_value());
  EXPECT_EQ(database.QueryInt("SELECT count(*) FROM profile").value(), 0);
  EXPECT_EQ(database.QueryInt("SELECT accepted FROM totals").value(), 7);
  EXPECT_EQ(database.QueryInt("PRAGMA user_version").value(), 2);
}

}  // namespace
}  // namespace altlas::store
