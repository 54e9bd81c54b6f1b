// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "profile/capture.h"

namespace altlas::profile {

struct RedactReport {
  std::string format;                 // "sqlite", "json", "collector", "ncu csv", "text"
  std::uint64_t texts_changed = 0;    // values of which something was taken out
  std::uint64_t outputs_dropped = 0;  // pieces of the captured program's output
  std::uint64_t private_words = 0;    // secrets and names learnt from one place and taken out everywhere
  std::uint64_t rows_left_out = 0;    // rows larger than the reader's limit, records without sense
  std::vector<std::string> notes;     // what the reader of the copy should know
};

// Writes a copy of a capture without its secrets: variables by name and by shape, users, hosts, what the
// program printed. An SQLite export is written anew, table by table (no views, triggers, indices, free pages
// or comments come along; what a -wal file beside it holds does not either, and the report's notes say so);
// JSON and CSV keep their structure, also from gz (`out` is compressed where its name ends in .gz); a file
// of the built-in collector is written anew, plain; other text is read whole.
// All figures stay. Names of kernels, operators and calls lose secrets alone (not users and hosts), words of
// the format nothing; names that become the same are numbered. Afterwards the copy's bytes are searched for
// every secret that was learnt (not for users, hosts, numbers and secrets under six bytes, which may be parts
// of other words), the copy is analyzed beside the original, and appears under `out` only if no secret is
// found and no figure differs. Errors: kConflict (`out` is there already; a figure would change, which the
// message names), kInvalidArgument, kUnsupported (a format that cannot be rewritten, such as .nsys-rep),
// kTooLarge (text above 256 MiB, more secrets than PrivateWords holds), kCanceled, and the readers'. Blocks;
// two passes and two analyses.
Result<RedactReport> RedactFile(const std::filesystem::path& in, const std::filesystem::path& out,
                                const Progress& progress = {});

}  // namespace altlas::profile
