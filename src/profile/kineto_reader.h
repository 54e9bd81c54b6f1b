// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "profile/byte_source.h"
#include "profile/capture.h"

namespace altlas::profile {

// True where `head`, the first bytes of a file, expanded where they are gzip, can begin such a trace: { or [
// after white space. Any JSON does.
bool LooksLikeTrace(std::string_view head);

// Reads a trace in Chrome's Trace Event Format, as torch.profiler (Kineto) writes it and other tools do,
// plain or gzip, in one pass and bounded memory (json_stream.h; open begin/end pairs are kept, 100,000 at
// most). Known categories become kernels, copies, memsets, API calls, synchronisations, operators and
// allocations; any other complete, begin/end or instant event becomes a range whose domain is its category;
// counters become counters; flows and metadata are passed over. Kineto's GPU annotations get the thread
// `device << 24 | stream`.
// Times: `ts` and `dur` are microseconds with fractions (displayTimeUnit changes only what viewers show), a
// trace in nanoseconds is recognised and told in a note. Ns 0 is the start of the first event of the file;
// `start_unix_ns` is told where `baseTimeNanoseconds` or an absolute `ts` gives it.
// An event without a time, with a negative or impossible one, with a field twice, and an end without a
// beginning are counted in `bad_records` and left out.
// Errors: kNotFound, kInvalidArgument (no such trace), kCorrupt with the byte, kTooLarge (gzip that grows
// without bound), kCanceled (progress said so). A file that ends early is read up to there and noted, unless
// it holds no event. Blocks on the disk.
Result<CaptureInfo> ReadKineto(const std::filesystem::path& path, CaptureSink& sink,
                               const Progress& progress = {});
// The same from bytes (tests, fuzzers): `source` is read to its end.
Result<CaptureInfo> ReadKineto(ByteSource& source, CaptureSink& sink, const Progress& progress = {});

}  // namespace altlas::profile
