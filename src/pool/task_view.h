// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <variant>

#include "base/task_id.h"
#include "sched/types.h"
#include "store/records.h"

namespace altlas::pool {

// A task as the gateway hands it over: checked, completed with defaults, not yet accepted.
struct NewTask {
  std::string type;
  std::string model;  // empty: no model is configured for the type; it is accepted and fails with that reason
  std::string request;   // one canonical JSON object for the worker
  std::string priority;  // name of a level; empty: the default
  std::optional<Strategy> strategy;
  std::uint64_t estimated_memory = 0;  // bytes; 0: unknown
  double size_hint = 0;                // what the service time grows with, e.g. max_length
  std::optional<Duration> timeout;     // longest wait in the queue; may only shorten the configured one
};

// A task as it is shown: the record, with what only the live table knows. A value.
struct TaskView {
  store::TaskRecord record;           // request left out unless asked for; result where completed
  std::optional<std::string> device;  // final, running or predicted device; absent where none can run it
  std::optional<sched::Explanation> explanation;  // of a live task, where asked for
  bool live = false;                              // still in the manager's table
};

// The view of a task that is in no table any more. The request is left out.
TaskView ViewOfStored(store::TaskRecord record);

// What happens to a watched task, in order. Indices count generated tokens from 0.
struct TokenEvent {
  std::uint32_t index = 0;  // of the last token in `text`; one more for text held back until the end
  std::string text;         // valid UTF-8 once concatenated
};
struct ResetEvent {};  // what was sent so far comes again from the start
struct FinalEvent {
  TaskView view;  // durable
};
using TaskEvent = std::variant<TokenEvent, ResetEvent, FinalEvent>;

// How long a task waited in the queue until its last start, without the time that lost attempts ran. Nothing
// for one that never started, and where it had more than one attempt and `explain` is left out.
std::optional<double> QueueSecondsOf(const store::TaskRecord& record);

// Size of a request for scheduling, in tokens: JSON key "max_length" where a stored request has one
// (recovery); else, of one that only reads, about as many as its bytes make.
double SizeHintOf(std::string_view request_json);

}  // namespace altlas::pool
