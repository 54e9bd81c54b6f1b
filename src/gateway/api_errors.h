// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>

#include "base/error.h"
#include "net/http.h"

namespace altlas::gateway {

// The one table from error codes to HTTP statuses (API-9). An Idempotency-Key that comes again with another
// body is 422.
int HttpStatus(const Error& error);

// Answers with {"error":{"code","message","field"}}; 401 gets WWW-Authenticate, 429 and 503 get Retry-After
// (at least 1 s).
void SendError(net::ResponseWriter& writer, const Error& error, double retry_after_seconds = 1);

// Answers one request with JSON, with the warnings about unknown fields in a header.
void SendJson(net::ResponseWriter& writer, int status, std::string_view json,
              const std::string& warning = {});

}  // namespace altlas::gateway
