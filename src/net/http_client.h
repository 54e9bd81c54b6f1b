// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"
#include "net/io_loop.h"
#include "net/tls.h"

namespace altlas::net {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// A request to send. `headers` without Host, Content-Length and Connection, which are the client's business.
struct HttpCall {
  std::string method = "GET";
  std::string target = "/";  // path and query, percent-encoded
  HeaderList headers = {};
  std::string body = {};
  std::optional<Duration> timeout =
      {};  // for the whole answer, or for the head of a streamed one; empty: the client's
};

struct HttpReply {
  int status = 0;
  HeaderList headers;
  std::string body;  // empty for streamed calls
  // The first of that name, whatever its case; empty where there is none.
  std::string_view Header(std::string_view name) const;
};

struct HttpClientOptions {
  Address address = {};
  std::shared_ptr<TlsContext> tls = {};  // empty: plain
  std::string host = {};                 // the Host field; empty: from the address
  Duration connect_timeout = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(60);
  Duration idle_timeout = std::chrono::seconds(30);  // of connections kept for reuse; 0: keep none
  std::size_t max_body_bytes = 64u << 20;            // of an answer that is not streamed: kTooLarge
  std::size_t max_header_bytes = 64u << 10;
  std::size_t max_idle_connections = 16;
};

// Receives a streamed answer. Calls come in the order on_head, on_body..., then on_end once; none after
// cancellation.
struct HttpStreamCallbacks {
  std::function<void(const HttpReply& head)> on_head = {};
  std::function<void(std::string_view piece)> on_body = {};  // chunking removed
  std::function<void(Status)> on_end = {};                   // an error where it broke off
};

// A call in flight. Destroying it abandons the call: its connection is closed and nothing is called back.
class PendingCall {
 public:
  struct Impl;
  explicit PendingCall(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  ~PendingCall();
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;

 private:
  std::shared_ptr<Impl> impl_;  // shared with its connection
};

// A small HTTP/1.1 client of one server over TCP, TLS or a Unix socket. Keeps connections for reuse; a call
// on a kept connection that the server had closed meanwhile is sent once more on a new one if it is GET,
// HEAD, PUT, DELETE or OPTIONS. Used on the loop's thread, never blocks, destroyed before the loop; calls in
// flight end with it, without a callback. Errors: kUnavailable, kTimeout, kCorrupt (not HTTP), kTooLarge. A
// status of 4xx or 5xx is a reply, not an error.
class HttpClient {
 public:
  HttpClient(IoLoop& loop, HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] std::unique_ptr<PendingCall> Call(HttpCall call, std::function<void(Result<HttpReply>)> done);
  [[nodiscard]] std::unique_ptr<PendingCall> CallStreamed(HttpCall call, HttpStreamCallbacks callbacks);

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;  // weakly known to the calls in flight
};

// One call, blocking, on a loop of its own: for tools and tests. Never on a loop's thread.
Result<HttpReply> CallBlocking(const HttpClientOptions& options, HttpCall call);
// The same, streamed: `on_body` gets the pieces and returns false to stop. The reply's body stays empty.
Result<HttpReply> StreamBlocking(const HttpClientOptions& options, HttpCall call,
                                 const std::function<bool(std::string_view piece)>& on_body);

// One event of a text/event-stream.
struct SseEvent {
  std::string event = "message";
  std::string id;
  std::string data;
};

// Cuts a text/event-stream into events, from pieces of any size. An event longer than the limit is kTooLarge.
class SseReader {
 public:
  explicit SseReader(std::size_t max_event_bytes = 1u << 20) : limit_(max_event_bytes) {}
  Status Feed(std::string_view piece, const std::function<void(const SseEvent&)>& on_event);

 private:
  void Line(std::string_view line, const std::function<void(const SseEvent&)>& on_event);
  std::size_t limit_;
  std::string line_;
  SseEvent event_;
  std::string last_id_;
  bool has_data_ = false;
  bool after_cr_ = false;
};

// Appends one event in that format (line breaks in `data` become further data lines). Empty event or id: left
// out.
void AppendSseEvent(std::string& out, std::string_view event, std::string_view id, std::string_view data);

}  // namespace altlas::net
