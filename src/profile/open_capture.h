// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "profile/capture.h"

// Any capture file, told by its content and not by its name.
namespace altlas::profile {

// Runs a program found on PATH with its output thrown away and waits. What `nsys export` goes through; tests
// give their own. Implementations: RunProgram, fakes.
struct CommandRunner {
  // The full path of `program`, or empty where it is not on PATH.
  std::function<std::string(const std::string& program)> find;
  // Its exit code; an error where it could not be started.
  std::function<Result<int>(const std::vector<std::string>& arguments)> run;
};
CommandRunner SystemCommands();

// Reads a capture of a known format: Nsight Systems' SQLite export, its .nsys-rep (exported on the way, when
// nsys is there), a PyTorch trace (JSON, plain or gz), Nsight Compute's CSV, the collector's own file.
// Errors: kNotFound, kInvalidArgument (a folder, a pipe, an empty file, a format that is not known: the
// message says what was found and which formats are read), kUnavailable (a .nsys-rep and no nsys: the
// message says what to run where there is one), and those of the readers. Blocks.
Result<CaptureInfo> ReadCapture(const std::filesystem::path& path, CaptureSink& sink,
                                const Progress& progress = {});
Result<CaptureInfo> ReadCapture(const std::filesystem::path& path, CaptureSink& sink,
                                const Progress& progress, const CommandRunner& commands);

}  // namespace altlas::profile
