// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "profile/capture.h"

namespace altlas::profile {

struct RedactReport {
  std::string format;                 // "sqlite", "json", "collector", "ncu csv", "text"
  std::uint64_t texts_changed = 0;    // values of which something was taken out
  std::uint64_t outputs_dropped = 0;  // pieces of the captured program's output
  std::uint64_t private_words = 0;    // secrets and names learnt from one place and taken out everywhere
  std::uint64_t rows_left_out = 0;    // rows larger than the reader's limit, records without sense
};

// Writes a copy of a capture without its secrets: variables by name and by shape, users, hosts, what the
// program printed. An SQLite export is written anew, table by table (no views, triggers, indices, free pages
// or comments come along); JSON and CSV keep their structure, also from gz (`out` is
// compressed where its name ends in .gz); a file of the built-in collector is written anew, plain; other text
// is taken line by line. All figures stay: times, names of kernels and calls. Afterwards the copy is searched
// for everything that was taken out, and appears under `out` only if nothing is found. Errors: kConflict
// (`out` is there already), kInvalidArgument, kUnsupported (a format that cannot be rewritten, such as
// .nsys-rep), kTooLarge (text above 256 MiB), and the readers'. Blocks; two passes.
Result<RedactReport> RedactFile(const std::filesystem::path& in, const std::filesystem::path& out,
                                const Progress& progress = {});

}  // namespace altlas::profile
