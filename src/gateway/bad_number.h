// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace altlas::gateway {

// What to say of a JSON text that a parser refused, where a bare word of it is what is wrong:
// kInvalidArgument that names the field by its path, what stands there (its first bytes), what is allowed,
// and the fix. Finds the first number that is malformed or does not fit 64 bits, and words such as NaN;
// nothing where something else is wrong before, or `nesting` levels are passed. Time grows with the length of
// the text, which has to be valid UTF-8. Pure.
std::optional<Error> FindBadNumber(std::string_view text, std::size_t nesting);

}  // namespace altlas::gateway
