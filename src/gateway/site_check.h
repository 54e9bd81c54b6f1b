// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>

#include "base/result.h"
#include "net/http.h"

namespace altlas::gateway {

// For requests that no key is asked for: whether it may be a page in somebody's browser that asks, which any
// site could make it do. kDenied for a Host that is a name other than localhost (a site may point its own
// name here) and for an Origin that is neither this Host nor among `origins` (server.cors.allowed_origins;
// "*" is any). Programs send no Origin and pass. Pure.
Status CheckSite(const net::Request& request, std::span<const std::string> origins);

}  // namespace altlas::gateway
