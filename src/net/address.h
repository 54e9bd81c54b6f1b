// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas::net {

// Where a listener listens or a connector goes. A value.
// Text forms: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `:8080` (every interface, IPv6 and IPv4),
// `unix:/run/a.sock`.
struct Address {
  enum class Kind { kTcp, kUnix };
  Kind kind = Kind::kTcp;
  std::string host = "127.0.0.1";  // a name or a numeric address without brackets; empty: every interface
  std::uint16_t port = 0;          // 0: the system chooses one when listening
  std::string path = {};           // of a Unix socket, at most 107 bytes

  static Address Tcp(std::string host, std::uint16_t port) { return {Kind::kTcp, std::move(host), port}; }
  static Address Unix(std::string path) { return {Kind::kUnix, "", 0, std::move(path)}; }
  // kInvalidArgument says what is wrong and shows the forms. Does not resolve names.
  static Result<Address> Parse(std::string_view text);
  // The form that Parse reads.
  std::string ToString() const;
  bool operator==(const Address&) const = default;
};

}  // namespace altlas::net
