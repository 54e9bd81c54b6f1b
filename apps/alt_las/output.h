// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

// What the commands print. Nothing here throws where a stream takes nothing: main asks at the end
// (FinishOutput), so that no command says "done" over output that was lost. Main thread only.
namespace altlas::app {

// To standard output, buffered.
void WriteOut(std::string_view text);
// To standard error; lost without a word where that takes nothing.
void WriteNote(std::string_view text);

template <typename... T>
void Say(fmt::format_string<T...> format, T&&... arguments) {
  WriteOut(fmt::format(format, std::forward<T>(arguments)...));
}
template <typename... T>
void Note(fmt::format_string<T...> format, T&&... arguments) {
  WriteNote(fmt::format(format, std::forward<T>(arguments)...));
}

// Whether a file can be written at `path` (empty: none is wanted), asked before minutes of work rather than
// after them. `option` is named in the error.
Status CheckOutput(std::string_view option, const std::string& path);

// Hands everything said so far to the system. False where standard output did not take all of it.
bool FlushOutput();
// The exit code of a command that ended with `code`: 1, and a sentence on standard error, where its output
// could not be written.
int FinishOutput(int code);

}  // namespace altlas::app
