// SPDX-License-Identifier: Apache-2.0
#include "gateway/site_check.h"

#include <arpa/inet.h>

#include <algorithm>

namespace altlas::gateway {
namespace {

bool IsAddress(int family, std::string_view text) {
  in6_addr unused{};
  return inet_pton(family, std::string(text).c_str(), &unused) == 1;
}

// "localhost", "127.0.0.1", "[::1]", each with or without a port.
bool IsLocalhostOrAddress(std::string_view host) {
  const auto end = host.starts_with('[') ? host.find(']') : host.find(':');
  const auto name = host.substr(0, end);
  if (name.starts_with('[')) return end != std::string_view::npos && IsAddress(AF_INET6, name.substr(1));
  return net::EqualsIgnoreCase(name, "localhost") || IsAddress(AF_INET, name);
}

bool IsOriginOf(std::string_view origin, std::string_view host) {
  const auto scheme = origin.find("://");
  return scheme != std::string_view::npos && net::EqualsIgnoreCase(origin.substr(scheme + 3), host);
}

}  // namespace

Status CheckSite(const net::Request& request, std::span<const std::string> origins) {
  const auto host = request.Header("Host").value_or("");
  // Only HTTP/1.0 knows requests without; browsers do not speak it.
  if (!host.empty() && !IsLocalhostOrAddress(host))
    return Fail(
        ErrorCode::kDenied,
        "the server is asked for by the name \"{}\"; while auth.enabled is off it answers to localhost "
        "and to addresses alone, since any web site can give this machine a name",
        host.substr(0, 256));
  const auto origin = request.Header("Origin");
  if (!origin || IsOriginOf(*origin, host)) return {};
  if (std::any_of(origins.begin(), origins.end(),
                  [&](const auto& allowed) { return allowed == "*" || allowed == *origin; }))
    return {};
  return Fail(ErrorCode::kDenied,
              "the request comes from a page of \"{}\"; while auth.enabled is off only pages of "
              "server.cors.allowed_origins may ask",
              origin->substr(0, 256));
}

}  // namespace altlas::gateway
