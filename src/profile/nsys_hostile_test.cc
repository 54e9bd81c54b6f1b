// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "base/random.h"
#include "profile/capture_recorder.h"
#include "profile/nsys_reader.h"
#include "profile/nsys_writer.h"

namespace altlas::profile {
namespace {

using Schema = NsysWriter::Schema;

struct Written {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "x.sqlite";
  std::unique_ptr<NsysWriter> writer;
  explicit Written(Schema schema = Schema::kSchema313) : writer(*NsysWriter::Create(path, schema)) {}
  Result<CaptureInfo> Read(CaptureRecorder& seen) {
    EXPECT_TRUE(writer->Finish().has_value());
    return ReadNsysSqlite(path, seen);
  }
};

void AddKernels(NsysWriter& writer, int count) {
  for (int i = 0; i < count; ++i) {
    KernelEvent k;
    k.start = i * 100;
    k.end = k.start + 50;
    k.name = "k";
    writer.Add(k);
  }
}

TEST(NsysHostile, AViewNamedLikeATableIsNotReadAndSaidSo) {
  Written w;
  AddKernels(*w.writer, 2);
  w.writer->Exec(
      "CREATE VIEW CUPTI_ACTIVITY_KIND_MEMCPY AS SELECT start, end, deviceId, contextId, streamId, 1 AS "
      "bytes, "
      "1 AS copyKind FROM CUPTI_ACTIVITY_KIND_KERNEL");
  w.writer->Exec(
      "CREATE VIEW NVTX_EVENTS AS SELECT start, end, 59 AS eventType, 'x' AS text FROM "
      "CUPTI_ACTIVITY_KIND_KERNEL");
  CaptureRecorder seen;
  const auto info = w.Read(seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(seen.kernels.size(), 2U);
  EXPECT_TRUE(seen.copies.empty());
  EXPECT_TRUE(seen.ranges.empty());
  EXPECT_FALSE(info->present.copies);
  ASSERT_EQ(info->notes.size(), 2U);
  EXPECT_EQ(info->notes[0].severity, CaptureNote::Severity::kError);
}

TEST(NsysHostile, AVirtualTableIsNotReadEither) {
  Written w;
  AddKernels(*w.writer, 1);
  w.writer->Exec("CREATE VIRTUAL TABLE CUPTI_ACTIVITY_KIND_MEMSET USING fts5(start, end, deviceId)");
  CaptureRecorder seen;
  const auto info = w.Read(seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_TRUE(seen.memsets.empty());
  EXPECT_EQ(info->notes.size(), 1U);
}

TEST(NsysHostile, TriggersAndExpressionIndicesNeverRun) {
  Written w;
  AddKernels(*w.writer, 3);
  w.writer->Exec("CREATE TRIGGER t AFTER INSERT ON StringIds BEGIN DELETE FROM StringIds; END");
  w.writer->Exec("CREATE INDEX i ON CUPTI_ACTIVITY_KIND_KERNEL (abs(start))");
  CaptureRecorder seen;
  const auto info = w.Read(seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(seen.kernels.size(), 3U);
  EXPECT_EQ(seen.kernels[2].name, "k");
}

TEST(NsysHostile, WrongTypesImpossibleTimesAndNumbersOutOfRangeAreCountedAndLeftOut) {
  Written w;
  AddKernels(*w.writer, 2);
  const auto bad = [&](const std::string& column, const std::string& value) {
    AddKernels(*w.writer, 1);
    w.writer->Exec("UPDATE CUPTI_ACTIVITY_KIND_KERNEL SET " + column + " = " + value +
                   " WHERE rowid = (SELECT max(rowid) FROM CUPTI_ACTIVITY_KIND_KERNEL)");
  };
  bad("start", "'soon'");
  bad("start", "x'00112233'");
  bad("start", "1.5");
  bad("end", "-1");
  bad("end", "9223372036854775807");
  bad("start", "-9223372036854775807 - 1");
  bad("deviceId", "4294967296");
  bad("gridX", "-5");
  bad("streamId", "'seven'");
  bad("demangledName", "x'00'");
  CaptureRecorder seen;
  const auto info = w.Read(seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(info->bad_records, 10U);
  EXPECT_EQ(seen.kernels.size(), 2U);
  ASSERT_EQ(info->notes.size(), 1U);
  EXPECT_NE(info->notes[0].text.find("10 of 12 rows of CUPTI_ACTIVITY_KIND_KERNEL"), std::string::npos);
}

TEST(NsysHostile, OverheadsOfCenturiesAddUpToTheMostThereIs) {
  Written w;
  AddKernels(*w.writer, 1);
  constexpr Ns kFar = 10'000'000'000'000'000;
  for (int i = 0; i < 500; ++i) w.writer->AddOverhead(-kFar, kFar);
  CaptureRecorder seen;
  const auto info = w.Read(seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(info->profiler_overhead, INT64_MAX);
}

TEST(NsysHostile, ARecordWhoseNameIsNotInTheFileIsKeptWithoutAName) {
  Written w;
  AddKernels(*w.writer, 1);
  w.writer->Exec("UPDATE CUPTI_ACTIVITY_KIND_KERNEL SET demangledName = 12345678");
  CaptureRecorder seen;
  const auto info = w.Read(seen);
  ASSERT_TRUE(info.has_value());
  ASSERT_EQ(seen.kernels.size(), 1U);
  EXPECT_EQ(seen.kernels[0].name, kNsysUnnamed);
  EXPECT_EQ(info->notes.size(), 1U);
}

TEST(NsysHostile, GiantNamesAreCutAndGiantRowsCountedWhileTheRestIsRead) {
  Written w;
  AddKernels(*w.writer, 1);
  w.writer->Add(RangeEvent{1, 2, "before", "", 1, false});
  const std::string giant(kNsysMaxValueBytes + 10, 'g');
  w.writer->Add(RangeEvent{3, 4, giant, "", 1, false});
  w.writer->Add(RangeEvent{5, 6, std::string(100'000, 'h'), "", 1, false});
  w.writer->Add(RangeEvent{7, 8, giant, "", 1, false}, true);
  w.writer->Add(RangeEvent{9, 10, std::string_view("nul\0byte\x1b[2J\xff", 13), "", 1, false});
  CaptureRecorder seen;
  const auto info = w.Read(seen);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  ASSERT_EQ(seen.ranges.size(), 4U);
  EXPECT_EQ(seen.ranges[0].name, "before");
  EXPECT_LE(seen.ranges[1].name.size(), kNsysMaxNameBytes + 3);
  EXPECT_EQ(seen.ranges[2].name, kNsysUnnamed);
  EXPECT_EQ(seen.ranges[3].name, "nul byte [2J\xEF\xBF\xBD");
  EXPECT_EQ(info->bad_records, 1U);
}

TEST(NsysHostile, ATableWithoutNeededColumnsIsNotCapturedAndSaidSo) {
  Written w;
  w.writer->Exec("CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (begin INTEGER, finish INTEGER)");
  w.writer->Exec("INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (1, 2)");
  CaptureRecorder seen;
  const auto info = w.Read(seen);
  ASSERT_TRUE(info.has_value());
  EXPECT_FALSE(info->present.kernels);
  EXPECT_NE(info->notes.at(0).text.find("no column start"), std::string::npos);
}

TEST(NsysHostile, NamesWithoutAPrimaryKeyAreReadTooAndATableWithoutRowidIsRefused) {
  Written w;
  AddKernels(*w.writer, 2);
  w.writer->Exec(
      "CREATE TABLE s2 AS SELECT * FROM StringIds; DROP TABLE StringIds; ALTER TABLE s2 RENAME TO StringIds");
  CaptureRecorder seen;
  ASSERT_TRUE(w.Read(seen).has_value());
  EXPECT_EQ(seen.kernels.at(1).name, "k");

  Written other;
  other.writer->Exec(
      "CREATE TABLE CUPTI_ACTIVITY_KIND_MEMSET (start INTEGER PRIMARY KEY, end) WITHOUT ROWID");
  CaptureRecorder none;
  const auto refused = other.Read(none);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
}

std::string Bytes(const std::filesystem::path& path) { return *ReadFile(path, 64 << 20); }
void Put(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TEST(NsysHostile, FilesThatAreNoExportAreToldApart) {
  const TemporaryFolder folder;
  CaptureRecorder seen;
  const auto code = [&](const std::string& name) {
    const auto read = ReadNsysSqlite(folder.path() / name, seen);
    EXPECT_FALSE(read.has_value()) << name;
    EXPECT_NE(read.error().message.find(name), std::string::npos) << read.error().message;
    return read.error().code;
  };
  EXPECT_EQ(code("missing"), ErrorCode::kNotFound);
  Put(folder.path() / "empty", "");
  EXPECT_EQ(code("empty"), ErrorCode::kInvalidArgument);
  Put(folder.path() / "text", "not a database");
  EXPECT_EQ(code("text"), ErrorCode::kInvalidArgument);
  Put(folder.path() / "zeros", std::string(8192, '\0'));
  EXPECT_EQ(code("zeros"), ErrorCode::kCorrupt);
  std::filesystem::create_directory(folder.path() / "folder");
  EXPECT_EQ(code("folder"), ErrorCode::kInvalidArgument);
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(code("pipe"), ErrorCode::kInvalidArgument);  // and does not wait for a writer

  MadeCapture what;
  ASSERT_TRUE(WriteMadeCapture(folder.path() / "whole", what).has_value());
  const auto whole = Bytes(folder.path() / "whole");
  for (const std::size_t size :
       {std::size_t{20}, std::size_t{99}, std::size_t{4096}, whole.size() / 2, whole.size() - 1}) {
    Put(folder.path() / "cut", whole.substr(0, size));
    EXPECT_EQ(code("cut"), ErrorCode::kCorrupt) << size;
  }
}

TEST(NsysHostile, AnSqliteDatabaseOfSomethingElseIsNamedAsThat) {
  const TemporaryFolder folder;
  auto writer = *NsysWriter::Create(folder.path() / "x", Schema::kSchema313);
  writer->Exec("DROP TABLE META_DATA_EXPORT");
  (void)writer->Finish();
  CaptureRecorder seen;
  const auto read = ReadNsysSqlite(folder.path() / "x", seen);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(read.error().message.find("nsys export"), std::string::npos);
}

// Whatever bytes are wrong: an answer, never a crash, and what is read stays within the contract.
TEST(NsysHostile, BytesTurnedOverAnywhereGiveAnErrorOrRecordsThatMakeSense) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x";
  MadeCapture what;
  what.kernels = 150;
  what.schema = Schema::kSchema29;
  ASSERT_TRUE(WriteMadeCapture(path, what).has_value());
  const auto whole = Bytes(path);
  Random random(42);
  for (int round = 0; round < 300; ++round) {
    auto bytes = whole;
    for (std::uint64_t i = 1 + random.Below(8); i > 0; --i) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    }
    Put(path, bytes);
    CaptureRecorder seen;
    const auto read = ReadNsysSqlite(path, seen);
    EXPECT_TRUE(read.has_value() || !read.error().message.empty());
    for (const auto& k : seen.kernels) {
      ASSERT_LE(k.event.start, k.event.end);
      ASSERT_LE(k.event.end, kNsysMaxTime);
    }
  }
}

}  // namespace
}  // namespace altlas::profile
