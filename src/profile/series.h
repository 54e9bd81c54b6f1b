// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "profile/capture.h"

// Values over time (memory taken, counters) thinned to what a chart can show.
namespace altlas::profile {

struct SeriesPoint {
  Ns at = 0;
  double value = 0;
  bool operator==(const SeriesPoint&) const = default;
};

// `points` sorted by time, thinned to at most 4 a bucket of equal length: the first, the last, the smallest
// and the largest of it, in their order. Keeps the first and the last of all, and every extreme.
std::vector<SeriesPoint> ThinSeries(const std::vector<SeriesPoint>& points, std::size_t buckets);

struct Series {
  enum class Kind : std::uint8_t { kAllocated, kReserved, kCounter };
  Kind kind = Kind::kCounter;
  std::uint32_t capture = 0;
  std::int32_t device = kNoDevice;
  std::string name;  // "device memory", a counter's name with its unit as a suffix
  double largest = 0;
  Ns largest_at = 0;
  std::vector<SeriesPoint> points;
  std::string note;  // what must be known to read it; empty: nothing
};

// Collects allocations and counters. The totals since the start in ALT_LAS's own captures
// (docs/formats/collector.md) become rates over at least 250 ms: cpu_seconds is cpu_cores, bytes read and
// written and switches are ..._per_second; told for less, they stay totals. A total that the
// capture does not tell is summed up from what was taken and given back, from the capture's start. Owns what
// it keeps: 16 bytes a record, up to `limit` records a series and 256 series. Not thread-safe.
class SeriesBuilder : public CaptureSink {
 public:
  explicit SeriesBuilder(std::size_t limit = 8'000'000) : limit_(limit) {}
  // For each capture: BeginCapture, its records, EndCapture.
  void BeginCapture(std::uint32_t capture) { capture_ = capture; }
  void EndCapture(const CaptureInfo& info);
  // Adds `shift` to the times of a capture's records. Before Build.
  void ShiftCapture(std::uint32_t capture, Ns shift);
  void OnAllocation(const AllocationEvent& event) override;
  void OnCounter(const CounterEvent& event) override;

  // All series in at most `buckets` * 4 points each. Call once.
  std::vector<Series> Build(std::size_t buckets);

 private:
  struct Key {
    Series::Kind kind;
    std::uint32_t capture;
    std::int32_t device;
    std::string name;
    bool summed;  // the points are differences
    auto operator<=>(const Key&) const = default;
  };
  void Add(const Key& key, Ns at, double value);

  std::size_t limit_;
  std::uint32_t capture_ = 0;
  std::set<std::uint32_t> own_captures_;
  std::map<std::uint32_t, Ns> shifts_;
  std::map<Key, std::vector<SeriesPoint>> series_;
};

}  // namespace altlas::profile
