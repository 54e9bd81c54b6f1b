// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace altlas {

// A T or an Error. Expected failures travel as values; exceptions never cross a module border.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  static constexpr bool kMovesQuietly = std::is_void_v<T> || std::is_nothrow_move_constructible_v<T>;

 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  Result(Base base) : Base(std::move(base)) {}                   // NOLINT: implicit on purpose
  Result(Error error) : Base(tl::unexpect, std::move(error)) {}  // NOLINT: implicit on purpose
  Result(const Result&) = default;
  Result& operator=(const Result&) = default;
  // tl::expected<void, E> does not say that moving it cannot throw, and a vector would copy instead.
  Result(Result&&) noexcept(kMovesQuietly) = default;
  Result& operator=(Result&&) noexcept(kMovesQuietly) = default;
  ~Result() = default;

  // The same result with `where` put before an error's message.
  Result Context(std::string_view where) && {
    if (this->has_value()) return std::move(*this);
    return Result(this->error().Context(where));
  }
};

using Status = Result<void>;

// Makes an Error from a format string: Fail(ErrorCode::kNotFound, "no task {}", id).
template <typename... Args>
Error Fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Error{code, fmt::format(format, std::forward<Args>(args)...)};
}
// The same, naming the input field at fault.
template <typename... Args>
Error FailField(std::string field, fmt::format_string<Args...> format, Args&&... args) {
  return Error{ErrorCode::kInvalidArgument, fmt::format(format, std::forward<Args>(args)...),
               std::move(field)};
}

namespace internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, const char* more);
}  // namespace internal

}  // namespace altlas

#define ALTLAS_CONCAT_INNER(a, b) a##b
#define ALTLAS_CONCAT(a, b) ALTLAS_CONCAT_INNER(a, b)

// ALTLAS_TRY(auto x, Expr()): x becomes the value, or the enclosing function returns the error.
#define ALTLAS_TRY(declaration, ...) \
  ALTLAS_TRY_INNER(ALTLAS_CONCAT(altlas_result_, __LINE__), declaration, __VA_ARGS__)
#define ALTLAS_TRY_INNER(name, declaration, ...)         \
  auto name = (__VA_ARGS__);                             \
  if (!name.has_value()) return std::move(name).error(); \
  declaration = std::move(*name)

// ALTLAS_TRY_VOID(Expr()): the enclosing function returns the error, if there is one.
#define ALTLAS_TRY_VOID(...)                                                 \
  do {                                                                       \
    auto altlas_status = (__VA_ARGS__);                                      \
    if (!altlas_status.has_value()) return std::move(altlas_status).error(); \
  } while (false)

// A broken invariant: a bug of ours, never reachable from input. Says where and aborts.
#define ALTLAS_CHECK(condition, ...)                                                                   \
  do {                                                                                                 \
    if (!(condition)) ::altlas::internal::CheckFailed(__FILE__, __LINE__, #condition, "" __VA_ARGS__); \
  } while (false)
