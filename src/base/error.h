// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace altlas {

// What a caller can react to. A new code needs a caller that reacts to it; everything else is message text.
enum class ErrorCode {
  kInvalidArgument,  // the request itself is wrong: do not retry unchanged
  kUnauthenticated,  // no key, or one we do not know
  kDenied,           // the key is known and lacks the scope
  kNotFound,
  kConflict,     // the state does not allow it (already final, other body under the same idempotency key)
  kTooLarge,     // a documented limit on bytes or items
  kOverloaded,   // queue or rate limit full: retry later
  kStorageFull,  // the disk under the store is full
  kUnavailable,  // a peer, device or process is not there now
  kTimeout,
  kCanceled,     // by the user or by shutdown: a normal result
  kCorrupt,      // bytes that break their format
  kUnsupported,  // understood, and not offered here
  kInternal,
};

// The stable spelling used in JSON, on the wire and in the store, e.g. "invalid_argument".
std::string_view ErrorCodeName(ErrorCode code);
std::optional<ErrorCode> ParseErrorCode(std::string_view name);

// A failure as a value. `message` names the thing, the value found, the limit and the fix, as a sentence;
// `field` is the path of the input field at fault ("gpu_options.strategy"), empty where there is none.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string field = {};

  // The same error seen from one level up: "loading pool.yaml: <message>".
  Error Context(std::string_view where) const;
  bool operator==(const Error&) const = default;
};

}  // namespace altlas
