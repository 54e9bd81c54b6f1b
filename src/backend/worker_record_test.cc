// SPDX-License-Identifier: Apache-2.0
#include "backend/worker_record.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace altlas::backend {
namespace {

TEST(WorkerRecord, ReadsBackWhatWasWritten) {
  const WorkerRecord record{{4711, 123456789012, "0b96db23"}, "secret"};
  EXPECT_EQ(FormatWorkerRecord(record),
            R"({"pid":4711,"start_ticks":123456789012,"boot_id":"0b96db23","token":"secret"})");
  EXPECT_EQ(*ParseWorkerRecord(FormatWorkerRecord(record)), record);
  const WorkerRecord starting{{}, "secret"};
  EXPECT_EQ(*ParseWorkerRecord(FormatWorkerRecord(starting)), starting);
}

TEST(WorkerRecord, AnythingElseIsRefused) {
  for (const char* text :
       {"", "{", "[]", "null", R"({"pid":1})", R"({"pid":-1,"start_ticks":1,"boot_id":"b","token":"t"})",
        R"({"pid":99999999999,"start_ticks":1,"boot_id":"b","token":"t"})",
        R"({"pid":1,"start_ticks":1,"boot_id":"b","token":""})",
        R"({"pid":1,"start_ticks":"1","boot_id":"b","token":"t"})"}) {
    EXPECT_FALSE(ParseWorkerRecord(text)) << text;
  }
}

TEST(WorkerRecord, DamagedFileIsNothingToAdopt) {
  TemporaryFolder folder;
  EXPECT_FALSE(LoadWorkerRecord(folder.path() / "gpu_0.json"));
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "gpu_0.json", "{\"pid\":"));
  EXPECT_FALSE(LoadWorkerRecord(folder.path() / "gpu_0.json"));
  ASSERT_TRUE(WriteFileAtomically(folder.path() / "gpu_0.json", FormatWorkerRecord({{1, 2, "b"}, "t"})));
  EXPECT_EQ(LoadWorkerRecord(folder.path() / "gpu_0.json")->token, "t");
}

}  // namespace
}  // namespace altlas::backend
