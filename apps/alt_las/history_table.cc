// SPDX-License-Identifier: Apache-2.0
#include "history_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "tables.h"

namespace altlas::app {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kTrendCells = 48;

std::string TimeText(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", seconds * 1e3);
  return fmt::format("{:.1f} us", seconds * 1e6);
}
std::string TimeText(const std::optional<double>& seconds) { return seconds ? TimeText(*seconds) : "-"; }

std::optional<double> OptionalNumber(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

HistoryMeasure MeasureFrom(const Json& json) {
  HistoryMeasure measure;
  measure.name = json.at("measure").get<std::string>();
  measure.seconds = json.at("seconds").get<double>();
  measure.count = json.at("count").get<std::int64_t>();
  measure.normal = OptionalNumber(json, "normal");
  measure.spread = OptionalNumber(json, "spread");
  measure.samples = json.at("samples").get<std::int64_t>();
  measure.anomaly = json.at("anomaly").get<bool>();
  return measure;
}

HistorySample SampleFrom(const Json& json) {
  HistorySample sample;
  sample.at = json.at("at").get<std::string>();
  sample.device = json.at("device").get<std::string>();
  sample.model = json.at("model").get<std::string>();
  sample.seconds = json.at("seconds").get<double>();
  sample.requests = json.at("requests").get<std::int64_t>();
  sample.prompt_tokens = json.at("prompt_tokens").get<std::int64_t>();
  sample.generated_tokens = json.at("generated_tokens").get<std::int64_t>();
  sample.memory_peak = json.at("memory_peak").get<std::int64_t>();
  sample.anomaly = json.at("anomaly").get<bool>();
  sample.why = json.at("why").get<std::string>();
  for (const auto& measure : json.at("measures")) sample.measures.push_back(MeasureFrom(measure));
  return sample;
}

const HistoryMeasure* Find(const HistorySample& sample, std::string_view name) {
  for (const auto& measure : sample.measures) {
    if (measure.name == name) return &measure;
  }
  return nullptr;
}

// The measure in most samples; of equals the one of most steps.
std::string MainMeasure(const std::vector<const HistorySample*>& samples) {
  std::map<std::string, std::pair<std::size_t, std::int64_t>> found;
  for (const auto* sample : samples) {
    for (const auto& measure : sample->measures) {
      auto& [times, steps] = found[measure.name];
      ++times;
      steps += measure.count;
    }
  }
  const auto best = std::max_element(found.begin(), found.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == found.end() ? "" : best->first;
}

void AddTrend(const std::vector<const HistorySample*>& newest_first,
              std::vector<std::vector<std::string>>& rows) {
  const auto main = MainMeasure(newest_first);
  std::vector<double> values;
  std::vector<bool> marked;
  const HistoryMeasure* newest = nullptr;
  std::size_t anomalies = 0;
  for (auto sample = newest_first.rbegin(); sample != newest_first.rend(); ++sample) {
    anomalies += (*sample)->anomaly ? 1 : 0;
    const auto* measure = Find(**sample, main);
    if (measure == nullptr) continue;
    newest = measure;
    values.push_back(measure->seconds);
    marked.push_back(measure->anomaly);
  }
  const auto& first = *newest_first.front();
  rows.push_back({first.model, first.device, main.empty() ? "-" : main, std::to_string(newest_first.size()),
                  newest == nullptr ? "-" : TimeText(newest->normal),
                  newest == nullptr ? "-" : TimeText(newest->seconds), std::to_string(anomalies),
                  Sparkline(values, kTrendCells)});
  std::string marks;
  for (std::size_t i = marked.size() - std::min(marked.size(), kTrendCells); i < marked.size(); ++i)
    marks += marked[i] ? "▲" : " ";
  if (std::find(marked.begin(), marked.end(), true) != marked.end())
    rows.push_back({"", "", "", "", "", "", "", marks});
}

// The measure to show of one sample: of most steps.
const HistoryMeasure* Foremost(const HistorySample& sample) {
  const HistoryMeasure* best = nullptr;
  for (const auto& measure : sample.measures) {
    if (best == nullptr || measure.anomaly > best->anomaly ||
        (measure.anomaly == best->anomaly && measure.count > best->count))
      best = &measure;
  }
  return best;
}

std::string CsvCell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

Result<std::int64_t> ReadHistoryPage(const std::string& json, std::vector<HistorySample>& samples) {
  try {
    const auto page = Json::parse(json);
    for (const auto& sample : page.at("samples")) samples.push_back(SampleFrom(sample));
    const auto& next = page.at("next_before");
    return next.is_null() ? std::int64_t{0} : next.get<std::int64_t>();
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "the server's answer is not a history: {}", error.what());
  }
}

Result<double> ParseAge(std::string_view text) {
  constexpr std::array<std::pair<char, double>, 4> kUnits = {
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86'400}}};
  double unit = 1;
  auto number = text;
  for (const auto& [letter, seconds] : kUnits) {
    if (text.empty() || text.back() != letter) continue;
    unit = seconds;
    number.remove_suffix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size() || !(value > 0 && value * unit <= 3e9))
    return Fail(ErrorCode::kInvalidArgument,
                "found \"{}\", allowed is a time above 0, such as 90s, 30m, 1h or 7d", text.substr(0, 64));
  return value * unit;
}

std::string Sparkline(const std::vector<double>& values, std::size_t most) {
  constexpr std::array<const char*, 8> kHeights = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const auto from = values.end() - static_cast<std::ptrdiff_t>(std::min(values.size(), most));
  if (from == values.end()) return "";
  const auto [least, greatest] = std::minmax_element(from, values.end());
  std::string line;
  for (auto value = from; value != values.end(); ++value) {
    const double share = *greatest > *least ? (*value - *least) / (*greatest - *least) : 0;
    line += kHeights[static_cast<std::size_t>(share * 7 + 0.5)];
  }
  return line;
}

std::string FormatHistory(const std::vector<HistorySample>& samples, std::size_t rows) {
  if (samples.empty()) return "no samples\n";
  std::map<std::pair<std::string, std::string>, std::vector<const HistorySample*>> groups;
  for (const auto& sample : samples) groups[{sample.model, sample.device}].push_back(&sample);
  std::vector<std::vector<std::string>> trends = {
      {"MODEL", "DEVICE", "MEASURE", "SAMPLES", "NORMAL", "NOW", "ANOMALIES", "TREND"}};
  for (const auto& [name, group] : groups) AddTrend(group, trends);
  std::vector<std::vector<std::string>> newest = {
      {"", "AT", "MODEL", "DEVICE", "REQUESTS", "TOKENS", "MEASURE", "TOOK", "NORMAL", "SPREAD"}};
  for (std::size_t i = 0; i < std::min(rows, samples.size()); ++i) {
    const auto& sample = samples[i];
    const auto* measure = Foremost(sample);
    newest.push_back(
        {sample.anomaly ? "!" : " ", sample.at, sample.model, sample.device, std::to_string(sample.requests),
         std::to_string(sample.prompt_tokens + sample.generated_tokens),
         measure == nullptr ? "-" : measure->name, measure == nullptr ? "-" : TimeText(measure->seconds),
         measure == nullptr ? "-" : TimeText(measure->normal),
         measure == nullptr ? "-" : TimeText(measure->spread)});
  }
  std::string out = FormatTable(std::move(trends)) + "\n" + FormatTable(std::move(newest));
  for (std::size_t i = 0; i < std::min(rows, samples.size()); ++i) {
    if (samples[i].anomaly) out += fmt::format("! {}: {}\n", samples[i].at, Printable(samples[i].why));
  }
  return out;
}

std::string FormatHistoryCsv(const std::vector<HistorySample>& samples) {
  std::string out =
      "at,device,model,sample_seconds,requests,prompt_tokens,generated_tokens,memory_peak_bytes,measure,"
      "seconds,"
      "steps,normal_seconds,spread_seconds,normal_samples,anomaly\n";
  for (auto sample = samples.rbegin(); sample != samples.rend(); ++sample) {
    for (const auto& measure : sample->measures) {
      out += fmt::format(
          "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", CsvCell(sample->at), CsvCell(sample->device),
          CsvCell(sample->model), sample->seconds, sample->requests, sample->prompt_tokens,
          sample->generated_tokens, sample->memory_peak, CsvCell(measure.name), measure.seconds,
          measure.count, measure.normal ? fmt::to_string(*measure.normal) : "",
          measure.spread ? fmt::to_string(*measure.spread) : "", measure.samples, measure.anomaly ? 1 : 0);
    }
  }
  return out;
}

}  // namespace altlas::app
