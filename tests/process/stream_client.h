// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "server_process.h"

namespace altlas::testing_process {

// A client of one task's stream as docs/guide/http-api.md describes it: it gathers the text, throws it away
// at a reset, and comes back with the id of the last event. What it saw may be read from another thread only
// where it is atomic.
class StreamClient {
 public:
  explicit StreamClient(std::string task) : task_id(std::move(task)) {}

  // One connection, until the stream ends, is lost, or `enough` says so after an event. True once the last
  // event was seen.
  bool Read(const net::HttpClientOptions& options, const std::string& key,
            const std::function<bool()>& enough = {});
  // The same, where the stream is a predict's own answer.
  bool Predict(const net::HttpClientOptions& options, const std::string& key, const std::string& body,
               const std::function<bool()>& enough = {});

  std::string task_id;
  std::string text;
  std::string last_id;
  int status = 0;              // of the last connection
  std::atomic<int> tokens{0};  // of all connections
  int tokens_of_last = 0;      // of the last connection
  int resets = 0;
  std::string end;                 // "done" or "error"
  Json data;                       // of that event
  std::vector<std::string> wrong;  // what a stream must not do

 private:
  bool Follow(const net::HttpClientOptions& options, net::HttpCall call, const std::string& key,
              const std::function<bool()>& enough);
  void On(const net::SseEvent& event);
};

}  // namespace altlas::testing_process
