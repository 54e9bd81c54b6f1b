// SPDX-License-Identifier: Apache-2.0
// The log's reader may stop reading or go away; the server serves on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/unique_fd.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

class LogPipe : public testing::Test {
 protected:
  void SetUp() override {
    const auto pipe = server_.folder() / "log.pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    reader_ = UniqueFd(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(reader_.valid());
    ASSERT_GT(::fcntl(reader_.get(), F_SETPIPE_SZ, 4096), 0);
    server_.RunThrough("exec 2> '" + pipe.string() + "'; exec \"$0\" \"$@\"");
    server_.Start();
  }
  // More lines than any pipe of that size takes.
  void Work() {
    for (int i = 0; i < 200; ++i) ASSERT_FALSE(server_.Predict("word " + std::to_string(i)).empty());
    EXPECT_EQ(server_.Call("GET", "/health/live").status, 200);
  }
  ServerProcess server_{"gpu: {monitoring: {log_level: debug}}\n"};
  UniqueFd reader_;
};

TEST_F(LogPipe, NobodyReads) {
  Work();
  EXPECT_EQ(server_.Terminate(), 0);
}

TEST_F(LogPipe, TheReaderGoesAway) {
  reader_.Reset();
  Work();
  EXPECT_EQ(server_.Terminate(), 0);
}

}  // namespace
}  // namespace altlas::testing_process
