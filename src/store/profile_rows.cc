// SPDX-License-Identifier: Apache-2.0
#include "store/profile_rows.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"

namespace altlas::store {
namespace {

constexpr std::uint8_t kMeasuresVersion = 1;
constexpr std::uint32_t kMostMeasureNameBytes = 512;

}  // namespace

Status CheckProfile(const ProfileRow& row) {
  if (row.device.empty() || row.model.empty())
    return Fail(ErrorCode::kInvalidArgument, "a sample names no {}", row.device.empty() ? "device" : "model");
  if (row.measures.size() > kMostProfileMeasures)
    return Fail(ErrorCode::kInvalidArgument, "a sample has {} measures, the limit is {}", row.measures.size(),
                kMostProfileMeasures);
  const auto finite = [](double value) { return std::isfinite(value); };
  bool all = finite(row.seconds) && finite(row.processor_seconds);
  for (const auto& measure : row.measures)
    all = all && finite(measure.seconds) && finite(measure.normal) && finite(measure.spread);
  if (!all) return Fail(ErrorCode::kInvalidArgument, "a figure of the sample is not finite");
  return {};
}

bool Matches(const ProfileFilter& filter, const ProfileRow& row) {
  if (filter.device && row.device != *filter.device) return false;
  if (filter.model && row.model != *filter.model) return false;
  return row.at_ms >= filter.from_ms && (row.anomaly || !filter.anomalies_only);
}

std::string FormatMeasures(const std::vector<ProfileMeasure>& measures) {
  ByteWriter out;
  out.Put(kMeasuresVersion);
  out.Put(static_cast<std::uint32_t>(measures.size()));
  for (const auto& measure : measures) {
    out.PutString(std::string_view(measure.name).substr(0, kMostMeasureNameBytes));
    out.Put(measure.seconds);
    out.Put(measure.count);
    out.Put(measure.normal);
    out.Put(measure.spread);
    out.Put(measure.samples);
    out.Put<std::uint8_t>(measure.anomaly ? 1 : 0);
  }
  return out.Take();
}

std::vector<ProfileMeasure> ParseMeasures(std::string_view bytes) {
  ByteReader in(AsBytes(bytes));
  if (in.Get<std::uint8_t>() != kMeasuresVersion) return {};
  const auto count = in.Get<std::uint32_t>();
  if (count > kMostProfileMeasures) return {};
  std::vector<ProfileMeasure> measures;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    auto& measure = measures.emplace_back();
    measure.name = in.GetString(kMostMeasureNameBytes);
    measure.seconds = in.Get<double>();
    measure.count = in.Get<std::int64_t>();
    measure.normal = in.Get<double>();
    measure.spread = in.Get<double>();
    measure.samples = in.Get<std::int64_t>();
    measure.anomaly = in.Get<std::uint8_t>() == 1;
  }
  return in.Finish().has_value() ? measures : std::vector<ProfileMeasure>();
}

void BindProfile(Statement& statement, const ProfileRow& row, const std::string& measures) {
  statement.BindNull(1).Bind(2, row.at_ms).BindText(3, row.device).BindText(4, row.model);
  statement.Bind(5, row.seconds).Bind(6, row.processor_seconds).Bind(7, row.requests);
  statement.Bind(8, row.prompt_tokens).Bind(9, row.generated_tokens).Bind(10, row.memory_peak_bytes);
  statement.Bind(11, std::int64_t{row.anomaly ? 1 : 0}).BindText(12, row.why);
  statement.BindBlob(13, measures).BindBlob(14, row.detail);
}

ProfileRow ReadProfile(const Statement& row) {
  ProfileRow read;
  read.id = row.Int(0);
  read.at_ms = row.Int(1);
  read.device = row.Text(2);
  read.model = row.Text(3);
  read.seconds = row.Double(4);
  read.processor_seconds = row.Double(5);
  read.requests = row.Int(6);
  read.prompt_tokens = row.Int(7);
  read.generated_tokens = row.Int(8);
  read.memory_peak_bytes = row.Int(9);
  read.anomaly = row.Int(10) != 0;
  read.why = row.Text(11);
  read.measures = ParseMeasures(row.Text(12));
  read.detail = row.Text(13);
  return read;
}

}  // namespace altlas::store
