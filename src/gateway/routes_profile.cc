// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>

#include "gateway/gateway_impl.h"
#include "store/profile_store.h"

namespace altlas::gateway {
namespace {

constexpr std::int64_t kMaxProfilePage = 1000;
constexpr std::int64_t kDefaultProfilePage = 100;
constexpr double kLongestSince = 100.0 * 365 * 86'400;

template <typename T>
Result<T> ParseWithin(std::string_view name, std::string_view text, T low, T high, std::string_view what) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high))
    return FailField(std::string(name), "{} is \"{}\"; {} from {} to {} is needed", name, text.substr(0, 64),
                     what, low, high);
  return value;
}

Status ReadProfileFilter(const std::string& name, const std::string& value, WallMillis now,
                         store::ProfileFilter& filter) {
  if (name == "model") {
    filter.model = value;
  } else if (name == "device") {
    filter.device = value;
  } else if (name == "since") {
    ALTLAS_TRY(const auto seconds,
               ParseWithin<double>("since", value, 0.0, kLongestSince, "a number of seconds"));
    filter.from_ms = now - static_cast<std::int64_t>(seconds * 1e3);
  } else if (name == "limit") {
    ALTLAS_TRY(const auto limit, ParseWithin<std::int64_t>("limit", value, 1, kMaxProfilePage, "an integer"));
    filter.limit = static_cast<std::size_t>(limit);
  } else if (name == "before") {
    ALTLAS_TRY(filter.before, ParseWithin<std::int64_t>("before", value, 1, INT64_MAX, "an integer"));
  } else {
    return FailField(name.substr(0, 64),
                     "unknown parameter \"{}\"; use model, device, since, limit or before",
                     name.substr(0, 64));
  }
  return {};
}

void WriteMeasure(JsonWriter& out, const store::ProfileMeasure& measure) {
  const bool judged = measure.normal > 0;
  out.BeginObject().Key("measure").String(measure.name).Key("seconds").Double(measure.seconds);
  out.Key("count").Int(measure.count).Key("normal");
  judged ? out.Double(measure.normal) : out.Null();
  out.Key("spread");
  judged ? out.Double(measure.spread) : out.Null();
  out.Key("samples").Int(measure.samples).Key("anomaly").Bool(measure.anomaly).EndObject();
}

void WriteSample(JsonWriter& out, const store::ProfileRow& row) {
  out.BeginObject().Key("id").Int(row.id).Key("at").String(FormatTime(row.at_ms));
  out.Key("device").String(row.device).Key("model").String(row.model);
  out.Key("seconds").Double(row.seconds).Key("processor_seconds").Double(row.processor_seconds);
  out.Key("requests").Int(row.requests).Key("prompt_tokens").Int(row.prompt_tokens);
  out.Key("generated_tokens").Int(row.generated_tokens).Key("memory_peak").Int(row.memory_peak_bytes);
  out.Key("anomaly").Bool(row.anomaly).Key("why").String(row.why).Key("measures").BeginArray();
  for (const auto& measure : row.measures) WriteMeasure(out, measure);
  out.EndArray().Key("detail").Raw(row.detail.empty() ? std::string_view("{}")
                                                      : std::string_view(row.detail));
  out.EndObject();
}

}  // namespace

void Gateway::Impl::AddProfileRoutes() {
  const auto list = [this](bool anomalies) {
    return [this, anomalies](net::Request& request, const Writer& writer, const Principal&) {
      store::ProfileFilter filter;
      filter.limit = kDefaultProfilePage;
      filter.anomalies_only = anomalies;
      for (const auto& [name, value] : request.QueryPairs()) {
        if (auto status = ReadProfileFilter(name, value, deps_.clock.WallNow(), filter); !status.has_value())
          return SendError(*writer, status.error());
      }
      const auto page = deps_.store.profiles().ListProfiles(filter);
      if (!page.has_value()) return SendError(*writer, page.error());
      JsonWriter out;
      out.BeginObject().Key("samples").BeginArray();
      for (const auto& row : page->rows) WriteSample(out, row);
      out.EndArray().Key("next_before");
      page->next ? out.Int(*page->next) : out.Null();
      SendJson(*writer, 200, out.EndObject().text());
    };
  };
  Add("GET", "/api/v1/profile/history", store::Scope::kAdmin, list(false));
  Add("GET", "/api/v1/profile/anomalies", store::Scope::kAdmin, list(true));
}

}  // namespace altlas::gateway
