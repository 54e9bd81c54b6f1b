// SPDX-License-Identifier: Apache-2.0
#include "store/process_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

namespace altlas::store {
namespace {

TEST(ProcessLock, ASecondHolderIsRefusedWithThePidOfTheFirst) {
  TemporaryFolder folder;
  const auto file = folder.path() / "store.lock";
  {
    const auto first = ProcessLock::Take(file);
    ASSERT_TRUE(first.has_value());
    const auto second = ProcessLock::Take(file);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_NE(second.error().message.find(fmt::format("process {};", ::getpid())), std::string::npos);
    EXPECT_NE(second.error().message.find(folder.path().string()), std::string::npos);
  }
  EXPECT_TRUE(ProcessLock::Take(file).has_value());
}

TEST(ProcessLock, AKilledHolderLetsGo) {
  TemporaryFolder folder;
  const auto file = folder.path() / "store.lock";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = ProcessLock::Take(file);
    const char answer = held.has_value() ? 'y' : 'n';
    (void)!::write(ready[1], &answer, 1);
    while (true) ::pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  const auto refused = ProcessLock::Take(file);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find(fmt::format("process {};", child)), std::string::npos);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(ProcessLock::Take(file).has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace altlas::store
