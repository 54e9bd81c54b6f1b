// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

// A light HTTP load on one thread: keep-alive connections to a port of 127.0.0.1, one request at a time on
// each, answers framed by Content-Length alone. It costs about 5 us a request, so that one core of it can
// fill one core of a fast server.
namespace altlas::bench {

struct LoadOptions {
  std::uint16_t port = 0;
  std::string request;  // the whole bytes of one
  int connections = 64;
  // 0: closed loop, each connection asks again at once. Otherwise open loop: requests at Poisson times, and a
  // request that finds no free connection waits; its latency counts from the time it was due.
  double requests_per_second = 0;
  int expected_status = 200;
};

struct LoadResult {
  double seconds = 0;
  std::uint64_t answers = 0;
  std::uint64_t errors = 0;          // answers of another status
  std::vector<double> microseconds;  // latency of each answer, sorted

  double rate() const { return seconds > 0 ? static_cast<double>(answers) / seconds : 0; }
  double Percentile(double share) const;
};

// Ends the program with a message where the server cannot be reached or breaks off.
class LoadClient {
 public:
  explicit LoadClient(LoadOptions options);
  ~LoadClient();
  LoadClient(const LoadClient&) = delete;
  // Runs for so long; what was measured.
  LoadResult Run(double seconds);
  // The body of one answer.
  std::string Once();

 private:
  struct Connection {
    int fd = -1;
    bool busy = false;
    std::uint64_t due_ns = 0;
    std::string answer;
  };
  void Ask(Connection& connection, std::uint64_t due_ns);
  // True where a whole answer has come.
  bool Read(Connection& connection, LoadResult& result);

  LoadOptions options_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::uint64_t random_ = 88172645463325252ull;
};

}  // namespace altlas::bench
