// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "profile/columns.h"
#include "profile/detail_sums.h"
#include "profile/intervals.h"
#include "profile/summary.h"
#include "profile/timing.h"

// How the analysis makes a summary of what it took in; private to it. Each Add... fills one part of the
// summary and reads what the ones before it left.
namespace altlas::profile {

struct SourceWork {
  Columns columns;
  std::vector<std::uint32_t> copy_calls;      // row in columns.api that asked for a copy, or kNoRow
  std::vector<std::uint32_t> device_of_lane;  // index into Work::devices
  // Rows of the kernels with a call, by thread and start of the call; where there are ranges or operators.
  std::vector<std::uint32_t> launches;
};

struct DeviceWork {
  std::string id;
  std::uint32_t source = 0;
  std::int32_t index = 0;
  std::vector<std::uint32_t> kernels;  // rows, by start
  std::vector<std::uint32_t> copies;   // rows, by start; memsets too
  IntervalSet copy;
  Interval window;
  Ns compute_ns = 0, busy_ns = 0;
};

struct Work {
  Names names;
  std::vector<SourceWork> sources;
  std::vector<DeviceWork> devices;
  DetailSums details;
};

Summary SummarizeWork(Work& work);

// One number for kernels whose names demangle alike; operators and phases in the order of their names.
void PrepareNames(Work& work);
// That, sorts the rows, joins work with its calls, and makes the devices.
void PrepareWork(Work& work);

void AddSources(const Work& work, Summary& summary);
void AddDevices(const Work& work, Summary& summary);
void AddKernels(const Work& work, Summary& summary);
void AddStreams(const Work& work, Summary& summary);
void AddCopies(const Work& work, Summary& summary);
void AddApi(const Work& work, Summary& summary);
void AddSyncs(const Work& work, Summary& summary);
// Returns the largest total of one device, absent where there are no allocations.
std::optional<std::uint64_t> AddAllocations(const Work& work, Summary& summary);
void AddCounters(const Work& work, Summary& summary);
void AddLaunch(const Work& work, Summary& summary);
void AddGaps(const Work& work, Summary& summary);
void AddPhases(const Work& work, Summary& summary);
// How many operators were called by none, and their time; that of each source goes into the summary's
// sources.
struct OutermostOperators {
  std::uint64_t count = 0;
  std::int64_t total_ns = 0;
};
OutermostOperators AddOperators(const Work& work, Summary& summary);
void AddHead(const Work& work, const OutermostOperators& outermost,
             std::optional<std::uint64_t> allocation_peak, Summary& summary);
// Reads the summary alone.
void AddFindings(Summary& summary);

// True for a call that copies or sets memory, one that waits, one of a library above CUDA ("cublasSgemm"),
// whose own calls are in the capture too.
bool IsCopyCall(std::string_view name);
bool IsSyncCall(std::string_view name);
bool IsLibraryCall(std::string_view name);
// True for a range (or, `is_operator`, an operator) that names the loading of data.
bool IsDataName(std::string_view name, bool is_operator);

// Rows by thread, then start, then the longer first: the order in which nested ones open.
std::vector<SpanRow> SpansByThread(const std::vector<SpanRow>& spans);

// The Timing of each number below `numbers`, with no more than the durations themselves beside the result.
// `each(take)` calls take(number, duration) for every event, and is called twice.
template <typename Each>
std::vector<Timing> TimingsByNumber(std::size_t numbers, Each each) {
  std::vector<std::size_t> begins(numbers + 1, 0);
  each([&](std::uint32_t number, std::int64_t) { ++begins[number + 1]; });
  for (std::size_t i = 0; i < numbers; ++i) begins[i + 1] += begins[i];
  std::vector<std::int64_t> durations(begins.back());
  auto ends = begins;
  each([&](std::uint32_t number, std::int64_t duration) { durations[ends[number]++] = duration; });
  std::vector<Timing> timings;
  timings.reserve(numbers);
  for (std::size_t i = 0; i < numbers; ++i)
    timings.push_back(TimingOf(std::span(durations).subspan(begins[i], begins[i + 1] - begins[i])));
  return timings;
}

// Sums under a pair of numbers.
struct PairSum {
  std::uint64_t count = 0;
  std::int64_t total_ns = 0;
};
using PairSums = std::unordered_map<std::uint64_t, PairSum>;
inline std::uint64_t PairKey(std::uint32_t a, std::uint32_t b) { return (std::uint64_t{a} << 32U) | b; }
inline void AddToPair(PairSums& sums, std::uint32_t a, std::uint32_t b, std::int64_t duration) {
  auto& sum = sums[PairKey(a, b)];
  ++sum.count;
  sum.total_ns = AddSaturated(sum.total_ns, duration);
}

// Largest total first; names decide between equal ones, so that the order is always the same.
template <typename T>
void SortByTotal(std::vector<T>& items, const std::string T::*name) {
  std::sort(items.begin(), items.end(), [name](const T& a, const T& b) {
    return a.timing.total_ns != b.timing.total_ns ? a.timing.total_ns > b.timing.total_ns : a.*name < b.*name;
  });
}

// The pieces of the time in which kernels of a device ran, in order: a set of them would take 16 bytes a
// kernel.
template <typename Take>
void EachComputePiece(const Columns& columns, const DeviceWork& device, Take take) {
  Interval piece;
  for (const auto row : device.kernels) {
    const auto& kernel = columns.kernels[row];
    const auto end = columns.EndOf(kernel);
    if (end <= kernel.start) continue;
    if (piece.end > piece.start && kernel.start <= piece.end) {
      piece.end = std::max(piece.end, end);
      continue;
    }
    if (piece.end > piece.start) take(piece);
    piece = {kernel.start, end};
  }
  if (piece.end > piece.start) take(piece);
}
// How long kernels of the device ran within the set.
Ns ComputeWithin(const Columns& columns, const DeviceWork& device, const IntervalSet& set);

inline double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace altlas::profile
