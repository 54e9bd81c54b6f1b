// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

// Checks of texts beyond their type, for KeySpec::Check: "" where the text is right, else the end of "found
// <text>, ...". Pure.
namespace altlas::config {

// An IP address or "localhost".
std::string CheckAddress(std::string_view text);
// A path on the server that no other route uses.
std::string CheckEndpoint(std::string_view text);
// "*", or scheme://host[:port].
std::string CheckOrigin(std::string_view text);
// What may stand in a request and in a URL.
std::string CheckModelName(std::string_view text);

}  // namespace altlas::config
