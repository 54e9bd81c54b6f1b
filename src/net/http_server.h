// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"
#include "net/http.h"
#include "net/io_loop.h"
#include "net/stream.h"

namespace altlas::net {

// How much and how long a client may ask for; behind each stands the status that tells it. Sizes in bytes.
struct HttpLimits {
  std::size_t header_bytes = 16u << 10;     // request line and fields: 431
  std::size_t header_count = 100;           // 431
  std::size_t target_bytes = 8u << 10;      // 414
  std::size_t body_bytes = 16u << 20;       // 413
  std::size_t connections = 4096;           // of this server; one more gets 503
  std::size_t buffered_bytes = 512u << 20;  // of requests not yet complete, over all connections: 503
  std::size_t queued_bytes = 4u << 20;      // of a stream that its client does not read: the client is cut
  // Timeouts are noticed by one sweep, up to a quarter of the shortest of them (at most 1 s) late.
  Duration head_timeout =
      std::chrono::seconds(10);  // first byte to the end of the head: 408. A new connection's first byte too
  Duration body_timeout = std::chrono::seconds(60);   // from there to the end of the body: 408
  Duration idle_timeout = std::chrono::seconds(75);   // between requests: closed
  Duration write_timeout = std::chrono::seconds(30);  // a client that takes no byte of its answer: cut
};

// Browsers' access from other origins. Off while `origins` is empty.
struct CorsOptions {
  std::vector<std::string> origins = {};  // exact ("https://a.example"), or "*"
  std::string headers = "authorization, content-type, idempotency-key, last-event-id";
  std::string expose_headers = "location, retry-after, warning, x-task-id";
  int max_age_seconds = 600;
};

// What a request's head alone decides about it.
struct HttpHeadVerdict {
  // Not 0: the request is refused with this status, `error` as its body and `headers` beside the usual ones,
  // and its connection ends.
  int status = 0;
  Error error = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  // The longest body that this request may have, beside limits.body_bytes: 413.
  std::size_t body_bytes = SIZE_MAX;
};

// Judges a request before its body is read, and before 100 Continue is sent, so that only those who may send
// one cost the memory for it. Asked once for each request that announces a body (chunked, to be asked for by
// 100 Continue, or longer than kUncheckedBodyBytes: shorter ones cost no more than a head). `head` is the
// request without its body; its views are valid inside the call. Called on the loop's thread; must not block.
// What it lets pass is judged again by the handler: time goes by until the body is there.
using HttpHeadCheck = std::function<HttpHeadVerdict(Request& head)>;
inline constexpr std::size_t kUncheckedBodyBytes = 4u << 10;

// How a server behaves. A value; SetOptions may change it while the server runs.
struct HttpServerOptions {
  HttpLimits limits = {};
  CorsOptions cors = {};
  HttpHeadCheck check_head = {};  // empty: every head may go on
};

// Counters since the start, and what is there now.
struct HttpServerStats {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;  // past the limit
  std::uint64_t requests = 0;             // handed to the handler
  std::uint64_t refused_requests = 0;     // answered here: malformed, too large, too slow, by the head
  std::uint64_t slow_clients = 0;         // cut, 408 included
  std::size_t connections = 0;
  std::size_t active_requests = 0;  // handed over and not yet answered
  std::size_t buffered_bytes = 0;
};

// An HTTP/1.1 server on one loop. Strict: what two implementations could read differently is refused, so no
// request can hide in another (docs/adr on the parser). Pipelined requests are answered in order, one at a
// time. Several loops: one server each, with `reuse_port`. Runs on the loop's thread, destroyed before the
// loop. Destruction closes all connections without a call of OnGone; writers still held become inert.
class HttpServer {
 public:
  HttpServer(IoLoop& loop, HttpServerOptions options, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Adds a listener: TCP, TLS (options.stream.tls) or a Unix socket. Returns the address with the port that
  // the system chose. Errors as StreamListener::Create.
  Result<Address> Listen(const Address& address, ListenOptions options = {});
  // Stops listening, closes idle connections, lets requests in flight finish with `Connection: close`, cuts
  // what is left after `limit` (their OnGone runs), then calls `done` from the loop, once.
  void Drain(Duration limit, std::function<void()> done);
  // For requests that begin from now on.
  void SetOptions(HttpServerOptions options);
  HttpServerStats stats() const;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace altlas::net
