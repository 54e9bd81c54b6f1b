// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace altlas::store {
namespace {

const std::vector<Migration> kOld = {
    {"1-people", "CREATE TABLE person(name TEXT); INSERT INTO person VALUES('Ada');"}};
const std::vector<Migration> kNew = {kOld[0],
                                     {"2-age", "ALTER TABLE person ADD COLUMN age INTEGER DEFAULT 36;"}};

class Schema : public testing::Test {
 protected:
  Database Open() { return std::move(*Database::Open(folder_.path() / "x.db", Database::Mode::kWrite)); }
  TemporaryFolder folder_;
};

TEST_F(Schema, ANewFileGetsEveryStep) {
  auto database = Open();
  ASSERT_TRUE(Migrate(database, Migrations()).has_value());
  EXPECT_EQ(database.QueryInt("PRAGMA user_version").value(), static_cast<std::int64_t>(Migrations().size()));
  EXPECT_EQ(database.QueryInt("SELECT accepted FROM totals").value(), 0);
  EXPECT_TRUE(Migrate(database, Migrations()).has_value()) << "a second start changes nothing";
}

TEST_F(Schema, AnOlderFileIsBroughtForwardWithItsRows) {
  auto database = Open();
  ASSERT_TRUE(Migrate(database, kOld).has_value());
  ASSERT_TRUE(Migrate(database, kNew).has_value());
  EXPECT_EQ(database.QueryInt("SELECT age FROM person WHERE name='Ada'").value(), 36);
  EXPECT_EQ(database.QueryInt("PRAGMA user_version").value(), 2);
}

TEST_F(Schema, AStepThatBreaksLeavesTheFileAsItWas) {
  auto database = Open();
  ASSERT_TRUE(Migrate(database, kOld).has_value());
  auto broken = kNew;
  broken[1].sql = "ALTER TABLE person ADD COLUMN age INTEGER; CREATE TABLE person(again INTEGER);";
  const auto done = Migrate(database, broken);
  ASSERT_FALSE(done.has_value());
  EXPECT_NE(done.error().message.find("2-age"), std::string::npos);
  EXPECT_EQ(database.QueryInt("PRAGMA user_version").value(), 1);
  EXPECT_FALSE(database.QueryInt("SELECT age FROM person").has_value());
  EXPECT_FALSE(database.InTransaction());
  EXPECT_TRUE(Migrate(database, kNew).has_value());
}

TEST_F(Schema, AFileOfANewerProgramIsRefusedWithASentence) {
  auto database = Open();
  ASSERT_TRUE(Migrate(database, kNew).has_value());
  const auto done = Migrate(database, kOld);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(done.error().message.find("schema version 2, this alt_las knows up to 1"), std::string::npos);
}

TEST_F(Schema, ADatabaseOfSomethingElseIsLeftAlone) {
  auto database = Open();
  ASSERT_TRUE(database.Exec("CREATE TABLE photos(x)").has_value());
  const auto done = Migrate(database, Migrations());
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(database.QueryInt("SELECT count(*) FROM sqlite_master").value(), 1);
}

TEST_F(Schema, AFileThatIsNoDatabaseIsRefused) {
  ASSERT_TRUE(WriteFileAtomically(folder_.path() / "x.db", std::string(8192, 'x')).has_value());
  auto database = Open();
  const auto done = Migrate(database, Migrations());
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace altlas::store
