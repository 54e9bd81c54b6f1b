// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>

#include "base/result.h"
#include "net/http_client.h"

namespace altlas::app {

// Talks to a running server over its administrator's socket. Blocks.
class AdminClient {
 public:
  explicit AdminClient(std::filesystem::path state_dir) : socket_(std::move(state_dir) / "admin.sock") {}
  // The body of a 2xx answer. The server's own error where it refuses; kUnavailable where no server listens,
  // kTimeout where one is there and does not answer: said on standard error after two seconds, given up after
  // thirty.
  Result<std::string> Call(const std::string& method, const std::string& target,
                           const std::string& body = {}) const;
  // True where a server answers on the socket, false where none listens. kTimeout as above: then nobody may
  // take the server's place.
  Result<bool> Reachable() const;

 private:
  std::filesystem::path socket_;
};

}  // namespace altlas::app
