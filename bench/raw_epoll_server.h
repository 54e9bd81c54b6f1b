// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

// The least that can answer HTTP: epoll, one thread, requests framed by Content-Length alone, one constant
// answer, nothing checked. The floor that the real server is compared with; never for use.
namespace altlas::bench {

// A listening socket on 127.0.0.1; its port in `port`.
int ListenOnLoopback(std::uint16_t& port);
// Serves for ever.
[[noreturn]] void RunRawEpollServer(int listen_fd, const std::string& answer_body);

}  // namespace altlas::bench
