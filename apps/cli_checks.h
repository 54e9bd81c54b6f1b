// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <CLI/CLI.hpp>
#include <cmath>
#include <string>

// Checks of option values that the programs share.
namespace altlas::app {

// A finite number from `least` to `most`. (CLI::Range compares alone, which NaN passes.)
inline CLI::Validator Number(double least, double most) {
  const auto range = CLI::detail::to_string(least) + " to " + CLI::detail::to_string(most);
  return {[=](std::string& text) {
            double value = 0;
            const bool right = CLI::detail::lexical_cast(text, value) && std::isfinite(value) &&
                               value >= least && value <= most;
            return right ? std::string() : "found \"" + text + "\", allowed is a number from " + range;
          },
          range};
}

// An option that is given and empty is a script's unset variable more often than a wish for the default.
inline CLI::Validator NotEmpty() {
  return {[](std::string& text) {
            return text.empty() ? std::string("it is empty; give a value, or leave the option out")
                                : std::string();
          },
          ""};
}

}  // namespace altlas::app
