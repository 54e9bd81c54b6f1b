// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fmt/format.h>

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

namespace altlas {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// One key=value of a log line; any type that fmt prints.
struct LogField {
  template <typename T>
  LogField(std::string_view k, const T& v) : key(k), value(fmt::format("{}", v)) {}
  std::string_view key;
  std::string value;
};

// Writes one line to standard error: `2026-01-02T03:04:05.678Z info  sched task placed task=… device=gpu_0
// strategy=least_loaded`. Values with spaces, quotes or control characters are quoted and escaped, so that a
// line stays one line. Thread-safe. Field values are formatted only where the level is on if the call goes
// through ALTLAS_LOG. Blocks while standard error takes nothing, until WriteLogInBackground was called.
void Log(LogLevel level, std::string_view module, std::string_view message,
         std::initializer_list<LogField> fields = {});
void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);

// For servers: from now on a thread of its own writes, so that a reader that does not read holds up nobody.
// What does not fit into its queue (1 MiB) is dropped and counted, and a line says how many once the reader
// goes on. Call it once, after the signals are set up: the thread takes none. What is queued at a normal exit
// is written then, for at most a second.
void WriteLogInBackground();
// Waits until all that was logged so far is written, at most so long. Before an end that is no normal exit.
void FlushLog(std::chrono::milliseconds limit = std::chrono::seconds(1));

enum class Output { kStandard = 1, kError = 2 };
// Text as it stands, in order with the log lines and written as they are; never dropped. For the few texts of
// a running server that are no log lines.
void Print(Output output, std::string text);

}  // namespace altlas

#define ALTLAS_LOG(level, module, message, ...)                                            \
  do {                                                                                     \
    if (::altlas::LogEnabled(level)) ::altlas::Log(level, module, message, {__VA_ARGS__}); \
  } while (false)
#define ALTLAS_DEBUG(module, message, ...) \
  ALTLAS_LOG(::altlas::LogLevel::kDebug, module, message, ##__VA_ARGS__)
#define ALTLAS_INFO(module, message, ...) \
  ALTLAS_LOG(::altlas::LogLevel::kInfo, module, message, ##__VA_ARGS__)
#define ALTLAS_WARN(module, message, ...) \
  ALTLAS_LOG(::altlas::LogLevel::kWarn, module, message, ##__VA_ARGS__)
#define ALTLAS_ERROR(module, message, ...) \
  ALTLAS_LOG(::altlas::LogLevel::kError, module, message, ##__VA_ARGS__)
