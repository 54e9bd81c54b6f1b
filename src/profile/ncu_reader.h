// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "profile/capture.h"
#include "profile/kernel_detail.h"

// Reads what `ncu --csv` prints: the details page (one metric a row) and the raw page (one launch a row,
// units in the second line), after any lines that the tool and the program printed before the header. Each
// launch becomes one OnKernelDetail, in the order of the file; rows of one launch stand together. Durations
// measured by Nsight Compute are taken under locked clocks and flushed caches and are no KernelEvents: they
// must not be mixed with those of a timeline.
namespace altlas::profile {

inline constexpr std::size_t kNcuMaxLineBytes = 4 << 20;
inline constexpr std::size_t kNcuMaxColumns = 16384;
inline constexpr std::size_t kNcuMaxMetricsOfLaunch = 16384;

// True where `head`, the first bytes of a file, holds the header line of an ncu CSV.
bool LooksLikeNcuCsv(std::string_view head);
// True where a line of the text is such a header.
bool HoldsNcuTable(std::string_view text);
// One line, without a byte order mark: the tool's own remark, a header, what may begin a record.
bool IsNcuRemark(std::string_view line);
bool IsNcuHeader(std::string_view line);
bool BeginsNcuRecord(std::string_view line);

// Errors: kInvalidArgument (no header), kTooLarge (a line, a quote that never closes, the columns or a launch
// past the limits above), kUnsupported (a summary over launches; numbers with decimal commas, which cannot be
// told from thousands), kCanceled. Rows that cannot be read are counted in bad_records. Blocks on the disk;
// holds one launch and one line at a time.
Result<CaptureInfo> ReadNcuCsv(const std::filesystem::path& path, CaptureSink& sink,
                               const Progress& progress = {});
// The same from memory.
Result<CaptureInfo> ReadNcuCsvText(std::string_view text, CaptureSink& sink);

}  // namespace altlas::profile
