// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "profile/capture.h"

// Reads the SQLite database that `nsys export --type sqlite` writes, of schema 2.9 and later: tables and
// columns are probed, never assumed, and a table that is missing or empty was not captured. One pass over
// each table in the order of its rows, no sorting, no joins; NVTX tables are read twice (domains first).
// Only real tables are read: a view or virtual table of a known name is refused, triggers never run.
//
// From which table comes what:
//   CUPTI_ACTIVITY_KIND_KERNEL -> OnKernel; _GRAPH_TRACE -> OnKernel (is_graph); _MEMCPY -> OnCopy; _MEMSET
//   -> OnMemset; _RUNTIME (both APIs), CUBLAS_EVENTS, CUDNN_EVENTS -> OnApi; _SYNCHRONIZATION -> OnSync;
//   CUDA_GPU_MEMORY_USAGE_EVENTS -> OnAllocation; NVTX_EVENTS -> OnRange; GPU_METRICS -> OnCounter.
// Operating system calls (OSRT_API), samples and scheduling are not read.
namespace altlas::profile {

inline constexpr std::size_t kNsysMaxNameBytes = 16 << 10;   // longer names are cut, with an ellipsis
inline constexpr std::size_t kNsysMaxValueBytes = 32 << 20;  // a row or string above it is a bad record
// Times beyond it (115 days from the session's start) are no measurements: bad records.
inline constexpr Ns kNsysMaxTime = 10'000'000'000'000'000;

// True where `head` begins as an SQLite database does.
bool LooksLikeSqlite(std::string_view head);

// Errors: kInvalidArgument (not SQLite, or SQLite that Nsight Systems did not write), kCorrupt (SQLite says
// so; nothing of such a file should be believed), kNotFound, kUnavailable, kCanceled. Records with an end
// before their start, values of a wrong type or out of range are counted in bad_records and left out; a
// record whose name is not in the file is kept, named kNsysUnnamed. Blocks on the disk; memory is bounded
// by some 100 MB whatever the file holds. The file is opened immutable: a `-wal` beside it is not looked at.
Result<CaptureInfo> ReadNsysSqlite(const std::filesystem::path& path, CaptureSink& sink,
                                   const Progress& progress = {});
inline constexpr std::string_view kNsysUnnamed = "(name not in the capture)";

}  // namespace altlas::profile
