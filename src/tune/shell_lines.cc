// SPDX-License-Identifier: Apache-2.0
#include "tune/shell_lines.h"

#include <algorithm>
#include <array>

#include "base/json_writer.h"

namespace altlas::tune {
namespace {

constexpr std::array kShellNames = {
    std::pair{Shell::kBash, "bash"},
    std::pair{Shell::kPowerShell, "powershell"},
    std::pair{Shell::kPython, "python"},
    std::pair{Shell::kCmd, "cmd"},
};

std::string Replaced(std::string_view text, char what, std::string_view by) {
  std::string out;
  for (const char c : text) {
    if (c == what) {
      out += by;
    } else {
      out += c;
    }
  }
  return out;
}

// In single quotes nothing is special but the quote itself.
std::string QuotedForBash(std::string_view text) { return "'" + Replaced(text, '\'', "'\\''") + "'"; }
std::string QuotedForPowerShell(std::string_view text) { return "'" + Replaced(text, '\'', "''") + "'"; }
// A string of JSON is one of Python.
std::string QuotedForPython(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

std::string Comment(Shell shell, std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return (shell == Shell::kCmd ? "rem " : "# ") + text + "\n";
}

std::string BashLine(const Variable& variable, bool permanent) {
  const auto line = fmt::format("export {}={}", variable.name, QuotedForBash(variable.value));
  if (!permanent) return line + "\n";
  return fmt::format("printf '%s\\n' {} >> ~/.profile\n", QuotedForBash(line));
}

std::string PowerShellLine(const Variable& variable, bool permanent) {
  const auto value = QuotedForPowerShell(variable.value);
  if (!permanent) return fmt::format("$env:{} = {}\n", variable.name, value);
  return fmt::format("[Environment]::SetEnvironmentVariable('{}', {}, 'User')\n", variable.name, value);
}

Result<std::string> CmdLine(const Variable& variable, bool permanent) {
  if (variable.value.find_first_of("\"%!^\r\n") != std::string::npos)
    return Fail(ErrorCode::kUnsupported,
                "the value of {} has a character that cmd treats as its own; use "
                "--shell powershell",
                variable.name);
  if (!permanent) return fmt::format("set \"{}={}\"\n", variable.name, variable.value);
  return fmt::format("setx {} \"{}\"\n", variable.name, variable.value);
}

Result<std::string> Line(const ShellLines& how, const Variable& variable) {
  switch (how.shell) {
    case Shell::kBash:
      return BashLine(variable, how.permanent);
    case Shell::kPowerShell:
      return PowerShellLine(variable, how.permanent);
    case Shell::kPython:
      return fmt::format("os.environ[{}] = {}\n", QuotedForPython(variable.name),
                         QuotedForPython(variable.value));
    case Shell::kCmd:
      return CmdLine(variable, how.permanent);
  }
  return Fail(ErrorCode::kInternal, "an unknown shell");
}

}  // namespace

std::string_view ShellName(Shell shell) {
  for (const auto& [value, name] : kShellNames) {
    if (value == shell) return name;
  }
  return "bash";
}

Result<Shell> ParseShell(std::string_view name) {
  for (const auto& [value, known] : kShellNames) {
    if (name == known) return value;
  }
  return Fail(ErrorCode::kInvalidArgument, "the shell \"{}\" is unknown; use bash, powershell, python or cmd",
              name.substr(0, 64));
}

Result<std::string> FormatShellLines(const ShellLines& how, std::span<const std::string> comments,
                                     std::span<const Variable> variables) {
  if (how.permanent && how.shell == Shell::kPython)
    return Fail(
        ErrorCode::kUnsupported,
        "Python has no permanent form of a variable; use --permanent with --shell bash, powershell or "
        "cmd, or put the lines before `import torch`");
  std::string text;
  for (const auto& comment : comments) text += Comment(how.shell, comment);
  if (how.permanent && how.shell != Shell::kPython && !variables.empty())
    text += Comment(how.shell, "for every later session of this user; open a new one to have it");
  if (how.shell == Shell::kPython && !variables.empty()) {
    text += Comment(how.shell, "before `import torch`, which reads it once");
    text += "import os\n";
  }
  for (const auto& variable : variables) {
    ALTLAS_TRY(const auto line, Line(how, variable));
    text += line;
  }
  return text;
}

}  // namespace altlas::tune
