// SPDX-License-Identifier: Apache-2.0
#include "tune/shell_lines.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdio>

#include "base/file.h"

namespace altlas::tune {
namespace {

std::string RunShell(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "no pipe";
  std::array<char, 4096> buffer;
  for (std::size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    text.append(buffer.data(), got);
  ::pclose(pipe);
  return text;
}

std::string Lines(Shell shell, std::vector<Variable> variables, bool permanent = false,
                  std::vector<std::string> comments = {}) {
  const auto text = FormatShellLines({shell, permanent}, comments, variables);
  EXPECT_TRUE(text.has_value()) << text.error().message;
  return text.value_or("");
}

const Variable kGuide{"PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True,max_split_size_mb:128"};

// TUN-1: the guide's own lines.
TEST(ShellLines, AreThoseOfTheGuide) {
  EXPECT_EQ(Lines(Shell::kPowerShell, {kGuide}),
            "$env:PYTORCH_CUDA_ALLOC_CONF = 'expandable_segments:True,max_split_size_mb:128'\n");
  EXPECT_EQ(Lines(Shell::kBash, {kGuide}),
            "export PYTORCH_CUDA_ALLOC_CONF='expandable_segments:True,max_split_size_mb:128'\n");
  EXPECT_EQ(Lines(Shell::kCmd, {kGuide}),
            "set \"PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True,max_split_size_mb:128\"\n");
  const auto python = Lines(Shell::kPython, {kGuide});
  EXPECT_NE(python.find("import os\nos.environ[\"PYTORCH_CUDA_ALLOC_CONF\"] = "
                        "\"expandable_segments:True,max_split_size_mb:128\"\n"),
            std::string::npos)
      << python;
}

TEST(ShellLines, PermanentOnesReachLaterSessions) {
  EXPECT_NE(Lines(Shell::kPowerShell, {kGuide}, true)
                .find("[Environment]::SetEnvironmentVariable('PYTORCH_CUDA_ALLOC_CONF', "
                      "'expandable_segments:True,max_split_size_mb:128', 'User')\n"),
            std::string::npos);
  EXPECT_NE(Lines(Shell::kCmd, {kGuide}, true).find("setx PYTORCH_CUDA_ALLOC_CONF \"expandable"),
            std::string::npos);
  EXPECT_EQ(FormatShellLines({Shell::kPython, true}, {}, std::vector{kGuide}).error().code,
            ErrorCode::kUnsupported);
  // Carried out by a real shell, with a home of its own; a later login shell has the variable.
  const TemporaryFolder home;
  ASSERT_TRUE(WriteFileAtomically(home.path() / "lines", Lines(Shell::kBash, {kGuide}, true)).has_value());
  const auto environment = "env -i PATH=/usr/bin:/bin HOME=" + home.path().string();
  EXPECT_EQ(RunShell(environment + " sh " + (home.path() / "lines").string()), "");
  EXPECT_EQ(RunShell(environment + " sh -c '. ~/.profile; printf %s \"$PYTORCH_CUDA_ALLOC_CONF\"'"),
            kGuide.value);
}

// Whatever the value holds, a real shell and a real Python see it as it is, and carry nothing out.
RC_GTEST_PROP(ShellLinesProperty, AValueIsAValue, ()) {
  const auto raw =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab:,_$`'\"\\ ;|&<>(){}[]*?!~#%^=\n")));
  const Variable variable{"ALTLAS_TEST", raw};
  const TemporaryFolder folder;
  const auto bash = FormatShellLines({Shell::kBash, false}, {}, std::vector{variable});
  RC_ASSERT(bash.has_value());
  const auto file = (folder.path() / "lines").string();
  RC_ASSERT(WriteFileAtomically(file, *bash + "printf %s \"$ALTLAS_TEST\"").has_value());
  RC_ASSERT(RunShell("sh " + file) == raw);
}

TEST(ShellLines, PythonReadsTheValueBack) {
  const Variable odd{"ALTLAS_TEST", "a'b\"c\\d$e`f\ng\th"};
  const TemporaryFolder folder;
  const auto file = (folder.path() / "lines.py").string();
  ASSERT_TRUE(
      WriteFileAtomically(file, Lines(Shell::kPython, {odd}) + "print(os.environ['ALTLAS_TEST'], end='')\n")
          .has_value());
  EXPECT_EQ(RunShell("python3 " + file), odd.value);
}

TEST(ShellLines, ACommentStaysAComment) {
  const auto text = Lines(Shell::kBash, {}, false, {"one\nrm -rf /\ttwo"});
  EXPECT_EQ(text, "# one rm -rf / two\n");
  EXPECT_EQ(Lines(Shell::kCmd, {}, false, {"why"}), "rem why\n");
}

TEST(ShellLines, WhatCmdCannotHoldIsRefused) {
  for (const char* value : {"a\"b", "%PATH%", "a^b", "a!b", "a\nb"})
    EXPECT_EQ(FormatShellLines({Shell::kCmd, false}, {}, std::vector{Variable{"X", value}}).error().code,
              ErrorCode::kUnsupported)
        << value;
}

TEST(ShellLines, NamesAreReadBack) {
  for (const auto shell : {Shell::kBash, Shell::kPowerShell, Shell::kPython, Shell::kCmd})
    EXPECT_EQ(*ParseShell(ShellName(shell)), shell);
  EXPECT_FALSE(ParseShell("fish").has_value());
}

}  // namespace
}  // namespace altlas::tune
