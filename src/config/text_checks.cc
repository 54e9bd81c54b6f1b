// SPDX-License-Identifier: Apache-2.0
#include "config/text_checks.h"

#include <arpa/inet.h>

namespace altlas::config {
namespace {

constexpr std::string_view kLettersAndDigits =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool OnlyOf(std::string_view text, std::string_view more) {
  return text.find_first_not_of(std::string(kLettersAndDigits).append(more)) == std::string_view::npos;
}

}  // namespace

std::string CheckAddress(std::string_view text) {
  const std::string address(text);
  unsigned char bytes[sizeof(in6_addr)];
  if (address == "localhost" || ::inet_pton(AF_INET, address.c_str(), bytes) == 1 ||
      ::inet_pton(AF_INET6, address.c_str(), bytes) == 1)
    return {};
  return "allowed is an IP address such as 127.0.0.1, 0.0.0.0 or ::1, or localhost (the port has a key of "
         "its own)";
}

std::string CheckEndpoint(std::string_view text) {
  if (!text.starts_with('/') || text.size() < 2 || text.size() > 128 || !OnlyOf(text, "/_-."))
    return "allowed is a path that begins with a slash, such as /metrics, of letters, digits and / _ - .";
  if (text.ends_with('/') || text.find("//") != std::string_view::npos)
    return "allowed is a path without a slash at its end and without two in a row";
  for (const std::string_view taken : {"/api", "/v1", "/v2", "/health", "/version", "/openapi.json"}) {
    if (text == taken || (text.starts_with(taken) && text[taken.size()] == '/'))
      return "which the server uses itself; allowed is a path of its own, such as /metrics";
  }
  return {};
}

std::string CheckOrigin(std::string_view text) {
  if (text == "*") return {};
  constexpr auto kAllowed =
      "allowed is \"*\" or an origin such as https://example.org:8443 (no path, no slash at the end)";
  const auto mark = text.find("://");
  if (mark == std::string_view::npos || mark == 0 || !OnlyOf(text.substr(0, mark), "+-.")) return kAllowed;
  const auto host = text.substr(mark + 3);
  if (host.empty() || host.size() > 255 || !OnlyOf(host, ".-:[]")) return kAllowed;
  return {};
}

std::string CheckModelName(std::string_view text) {
  if (text.size() <= 128 && OnlyOf(text, "._-/:@+") && OnlyOf(text.substr(0, 1), "")) return {};
  return "allowed are up to 128 letters, digits and . _ - / : @ +, with a letter or digit first";
}

}  // namespace altlas::config
