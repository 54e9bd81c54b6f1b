// SPDX-License-Identifier: Apache-2.0
#include "gateway/api_errors.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/result.h"
#include "store/task_store.h"

namespace altlas::gateway {

int HttpStatus(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return error.field == store::kIdempotencyField ? 422 : 409;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kOverloaded:
      return 429;
    case ErrorCode::kStorageFull:
      return 507;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kTimeout:
      return 504;
    case ErrorCode::kCanceled:
      return 409;
    case ErrorCode::kUnsupported:
      return 501;
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

void SendError(net::ResponseWriter& writer, const Error& error, double retry_after_seconds) {
  const int status = HttpStatus(error);
  const auto retry = fmt::format("{:.0f}", std::ceil(std::max(1.0, retry_after_seconds)));
  std::vector<net::HeaderField> headers;
  if (status == 401) headers.push_back({"WWW-Authenticate", "Bearer"});
  if (status == 429 || status == 503) headers.push_back({"Retry-After", retry});
  writer.SendError(status, error, headers);
}

void SendJson(net::ResponseWriter& writer, int status, std::string_view json, const std::string& warning) {
  if (warning.empty()) return writer.SendJson(status, json);
  const net::HeaderField header{"Warning", warning};
  writer.Send({.status = status, .body = json, .headers = std::span(&header, 1)});
}

}  // namespace altlas::gateway
