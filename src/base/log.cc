// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/pattern_formatter.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <thread>

#include "base/mutex.h"
#include "base/result.h"

namespace altlas {
namespace {

constexpr std::size_t kMostWaitingBytes = 1 << 20;

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote >= 0) {
      text.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return;  // nobody reads any more, and there is no other place to say so
    }
  }
}

// As gpu.monitoring.log_level spells it.
std::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "info";
}

// Where finished text goes: straight to its descriptor or, once Start was called, by a queue and a thread.
class Sink {
 public:
  void Start() {
    MutexLock lock(mutex_);
    if (std::exchange(background_, true)) return;
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { Run(); }).detach();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    std::atexit([] { FlushLog(); });
  }

  void Line(LogLevel level, std::string_view text) {
    MutexLock lock(mutex_);
    if (waiting_bytes_ + text.size() > kMostWaitingBytes) {
      ++dropped_;
      return;
    }
    SayWhatWasDropped();
    Put(2, Format(level, text));
  }

  void Text(int fd, std::string text) {
    MutexLock lock(mutex_);
    Put(fd, std::move(text));
  }

  void Flush(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    MutexLock lock(mutex_);
    while (writing_ || !waiting_.empty()) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= left.zero()) return;
      changed_.WaitFor(mutex_, left);
    }
  }

 private:
  struct Piece {
    int fd;
    std::string text;
  };

  std::string Format(LogLevel level, std::string_view text) ALTLAS_REQUIRES(mutex_) {
    const auto message = fmt::format("{:<5} {}", NameOf(level), text);
    spdlog::memory_buf_t line;
    formatter_.format(spdlog::details::log_msg("", spdlog::level::info, message), line);
    return {line.data(), line.size()};
  }

  void SayWhatWasDropped() ALTLAS_REQUIRES(mutex_) {
    if (dropped_ == 0) return;
    const auto lines = std::exchange(dropped_, 0);
    Put(2,
        Format(LogLevel::kWarn, fmt::format("log lines dropped, nobody read them in time lines={}", lines)));
  }

  void Put(int fd, std::string text) ALTLAS_REQUIRES(mutex_) {
    if (!background_) return WriteAll(fd, text);
    waiting_bytes_ += text.size();
    waiting_.push_back({fd, std::move(text)});
    changed_.NotifyAll();
  }

  void Run() {
    while (true) {
      std::deque<Piece> taken;
      {
        MutexLock lock(mutex_);
        writing_ = false;
        changed_.NotifyAll();
        while (waiting_.empty()) changed_.Wait(mutex_);
        taken.swap(waiting_);
        waiting_bytes_ = 0;
        SayWhatWasDropped();
        writing_ = true;
      }
      for (const auto& piece : taken) WriteAll(piece.fd, piece.text);
    }
  }

  Mutex mutex_;
  CondVar changed_;
  spdlog::pattern_formatter formatter_ ALTLAS_GUARDED_BY(mutex_){"%Y-%m-%dT%H:%M:%S.%eZ %v",
                                                                 spdlog::pattern_time_type::utc};
  bool background_ ALTLAS_GUARDED_BY(mutex_) = false;
  bool writing_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::deque<Piece> waiting_ ALTLAS_GUARDED_BY(mutex_);
  std::size_t waiting_bytes_ ALTLAS_GUARDED_BY(mutex_) = 0;
  std::uint64_t dropped_ ALTLAS_GUARDED_BY(mutex_) = 0;
};

// Never destroyed: threads log until the process is gone.
Sink& TheSink() {
  static auto* const sink = new Sink;
  return *sink;
}

std::atomic<LogLevel> least_level = LogLevel::kInfo;

void AppendValue(std::string& line, std::string_view value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c != '"' && c != '\\' && c != 0x7f;
  });
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  line += '"';
}

}  // namespace

void Log(LogLevel level, std::string_view module, std::string_view message,
         std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  std::string line;
  line.reserve(128);
  line += module;
  line += ' ';
  line += message;
  for (const auto& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    AppendValue(line, field.value);
  }
  TheSink().Line(level, line);
}

void SetLogLevel(LogLevel level) { least_level = level; }
bool LogEnabled(LogLevel level) { return level >= least_level.load(std::memory_order_relaxed); }
void WriteLogInBackground() { TheSink().Start(); }
void FlushLog(std::chrono::milliseconds limit) { TheSink().Flush(limit); }
void Print(Output output, std::string text) { TheSink().Text(static_cast<int>(output), std::move(text)); }

void internal::CheckFailed(const char* file, int line, const char* condition, const char* more) {
  Print(Output::kError, fmt::format("{}:{}: check failed: {} {}\n", file, line, condition, more));
  FlushLog();
  std::abort();
}

}  // namespace altlas
