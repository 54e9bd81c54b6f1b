// SPDX-License-Identifier: Apache-2.0
#include "profile_counters.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <vector>

#include "base/file.h"

namespace altlas::app {
namespace {

constexpr std::size_t kProcesses = 4096;      // that are looked at
constexpr std::size_t kThreadsCounted = 512;  // of a process, for context switches

std::string ReadProc(const std::filesystem::path& path) { return ReadFile(path, 64 << 10).value_or(""); }

// The number after `key` at the beginning of a line.
std::uint64_t ValueOf(std::string_view text, std::string_view key) {
  auto at = text.starts_with(key) ? std::size_t{0} : text.find("\n" + std::string(key));
  if (at == std::string_view::npos) return 0;
  at = text.find_first_of("0123456789", at + key.size());
  std::uint64_t value = 0;
  if (at != std::string_view::npos) std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

struct StatFields {
  std::uint64_t own_ticks = 0, waited_ticks = 0, threads = 0, rss_pages = 0;
};

// Fields of /proc/<pid>/stat, counted from the last parenthesis: the name before it may hold anything.
std::optional<StatFields> ParseStat(std::string_view text) {
  const auto close = text.rfind(')');
  if (close == std::string_view::npos) return std::nullopt;
  text.remove_prefix(close + 1);
  std::vector<std::uint64_t> fields;  // fields[0] is field 3
  for (std::size_t at = 0; fields.size() < 22;) {
    at = text.find_first_not_of(" \n", at);
    if (at == std::string_view::npos) return std::nullopt;
    std::uint64_t value = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), value);
    fields.push_back(value);
    at = std::min(text.find(' ', at), text.size());
  }
  return StatFields{fields[11] + fields[12], fields[13] + fields[14], fields[17], fields[21]};
}

std::vector<pid_t> ChildrenOf(const std::filesystem::path& proc) {
  std::vector<pid_t> children;
  std::error_code error;
  for (std::filesystem::directory_iterator task(proc / "task", error), end; !error && task != end;
       task.increment(error)) {
    const auto text = ReadProc(task->path() / "children");
    for (std::size_t at = 0; at < text.size();) {
      pid_t pid = 0;
      const auto [stop, wrong] = std::from_chars(text.data() + at, text.data() + text.size(), pid);
      if (wrong != std::errc()) break;
      children.push_back(pid);
      at = static_cast<std::size_t>(stop - text.data()) + 1;
    }
  }
  return children;
}

void AddSwitches(const std::filesystem::path& proc, ProcessTotals& totals) {
  std::error_code error;
  std::size_t counted = 0;
  for (std::filesystem::directory_iterator task(proc / "task", error), end;
       !error && task != end && counted < kThreadsCounted; task.increment(error), ++counted) {
    const auto status = ReadProc(task->path() / "status");
    totals.voluntary_switches += ValueOf(status, "voluntary_ctxt_switches:");
    totals.involuntary_switches += ValueOf(status, "nonvoluntary_ctxt_switches:");
  }
}

}  // namespace

ProcessTotals ReadDescendants(const std::filesystem::path& root, pid_t top) {
  static const double ticks = static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  static const auto page = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_PAGESIZE)));
  ProcessTotals totals;
  std::vector<pid_t> waiting = {top};
  std::uint64_t all_ticks = 0;
  for (std::size_t i = 0; i < waiting.size() && i < kProcesses; ++i) {
    const auto proc = root / "proc" / std::to_string(waiting[i]);
    const auto children = ChildrenOf(proc);
    waiting.insert(waiting.end(), children.begin(), children.end());
    const auto stat = ParseStat(ReadProc(proc / "stat"));
    if (!stat) continue;
    const bool is_top = i == 0;
    all_ticks += stat->waited_ticks + (is_top ? 0 : stat->own_ticks);
    // The kernel adds the bytes of an ended child to its parent's.
    const auto io = ReadProc(proc / "io");
    totals.read_bytes += ValueOf(io, "read_bytes:");
    totals.written_bytes += ValueOf(io, "write_bytes:");
    if (is_top) continue;
    ++totals.processes;
    totals.threads += stat->threads;
    totals.rss_bytes += stat->rss_pages * page;
    AddSwitches(proc, totals);
  }
  totals.cpu_seconds = static_cast<double>(all_ticks) / ticks;
  return totals;
}

CounterSampler::CounterSampler(profile::CollectorWriter& writer)
    : writer_(writer), before_(ReadDescendants("/", ::getpid())), thread_([this] { Run(); }) {}

CounterSampler::~CounterSampler() { Stop(); }

void CounterSampler::Stop() {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
  Sample();
}

void CounterSampler::Run() {
  for (int sample = 0;; ++sample) {
    Sample();
    MutexLock lock(mutex_);
    const auto pause = std::chrono::milliseconds(sample < 50 ? 20 : 100);
    if (!stopping_) changed_.WaitFor(mutex_, pause);
    if (stopping_) return;
  }
}

void CounterSampler::Sample() {
  const auto at = writer_.Now();
  const auto totals = ReadDescendants("/", ::getpid());
  const auto add = [&](std::string_view name, double value) {
    writer_.Add(profile::CounterEvent{.at = at, .name = name, .value = value});
  };
  const auto since = [](auto now, auto before) {
    return now > before ? static_cast<double>(now - before) : 0.0;
  };
  add("cpu_seconds", since(totals.cpu_seconds, before_.cpu_seconds));
  add("rss_bytes", static_cast<double>(totals.rss_bytes));
  add("threads", static_cast<double>(totals.threads));
  add("processes", static_cast<double>(totals.processes));
  add("read_bytes", since(totals.read_bytes, before_.read_bytes));
  add("written_bytes", since(totals.written_bytes, before_.written_bytes));
  add("voluntary_switches", static_cast<double>(totals.voluntary_switches));
  add("involuntary_switches", static_cast<double>(totals.involuntary_switches));
}

}  // namespace altlas::app
