// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tune/allocator.h"

// Environment variables as lines that a shell or a program understands. Pure.
namespace altlas::tune {

enum class Shell { kBash, kPowerShell, kPython, kCmd };
// "bash", "powershell", "python", "cmd".
std::string_view ShellName(Shell shell);
Result<Shell> ParseShell(std::string_view name);

struct ShellLines {
  Shell shell = Shell::kBash;
  bool permanent = false;  // for every later session of this user, not this one alone
};

// One `comments` line each as a comment of that language (control characters become spaces), then one line
// for each variable; values are quoted, so that nothing in them is carried out. kUnsupported: Python has no
// permanent form, a value has a character that cmd cannot hold in a variable.
Result<std::string> FormatShellLines(const ShellLines& how, std::span<const std::string> comments,
                                     std::span<const Variable> variables);

}  // namespace altlas::tune
