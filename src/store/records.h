// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/result.h"
#include "base/task_id.h"

// The rows of the store as values. Every engine keeps the same ones (docs/formats/store.md has the columns).
namespace altlas::store {

// The life of a task. Each state says what it means and what may follow.
enum class TaskStatus : std::uint8_t {
  kQueued = 0,   // accepted, waits for a device; then running, failed (timeout, cannot run) or canceled
  kRunning = 1,  // given to a device; then completed, failed, canceled, or queued again (its worker was lost)
  kCompleted = 2,  // final: has a result
  kFailed = 3,     // final: has an error
  kCanceled = 4,   // final: by the user or by shutdown
};
inline constexpr int kTaskStatusCount = 5;
inline bool IsFinal(TaskStatus status) { return status >= TaskStatus::kCompleted; }
// The spelling of the HTTP interface: "queued", "running", "completed", "failed", "canceled".
std::string_view TaskStatusName(TaskStatus status);
std::optional<TaskStatus> ParseTaskStatus(std::string_view name);

struct TaskResult {
  std::string json;              // one JSON object, opaque here
  double execution_seconds = 0;  // measured
};

// One task. `id`, `request` and `priority` are chosen by the caller; ids must grow with time (UuidGenerator).
struct TaskRecord {
  TaskId id;
  Uuid key_id;    // who sent it; nil where keys are off
  Uuid batch_id;  // the affinity group of a batch that is not split; nil otherwise
  std::string model;
  std::string type;
  std::string priority_name;
  int priority = 0;  // lower first
  TaskStatus status = TaskStatus::kQueued;
  int attempt = 0;        // how often it was given to a device
  int worker_losses = 0;  // attempts that took their worker down (poison is judged by it)
  std::string device;     // where it runs or ran; while it waits, where it is predicted to
  std::string strategy;
  std::int64_t estimated_memory_bytes = 0;  // 0: no estimate
  std::int64_t budget_ms = 0;  // time left in the queue when last written; recovery goes on from it
  WallMillis created_ms = 0;
  WallMillis started_ms = 0;   // of the last attempt; 0: never
  WallMillis finished_ms = 0;  // 0: not finished
  std::optional<Error> error;  // failed and canceled
  std::string explain;         // JSON, the reasons of the last placement; may be empty
  std::string request;         // one JSON object, opaque here
  std::string request_blob;  // set by the store: SHA-256 (hex) of the blob file where `request` lies in one;
                             // else empty
  std::optional<TaskResult> result;  // completed
};

// What an API key may do; a set of bits.
enum class Scope : std::uint8_t { kPredict = 1, kAdmin = 2, kMetrics = 4 };
struct ScopeSet {
  std::uint8_t bits = 0;
  bool Has(Scope scope) const { return (bits & static_cast<std::uint8_t>(scope)) != 0; }
  ScopeSet& Add(Scope scope) {
    bits |= static_cast<std::uint8_t>(scope);
    return *this;
  }
  static ScopeSet All() { return {7}; }
  bool operator==(const ScopeSet&) const = default;
};
// "predict", "admin" and "metrics", joined by commas, in any order. An unknown or empty name is
// kInvalidArgument.
std::string FormatScopes(ScopeSet scopes);
// The names of the scopes in the set, in the order above.
std::vector<std::string_view> ScopeNames(ScopeSet scopes);
Result<ScopeSet> ParseScopes(std::string_view text);

// One API key. The secret itself is never stored.
struct KeyRecord {
  Uuid id;
  std::string name;
  std::string secret_sha256;  // 64 lower-case hex digits
  ScopeSet scopes;
  double requests_per_second = 0;  // 0: no limit
  std::int64_t burst = 0;
  WallMillis created_ms = 0;
  WallMillis revoked_ms = 0;    // 0: valid
  WallMillis last_used_ms = 0;  // 0: never; written lazily
  bool operator==(const KeyRecord&) const = default;
};

}  // namespace altlas::store
