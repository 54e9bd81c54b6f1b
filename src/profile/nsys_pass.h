// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "profile/capture.h"
#include "profile/nsys_names.h"
#include "profile/sqlite_file.h"

namespace altlas::profile {

// One reading of one Nsight Systems export: what the readers of its tables share. Borrows everything.
class NsysPass {
 public:
  NsysPass(SqliteFile& file, NsysNames& names, const NsysEnums& enums, CaptureSink& sink, CaptureInfo& info,
           const Progress& progress)
      : file(file), names(names), enums(enums), sink(sink), info(info), progress_(progress) {}

  // Adds the table's rows to what the progress is told of.
  Status Expect(std::string_view table);
  // Visits a table's rows, if it is a real table with the first `required` of the columns; bad rows count.
  // Answers how many rows there were.
  Result<std::uint64_t> Each(std::string_view table, const std::vector<std::string>& columns,
                             std::size_t required, const SqliteFile::Visitor& visitor);
  void Note(CaptureNote::Severity severity, std::string text);
  bool KeepsGoing() { return !progress_ || progress_(std::min(done_, all_), all_); }

  SqliteFile& file;
  NsysNames& names;
  const NsysEnums& enums;
  CaptureSink& sink;
  CaptureInfo& info;

 private:
  const Progress& progress_;
  std::uint64_t done_ = 0;
  std::uint64_t all_ = 0;
};

// Both within kNsysMaxTime, the end not before the start.
bool IsGoodSpan(Ns start, Ns end);
bool IsGoodTime(Ns at);

// The parts of the reading; each says in `info.present` what it found.
Status ReadNsysInfo(NsysPass& pass);    // tool, schema, devices, duration, notes
Status ReadNsysDevice(NsysPass& pass);  // kernels, graphs, copies, memsets, allocations, metrics
Status ReadNsysHost(NsysPass& pass);    // API calls, syncs, ranges

}  // namespace altlas::profile
