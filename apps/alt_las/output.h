// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// A file that a command was given, and the option (or word) it was given by.
struct NamedFile {
  std::string_view option;
  std::string path;  // empty: none was given
};

// Whether a file can be written at `path` (empty: none is wanted), asked before minutes of work rather than
// after them. `option` is named in the error. A symbolic link is asked for what it points to.
Status CheckOutput(std::string_view option, const std::string& path);
// That of each output, and that none of them is one of the inputs or another output: by device and inode, so
// through links too. Devices and pipes may be named several times.
Status CheckOutputs(const std::vector<NamedFile>& outputs, const std::vector<NamedFile>& inputs);

// Hands everything said so far to the system. False where standard output did not take all of it.
bool FlushOutput();
// The exit code of a command that ended with `code`: 1, and a sentence on standard error, where its output
// could not be written.
int FinishOutput(int code);

}  // namespace altlas::app
