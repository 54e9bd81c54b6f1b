// SPDX-License-Identifier: Apache-2.0
#include "profile/ncu_reader.h"

#include <algorithm>
#include <map>

#include "profile/csv_lines.h"
#include "profile/file_head.h"
#include "profile/ncu_table.h"
#include "profile/nsys_names.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxNcuNotes = 100;
constexpr std::uint64_t kLinesBetweenReports = 4096;

class NcuFile {
 public:
  NcuFile(ReadBytes read, CaptureSink& sink, std::function<bool()> keep_going)
      : lines_(std::move(read), kNcuMaxLineBytes), sink_(sink), keep_going_(std::move(keep_going)) {
    info_.format = CaptureFormat::kNcuCsv;
    info_.tool = "Nsight Compute";
  }

  Result<CaptureInfo> Run() {
    std::string line;
    for (;;) {
      ALTLAS_TRY(const bool more, lines_.Next(line));
      if (!more) break;
      if (lines_.lines() % kLinesBetweenReports == 0 && !keep_going_()) {
        return Fail(ErrorCode::kCanceled, "reading the CSV was stopped");
      }
      ALTLAS_TRY_VOID(OnLine(line));
    }
    Flush();
    if (!table_) return NoTable();
    if (bad_values_ > 0) {
      info_.notes.push_back({CaptureNote::Severity::kWarning,
                             fmt::format("{} rows hold values that are no number (nan, inf, foreign "
                                         "separators, out of range): those values are left out",
                                         bad_values_)});
    }
    info_.present.details = launches_ > 0;
    for (const auto& [index, capability] : devices_) {
      CaptureDevice device;
      device.index = index;
      device.compute_capability = capability;
      info_.devices.push_back(std::move(device));
    }
    return std::move(info_);
  }

 private:
  Status OnLine(std::string& line) {
    if (line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (line.starts_with("==")) {
      OnToolLine(line);
      return {};
    }
    if (IsNcuHeader(line)) return OnHeader(line);
    if (!table_ || !BeginsNcuRecord(line)) return {};
    std::vector<std::string> fields;
    CsvSplitter splitter(fields);
    for (std::size_t split = 0; !splitter.Add(std::string_view(line).substr(split));) {
      split = line.size();
      ALTLAS_TRY(const bool more, lines_.Continue(line));
      if (more) continue;
      ++info_.bad_records;  // the file ends within a quote
      return {};
    }
    return OnRecord(fields);
  }

  // "==WARNING== ...", "==ERROR== ...": the tool's own words; "==PROF==" only says what it does.
  void OnToolLine(std::string_view line) {
    const bool error = line.starts_with("==ERROR==");
    if ((!error && !line.starts_with("==WARNING==")) || info_.notes.size() >= kMaxNcuNotes) return;
    const std::size_t begin = std::min(line.find_first_not_of(' ', line.find("== ") + 2), line.size());
    info_.notes.push_back({error ? CaptureNote::Severity::kError : CaptureNote::Severity::kWarning,
                           CleanName(line.substr(begin, 1000))});
  }

  Status OnHeader(const std::string& line) {
    Flush();
    std::vector<std::string> fields;
    if (!SplitCsv(line, fields)) return {};
    if (fields.size() > kNcuMaxColumns) {
      return Fail(ErrorCode::kTooLarge, "line {}: {} columns, more than {}", lines_.lines(), fields.size(),
                  kNcuMaxColumns);
    }
    ALTLAS_TRY(table_, NcuTable::Create(fields));
    return {};
  }

  Status OnRecord(const std::vector<std::string>& fields) {
    if (table_->TakeUnits(fields)) return {};
    KernelDetail launch;
    if (!table_->ReadLaunch(fields, launch)) {
      ++info_.bad_records;
      return {};
    }
    if (!open_ || open_->id != launch.id || open_->process != launch.process) {
      Flush();
      open_ = std::move(launch);
    }
    ALTLAS_TRY(const bool good, table_->ReadValues(fields, *open_));
    if (!good) {
      ++info_.bad_records;
      ++bad_values_;
    }
    if (open_->metrics.size() > kNcuMaxMetricsOfLaunch || open_->rules.size() > kNcuMaxMetricsOfLaunch) {
      return Fail(ErrorCode::kTooLarge, "line {}: launch {} has more than {} values", lines_.lines(),
                  open_->id, kNcuMaxMetricsOfLaunch);
    }
    return {};
  }

  void Flush() {
    if (!open_) return;
    if (devices_.size() < 1024) devices_.emplace(open_->device, open_->compute_capability);
    ++launches_;
    sink_.OnKernelDetail(*open_);
    open_.reset();
  }

  Error NoTable() const {
    std::string said;
    for (const auto& note : info_.notes) said += (said.empty() ? " Nsight Compute says: " : " ") + note.text;
    return Fail(ErrorCode::kInvalidArgument,
                "there is no table of Nsight Compute in it (no line begins with \"ID\" and names the "
                "kernels).{} Write "
                "one with `ncu --import FILE.ncu-rep --csv --page raw`",
                said);
  }

  LineReader lines_;
  CaptureSink& sink_;
  std::function<bool()> keep_going_;
  CaptureInfo info_;
  std::optional<NcuTable> table_;
  std::optional<KernelDetail> open_;
  std::uint64_t launches_ = 0;
  std::uint64_t bad_values_ = 0;
  std::map<std::int32_t, std::optional<double>> devices_;
};

}  // namespace

bool IsNcuRemark(std::string_view line) {
  return line.starts_with("==PROF==") || line.starts_with("==ERROR==") || line.starts_with("==WARNING==");
}

bool IsNcuHeader(std::string_view line) {
  return line.find("Kernel Name") != std::string_view::npos &&
         (line.starts_with("\"ID\"") || line.starts_with("ID,") || line.starts_with("ID;") ||
          line.find("Metric Name") != std::string_view::npos);
}

// Records begin with the launch's number, in quotes or not; the units of a raw page with an empty field.
// Anything else is what the program printed.
bool BeginsNcuRecord(std::string_view line) {
  if (line.starts_with("\"\",") || line.starts_with(",")) return true;
  const std::size_t first = line.starts_with('"') ? 1 : 0;
  const std::size_t end = line.find_first_not_of("0123456789", first);
  if (end == first || end == std::string_view::npos) return false;
  return first == 1 ? line.substr(end, 2) == "\"," : line[end] == ',';
}

bool LooksLikeNcuCsv(std::string_view head) {
  for (std::size_t at = 0; at < head.size();) {
    auto line = head.substr(at, head.find('\n', at) - at);
    at += line.size() + 1;
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (IsNcuRemark(line) || IsNcuHeader(line)) return true;
  }
  return false;
}

bool HoldsNcuTable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if ((line.starts_with("\"ID\",") || line.starts_with("ID,")) && IsNcuHeader(line)) return true;
  }
  return false;
}

Result<CaptureInfo> ReadNcuCsv(const std::filesystem::path& path, CaptureSink& sink,
                               const Progress& progress) {
  ALTLAS_TRY(const auto file, FileBytes::Open(path));
  NcuFile reading([&](std::span<char> into) { return file->Read(into); }, sink,
                  [&] { return !progress || progress(file->done(), file->size()); });
  auto info = reading.Run().Context(path.string());
  if (info.has_value()) info->path = path.string();
  return info;
}

Result<CaptureInfo> ReadNcuCsvText(std::string_view text, CaptureSink& sink) {
  return NcuFile(ReadFrom(text), sink, [] { return true; }).Run();
}

}  // namespace altlas::profile
