// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string_view>

#include "net/http_head.h"

// The part of http_head.h that reads a request's target. For the sources of net alone. Pure.
namespace altlas::net {

// A refusal of something in a head.
HttpRefusal BadHead(std::string_view message, int status = 400, ErrorCode code = ErrorCode::kInvalidArgument);

// Sets path and query from the target, whose characters are known to be allowed: origin-form, absolute-form
// of the head's own host, or "*" for OPTIONS. Reads method, target and host.
std::optional<HttpRefusal> SplitTarget(RequestHead& head);

}  // namespace altlas::net
