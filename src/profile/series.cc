// SPDX-License-Identifier: Apache-2.0
#include "profile/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace altlas::profile {
namespace {

constexpr std::size_t kMostSeries = 256;
constexpr Ns kFarthestPoint = Ns{1} << 60;

// Where a sum fell below zero, what was given back had been taken before the capture began.
std::string SumUp(std::vector<SeriesPoint>& points) {
  double total = 0;
  double lowest = 0;
  for (auto& point : points) {
    total += point.value;
    point.value = total;
    lowest = std::min(lowest, total);
  }
  if (lowest >= 0) return {};
  for (auto& point : points) point.value -= lowest;
  return "Memory was given back that had been taken before the capture began: the curve starts at the least "
         "that this must have been.";
}

// The rates of ALT_LAS's own counters of what a command used since its start.
const std::map<std::string, const char*, std::less<>> kRateOfTotal = {
    {"cpu_seconds", "cpu_cores"},
    {"read_bytes", "read_bytes_per_second"},
    {"written_bytes", "written_bytes_per_second"},
    {"voluntary_switches", "voluntary_switches_per_second"},
    {"involuntary_switches", "involuntary_switches_per_second"},
};
constexpr Ns kRateWindow = 250'000'000;  // processor time is told in steps of 10 ms

// Makes a total that never falls. Switches are told of the threads that live: what an ended one made is taken
// as made. The other totals fall for one reading where a child ends between the reading of its parent and its
// own (`mends_dips`); what it used is told with its parent's the next time.
void KeepRises(std::vector<SeriesPoint>& points, bool mends_dips) {
  double lost = 0;
  double before = points.empty() ? 0 : points.front().value;  // as told
  for (std::size_t i = 1; i < points.size(); ++i) {
    auto told = points[i].value;
    if (mends_dips && told < before && i + 1 < points.size() && points[i + 1].value >= before) told = before;
    lost += std::max(0.0, before - told);
    before = told;
    points[i].value = told + lost;
  }
}

// A total that never falls becomes its rate, at the beginning of each stretch: one of at least kRateWindow,
// the last with what remains. False, and nothing changed, where there is no such stretch.
bool MakeRate(std::vector<SeriesPoint>& points) {
  if (points.empty()) return false;
  std::vector<SeriesPoint> ends = {points.front()};
  for (const auto& point : points)
    if (point.at - ends.back().at >= kRateWindow) ends.push_back(point);
  if (ends.size() < 2) return false;
  ends.back() = points.back();
  std::vector<SeriesPoint> rates;
  for (std::size_t i = 1; i < ends.size(); ++i) {
    const auto seconds = static_cast<double>(ends[i].at - ends[i - 1].at) / 1e9;
    rates.push_back({ends[i - 1].at, (ends[i].value - ends[i - 1].value) / seconds});
  }
  rates.push_back({ends.back().at, rates.back().value});
  points = std::move(rates);
  return true;
}

}  // namespace

std::vector<SeriesPoint> ThinSeries(const std::vector<SeriesPoint>& points, std::size_t buckets) {
  if (points.size() <= buckets * 4 || buckets == 0) return points;
  const double first = static_cast<double>(points.front().at);
  const double length =
      std::max(1.0, (static_cast<double>(points.back().at) - first) / static_cast<double>(buckets));
  const auto bucket_of = [&](const SeriesPoint& point) {
    return std::min(buckets - 1, static_cast<std::size_t>((static_cast<double>(point.at) - first) / length));
  };
  std::vector<SeriesPoint> kept;
  for (std::size_t from = 0; from < points.size();) {
    const std::size_t bucket = bucket_of(points[from]);
    std::size_t to = from;
    std::size_t least = from;
    std::size_t most = from;
    for (; to < points.size() && bucket_of(points[to]) == bucket; ++to) {
      if (points[to].value < points[least].value) least = to;
      if (points[to].value > points[most].value) most = to;
    }
    std::size_t picks[] = {from, std::min(least, most), std::max(least, most), to - 1};
    for (std::size_t at = 0; at < 4; ++at)
      if (at == 0 || picks[at] != picks[at - 1]) kept.push_back(points[picks[at]]);
    from = to;
  }
  return kept;
}

void SeriesBuilder::ShiftCapture(std::uint32_t capture, Ns shift) {
  shifts_[capture] = std::clamp(shift, -kFarthestPoint, kFarthestPoint);
}

void SeriesBuilder::EndCapture(const CaptureInfo& info) {
  if (info.format == CaptureFormat::kCollector) own_captures_.insert(capture_);
}

void SeriesBuilder::Add(const Key& key, Ns at, double value) {
  if (!std::isfinite(value)) return;
  auto found = series_.find(key);
  if (found == series_.end()) {
    if (series_.size() >= kMostSeries) return;
    found = series_.emplace(key, std::vector<SeriesPoint>()).first;
  }
  if (found->second.size() < limit_)
    found->second.push_back({std::clamp(at, -kFarthestPoint, kFarthestPoint), value});
}

void SeriesBuilder::OnAllocation(const AllocationEvent& event) {
  const bool device = event.device != kNoDevice;
  const auto name = event.kind == MemoryKind::kUnknown ? std::string(device ? "device memory" : "host memory")
                                                       : std::string(MemoryKindName(event.kind)) + " memory";
  const Key total{Series::Kind::kAllocated, capture_, event.device, name, false};
  // Where totals were told before, a total of zero is one: everything was given back.
  const bool told =
      event.allocated_total > 0 || event.reserved_total > 0 || (event.is_free && series_.contains(total));
  if (told) {
    Add(total, event.at, static_cast<double>(event.allocated_total));
  } else {
    const double bytes = static_cast<double>(event.bytes);
    Add({Series::Kind::kAllocated, capture_, event.device, name, true}, event.at,
        event.is_free ? -bytes : bytes);
  }
  if (event.reserved_total > 0) {
    Add({Series::Kind::kReserved, capture_, event.device, name, false}, event.at,
        static_cast<double>(event.reserved_total));
  }
}

void SeriesBuilder::OnCounter(const CounterEvent& event) {
  Add({Series::Kind::kCounter, capture_, event.device, std::string(event.name.substr(0, 128)), false},
      event.at, event.value);
}

std::vector<Series> SeriesBuilder::Build(std::size_t buckets) {
  std::vector<Series> all;
  for (auto& [key, points] : series_) {
    Series series;
    series.kind = key.kind;
    series.capture = key.capture;
    series.device = key.device;
    series.name = key.name;
    for (auto& point : points) point.at += shifts_[key.capture];
    std::stable_sort(points.begin(), points.end(),
                     [](const SeriesPoint& a, const SeriesPoint& b) { return a.at < b.at; });
    if (key.summed) series.note = SumUp(points);
    const bool is_full = points.size() >= limit_;
    const bool is_own =
        key.kind == Series::Kind::kCounter && key.device == kNoDevice && own_captures_.contains(key.capture);
    if (const auto rate = kRateOfTotal.find(key.name); is_own && rate != kRateOfTotal.end()) {
      KeepRises(points, !key.name.ends_with("_switches"));
      if (MakeRate(points)) series.name = rate->second;
    }
    if (is_full) {
      series.note += fmt::format("{}The curve shows the first {} records of it that the file holds.",
                                 series.note.empty() ? "" : " ", limit_);
    }
    const auto most = std::max_element(points.begin(), points.end(),
                                       [](const auto& a, const auto& b) { return a.value < b.value; });
    series.largest = most->value;
    series.largest_at = most->at;
    series.points = ThinSeries(points, buckets);
    points = {};
    all.push_back(std::move(series));
  }
  series_.clear();
  return all;
}

}  // namespace altlas::profile
