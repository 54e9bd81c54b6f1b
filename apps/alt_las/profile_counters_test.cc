// SPDX-License-Identifier: Apache-2.0
#include "profile_counters.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"

namespace altlas::app {
namespace {

// A /proc with a process 10 whose children are 11 and 12, and 12's is 13 (which has vanished).
class ProcTree {
 public:
  ProcTree() {
    Add(10, "altlas", "11 12 ", 100, 50, 7, 999);
    Add(11, "a (b) c", "", 30, 5, 3, 20);
    Add(12, "python", "13 ", 10, 0, 4, 30);
  }
  const std::filesystem::path& root() const { return folder_.path(); }

 private:
  void Add(int pid, const std::string& name, const std::string& children, int own, int waited, int threads,
           int pages) {
    const auto proc = folder_.path() / "proc" / std::to_string(pid);
    const auto task = proc / "task" / std::to_string(pid);
    std::filesystem::create_directories(task);
    std::ofstream(task / "children") << children;
    std::ofstream(task / "status") << "Name:\tx\nvoluntary_ctxt_switches:\t" << pid
                                   << "\nnonvoluntary_ctxt_switches:\t2\n";
    std::ofstream(proc / "io") << "rchar: 99999\nwchar: 88888\nread_bytes: " << pid * 100
                               << "\nwrite_bytes: 8\n"
                               << "cancelled_write_bytes: 4\n";
    std::ofstream(proc / "stat") << pid << " (" << name << ") S 1 1 1 -1 -1 4194560 1 2 3 4 " << own << " 0 "
                                 << waited << " 0 20 0 " << threads << " 0 12345 1000 " << pages
                                 << " 18446744073709551615 1 1\n";
  }
  TemporaryFolder folder_;
};

TEST(ProcessCounters, ATreeIsAddedUpWithoutItsTop) {
  const ProcTree tree;
  const auto totals = ReadDescendants(tree.root(), 10);
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(totals.cpu_seconds, (50 + 30 + 5 + 10) / ticks);
  EXPECT_EQ(totals.processes, 2u);
  EXPECT_EQ(totals.threads, 7u);
  EXPECT_EQ(totals.rss_bytes, 50u * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(totals.read_bytes, 3300u);
  EXPECT_EQ(totals.written_bytes, 24u);
  EXPECT_EQ(totals.voluntary_switches, 23u);
  EXPECT_EQ(totals.involuntary_switches, 4u);
}

TEST(ProcessCounters, OddFilesAreLeftOut) {
  TemporaryFolder folder;
  const auto proc = folder.path() / "proc" / "10";
  std::filesystem::create_directories(proc / "task" / "10");
  for (const char* stat : {"", "10", "10 (x", "10 (x) S 1 2", "\x01)"}) {
    std::ofstream(proc / "stat") << stat;
    EXPECT_EQ(ReadDescendants(folder.path(), 10).processes, 0u);
  }
  EXPECT_EQ(ReadDescendants(folder.path(), 11).threads, 0u);
}

}  // namespace
}  // namespace altlas::app
