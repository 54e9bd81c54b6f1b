// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_db.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"

namespace altlas::store {
namespace {

class SqliteDb : public testing::Test {
 protected:
  Database Open(Database::Mode mode = Database::Mode::kWrite) {
    auto opened = Database::Open(path_, mode);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return std::move(*opened);
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "x.db";
};

TEST_F(SqliteDb, ValuesReadBackAsTheyWereBound) {
  auto database = Open();
  const Uuid id{0x0102030405060708, 0x090a0b0c0d0e0f10};
  const std::string bytes("a\0b", 3);
  auto insert = database.Prepare("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7");
  ASSERT_TRUE(insert.has_value());
  insert->Bind(1, INT64_MIN)
      .Bind(2, 0.1)
      .BindText(3, bytes)
      .BindBlob(4, bytes)
      .BindId(5, id)
      .BindId(6, {})
      .BindNull(7);
  ASSERT_TRUE(insert->Step().value());
  EXPECT_EQ(insert->Int(0), INT64_MIN);
  EXPECT_EQ(insert->Double(1), 0.1);
  EXPECT_EQ(insert->Text(2), bytes);
  EXPECT_EQ(insert->Text(3), bytes);
  EXPECT_EQ(insert->Id(4), id);
  EXPECT_TRUE(insert->IsNull(5));
  EXPECT_TRUE(insert->Id(5).is_nil());
  EXPECT_EQ(insert->Text(6), "");
  EXPECT_FALSE(insert->Step().value());
}

TEST_F(SqliteDb, TheOrderOfStoredIdsIsTheOrderOfIds) {
  auto database = Open();
  ASSERT_TRUE(database.Exec("CREATE TABLE t(id BLOB)").has_value());
  auto insert = database.Prepare("INSERT INTO t VALUES(?1)");
  for (const auto& id : {Uuid{2, 0}, Uuid{1, UINT64_MAX}, Uuid{1, 5}, Uuid{UINT64_MAX, 1}}) {
    ASSERT_TRUE(insert->BindId(1, id).Run().has_value());
  }
  auto select = database.Prepare("SELECT id FROM t ORDER BY id");
  std::vector<Uuid> ids;
  while (select->Step().value()) ids.push_back(select->Id(0));
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(ids.size(), 4u);
}

TEST_F(SqliteDb, ErrorsComeAsCodesThatACallerCanReactTo) {
  auto database = Open();
  ASSERT_TRUE(database.Exec("CREATE TABLE t(x UNIQUE); INSERT INTO t VALUES(1);").has_value());
  EXPECT_EQ(database.Exec("INSERT INTO t VALUES(1)").error().code, ErrorCode::kConflict);
  EXPECT_EQ(database.Prepare("SELEKT").error().code, ErrorCode::kInternal);
  ASSERT_TRUE(database.Exec("PRAGMA max_page_count=4").has_value());
  EXPECT_EQ(database.Exec("INSERT INTO t VALUES(randomblob(100000))").error().code, ErrorCode::kStorageFull);
  EXPECT_EQ(Database::Open(folder_.path() / "no" / "x.db", Database::Mode::kWrite).error().code,
            ErrorCode::kUnavailable);
}

TEST_F(SqliteDb, AReaderCannotWrite) {
  auto writer = Open();
  ASSERT_TRUE(writer.Exec("PRAGMA journal_mode=WAL; CREATE TABLE t(x);").has_value());
  auto reader = Open(Database::Mode::kReadOnly);
  EXPECT_EQ(reader.QueryInt("SELECT count(*) FROM t").value(), 0);
  EXPECT_FALSE(reader.Exec("INSERT INTO t VALUES(1)").has_value());
}

TEST_F(SqliteDb, AReaderDoesNotMakeTheFile) {
  EXPECT_FALSE(Database::Open(path_, Database::Mode::kReadOnly).has_value());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SqliteDb, TheFileIsClosedToOthers) {
  auto database = Open();
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(SqliteDb, PagesOfTheWalAreCountedAndOnlyMovedWhenAsked) {
  auto database = Open();
  ASSERT_TRUE(database.Exec("PRAGMA journal_mode=WAL; CREATE TABLE t(x);").has_value());
  for (int i = 0; i < 300; ++i)
    ASSERT_TRUE(database.Exec("INSERT INTO t VALUES(randomblob(20000))").has_value());
  EXPECT_GT(database.wal_pages(), 1200);
  auto wal = path_;
  wal += "-wal";
  EXPECT_GT(std::filesystem::file_size(wal), 1200u * 4096);
  ASSERT_TRUE(database.Checkpoint(true).has_value());
  EXPECT_EQ(database.wal_pages(), 0);
  EXPECT_EQ(std::filesystem::file_size(wal), 0u);
  EXPECT_EQ(database.QueryInt("SELECT count(*) FROM t").value(), 300);
}

}  // namespace
}  // namespace altlas::store
