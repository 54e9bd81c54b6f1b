// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

namespace altlas::app {
namespace {

// The first error of standard output: the stream itself keeps only that there was one.
int output_error = 0;

void Remember() {
  if (output_error == 0) output_error = errno != 0 ? errno : EIO;
}

}  // namespace

void WriteOut(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) Remember();
}

void WriteNote(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

bool FlushOutput() {
  // The parser prints help and version by this stream.
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) Remember();
  return output_error == 0;
}

int FinishOutput(int code) {
  if (FlushOutput()) return code;
  Note("alt_las: standard output cannot be written: {}\n", std::strerror(output_error));
  return code == 0 ? 1 : code;
}

}  // namespace altlas::app
