// SPDX-License-Identifier: Apache-2.0
#include "profile/gate_files.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/json_writer.h"
#include "profile/gate_figures.h"
#include "profile/redact.h"

namespace altlas::profile {
namespace {

using GateJson = nlohmann::json;

constexpr std::size_t kMostBaselineBytes = std::size_t{64} << 20;
constexpr std::size_t kMostRunBytes = std::size_t{256} << 20;
// Of all sessions: the gate looks at all pairs of runs.
constexpr std::size_t kMostRuns = 20'000;

Error WrongFile(std::string_view what) { return Fail(ErrorCode::kCorrupt, "{}", what); }

// Names seen twice in one object: of the values the parser keeps the last, another program the first.
class DuplicateNames {
 public:
  bool operator()(int, GateJson::parse_event_t event, GateJson& parsed) {
    if (event == GateJson::parse_event_t::object_start) {
      names_.emplace_back();
    } else if (event == GateJson::parse_event_t::object_end) {
      names_.pop_back();
    } else if (event == GateJson::parse_event_t::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!names_.back().insert(name).second && !first_) first_ = name;
    }
    return true;
  }
  const std::optional<std::string>& first() const { return first_; }

 private:
  std::vector<std::set<std::string>> names_;
  std::optional<std::string> first_;
};

Result<GateJson> ParseObject(std::string_view text) {
  // The parser takes a zero byte for the end and would read the file in part.
  if (text.find('\0') != std::string_view::npos) return WrongFile("this is not JSON (it holds a zero byte)");
  DuplicateNames duplicates;
  auto json = GateJson::parse(text, std::ref(duplicates), false);
  if (json.is_discarded()) return WrongFile("this is not JSON (cut short, or another kind of file)");
  if (!json.is_object()) return WrongFile("this is JSON but no object");
  if (duplicates.first())
    return WrongFile(fmt::format("\"{}\" stands twice in one object: which value counts is not known",
                                 *duplicates.first()));
  return json;
}

Status CheckFileSchema(const GateJson& json, std::string_view schema, std::int64_t version) {
  const auto named = json.find("schema");
  if (named == json.end() || !named->is_string() || named->get_ref<const std::string&>() != schema)
    return Fail(ErrorCode::kUnsupported, "\"schema\" is {}, \"{}\" is needed",
                named == json.end() ? "missing" : named->dump().substr(0, 80), schema);
  const auto number = json.find("schema_version");
  if (number == json.end() || !number->is_number_integer()) return WrongFile("\"schema_version\" is missing");
  if (*number < 1 || *number > version)
    return Fail(ErrorCode::kUnsupported,
                "its schema version is {} and this program reads up to {}: use a newer alt_las",
                number->dump(), version);
  return {};
}

std::optional<double> FiniteAt(const GateJson& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::string TextAt(const GateJson& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool FlagAt(const GateJson& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

const GateJson& ListAt(const GateJson& object, const char* key) {
  static const GateJson kEmpty = GateJson::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

// ---- baseline

void WriteOptional(JsonWriter& out, std::string_view key, const std::optional<double>& value) {
  if (value.has_value()) out.Key(key).Double(*value);
}

void WriteRunState(JsonWriter& out, const RunState& run) {
  out.BeginObject();
  if (!run.throttled.empty()) out.Key("throttled").String(run.throttled);
  if (!run.foreign_processes.empty()) out.Key("foreign_processes").String(run.foreign_processes);
  WriteOptional(out, "foreign_cpu", run.foreign_cpu);
  WriteOptional(out, "clock_mhz", run.clock_mhz);
  if (run.dropped_records > 0) out.Key("dropped_records").Unsigned(run.dropped_records);
  if (!run.incomplete.empty()) out.Key("incomplete").String(run.incomplete);
  out.EndObject();
}

void WriteColumn(JsonWriter& out, const MetricValues& metric) {
  out.BeginObject().Key("unit").String(metric.unit);
  if (metric.higher_is_better) out.Key("higher_is_better").Bool(true);
  WriteOptional(out, "share", metric.share);
  WriteOptional(out, "run_ms", metric.run_ms);
  out.Key("values").BeginArray();
  for (const double value : metric.values) out.Double(value);
  out.EndArray().EndObject();
}

void WriteSession(JsonWriter& out, const Session& session) {
  out.BeginObject();
  out.Key("recorded_at").String(session.recorded_at);
  out.Key("how").String(session.how);
  out.Key("runs").BeginArray();
  for (const auto& run : session.runs) WriteRunState(out, run);
  out.EndArray().Key("metrics").BeginObject();
  for (const auto& [name, metric] : session.metrics) {
    out.Key(name);
    WriteColumn(out, metric);
  }
  out.EndObject().EndObject();
}

RunState ReadRunState(const GateJson& json) {
  RunState run;
  run.throttled = TextAt(json, "throttled");
  run.foreign_processes = TextAt(json, "foreign_processes");
  run.foreign_cpu = FiniteAt(json, "foreign_cpu");
  run.clock_mhz = FiniteAt(json, "clock_mhz");
  run.incomplete = TextAt(json, "incomplete");
  run.dropped_records =
      static_cast<std::uint64_t>(std::clamp(FiniteAt(json, "dropped_records").value_or(0), 0.0, 1e18));
  return run;
}

Result<MetricValues> ReadColumn(const std::string& name, const GateJson& json, std::size_t runs) {
  if (!json.is_object()) return WrongFile(fmt::format("metric \"{}\" is no object", name));
  MetricValues metric;
  if (json.contains("unit")) metric.unit = TextAt(json, "unit");
  ALTLAS_TRY_VOID(CheckUnit(name, metric.unit));
  metric.higher_is_better = FlagAt(json, "higher_is_better");
  metric.share = FiniteAt(json, "share");
  metric.run_ms = FiniteAt(json, "run_ms");
  const auto& values = ListAt(json, "values");
  if (values.size() != runs)
    return WrongFile(
        fmt::format("metric \"{}\" has {} values and the session {} runs", name, values.size(), runs));
  for (const auto& value : values) {
    if (!value.is_number() && !value.is_null())
      return WrongFile(fmt::format("metric \"{}\" has a value that is no number", name));
    if (value.is_number()) ALTLAS_TRY_VOID(CheckFigure(name, name, value.get<double>()));
    metric.values.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  }
  return metric;
}

Result<Session> ReadSession(const GateJson& json) {
  if (!json.is_object()) return WrongFile("a session is no object");
  Session session;
  session.recorded_at = TextAt(json, "recorded_at");
  session.how = TextAt(json, "how");
  const auto& runs = ListAt(json, "runs");
  for (const auto& run : runs) {
    if (!run.is_object()) return WrongFile("a run is no object");
    session.runs.push_back(ReadRunState(run));
  }
  const auto metrics = json.find("metrics");
  if (metrics == json.end() || !metrics->is_object()) return WrongFile("a session has no \"metrics\"");
  for (const auto& [name, column] : metrics->items()) {
    ALTLAS_TRY(session.metrics[name], ReadColumn(name, column, session.runs.size()));
  }
  return session;
}

// ---- runs

Status AddHeadFigures(const GateJson& json, GateRun& run) {
  for (const auto& known : JudgedFigures()) {
    const auto value = FiniteAt(json, known.name);
    if (!value.has_value()) continue;
    ALTLAS_TRY_VOID(CheckFigure(known.name, known.name, *value));
    run.figures[known.name] = {*value, known.unit, known.higher_is_better, std::nullopt, std::nullopt};
  }
  return {};
}

Status AddParts(const GateJson& json, const char* list, const char* prefix, const char* key,
                const char* run_time, GateRun& run) {
  for (const auto& part : ListAt(json, list)) {
    if (!part.is_object()) continue;
    const auto name = TextAt(part, key);
    const auto median = FiniteAt(part, "median_ns");
    if (name.empty() || !median.has_value()) continue;
    ALTLAS_TRY_VOID(CheckFigure(prefix, prefix + name + " median_ns", *median));
    RunFigure figure;
    figure.value = *median / 1e6;
    figure.share = FiniteAt(part, "share");
    if (const auto total = FiniteAt(part, run_time); total.has_value()) figure.run_ms = *total / 1e6;
    // Ranges of two libraries may have one name.
    const auto domain = TextAt(part, "domain");
    run.figures[prefix + (domain.empty() ? name : domain + ":" + name)] = std::move(figure);
  }
  return {};
}

Status AddBench(const GateJson& json, GateRun& run) {
  static constexpr std::array<std::pair<std::string_view, double>, 4> kTimes = {
      {{"ms", 1}, {"s", 1e3}, {"us", 1e-3}, {"ns", 1e-6}}};
  for (const auto& metric : ListAt(json, "metrics")) {
    if (!metric.is_object() || FlagAt(metric, "is_estimate")) continue;
    const auto better = TextAt(metric, "better");
    const auto value = FiniteAt(metric, "value");
    if (!value.has_value() || (better != "lower" && better != "higher")) continue;
    RunFigure figure{*value, TextAt(metric, "unit"), better == "higher", std::nullopt, std::nullopt};
    for (const auto& [unit, in_ms] : kTimes) {
      if (figure.unit != unit) continue;
      figure.value *= in_ms;
      figure.unit = "ms";
      break;
    }
    const auto name = "bench:" + TextAt(metric, "name");
    ALTLAS_TRY_VOID(CheckFigure(name, name, figure.value));
    run.figures[name] = std::move(figure);
  }
  return {};
}

std::string JoinTexts(const std::set<std::string>& texts) {
  std::string joined;
  for (const auto& text : texts) joined += (joined.empty() ? "" : "; ") + text;
  return joined;
}

void AddEnvironmentFact(Environment& environment, const std::string& name,
                        const std::set<std::string>& texts) {
  if (auto joined = JoinTexts(texts); !joined.empty()) environment[name] = std::move(joined);
}

void ReadOrigin(const GateJson& json, RunFile& file) {
  std::set<std::string> schemas;
  std::set<std::string> tools;
  std::set<std::string> devices;
  for (const auto& source : ListAt(json, "sources")) {
    if (!source.is_object()) continue;
    const auto schema = TextAt(source, "format") + " " + TextAt(source, "schema");
    if (schema.size() > 1) schemas.insert(schema);
    if (auto tool = TextAt(source, "tool"); !tool.empty()) tools.insert(std::move(tool));
    file.run.state.dropped_records +=
        static_cast<std::uint64_t>(std::clamp(FiniteAt(source, "dropped_records").value_or(0), 0.0, 1e15));
  }
  for (const auto& device : ListAt(json, "devices"))
    if (device.is_object())
      if (auto name = TextAt(device, "name"); !name.empty()) devices.insert(std::move(name));
  // The first that says so: a sum over the part of a capture that is there is no measurement of the whole.
  for (const auto& warning : ListAt(json, "warnings"))
    if (warning.is_object() && TextAt(warning, "severity") == "error" && file.run.state.incomplete.empty())
      file.run.state.incomplete = RedactText(TextAt(warning, "text"));
  const std::string prefix(kCaptureFact);
  const auto environment = json.find("environment");
  if (environment != json.end() && environment->is_object())
    for (const auto& [name, value] : environment->items())
      if (value.is_string()) file.environment[prefix + name] = RedactValue(name, value.get<std::string>());
  AddEnvironmentFact(file.environment, "schema", schemas);
  AddEnvironmentFact(file.environment, "tool", tools);
  AddEnvironmentFact(file.environment, prefix + "devices", devices);
}

}  // namespace

std::string FormatBaseline(const Baseline& baseline) {
  JsonWriter out;
  out.BeginObject().Key("schema").String(kBaselineSchema).Key("schema_version").Int(kBaselineVersion);
  out.Key("environment").BeginObject();
  for (const auto& [name, value] : baseline.environment) out.Key(name).String(value);
  out.EndObject().Key("sessions").BeginArray();
  for (const auto& session : baseline.sessions) WriteSession(out, session);
  out.EndArray().EndObject();
  return out.Take() + "\n";
}

Result<Baseline> ParseBaseline(std::string_view text) {
  ALTLAS_TRY(const GateJson json, ParseObject(text));
  ALTLAS_TRY_VOID(CheckFileSchema(json, kBaselineSchema, kBaselineVersion));
  Baseline baseline;
  const auto environment = json.find("environment");
  if (environment != json.end() && environment->is_object())
    for (const auto& [name, value] : environment->items())
      if (value.is_string()) baseline.environment[name] = value.get<std::string>();
  std::size_t runs = 0;
  for (const auto& session : ListAt(json, "sessions")) {
    ALTLAS_TRY(auto read, ReadSession(session));
    runs += read.runs.size();
    if (runs > kMostRuns)
      return Fail(ErrorCode::kTooLarge, "its sessions have more than {} runs: record it anew (--replace)",
                  kMostRuns);
    baseline.sessions.push_back(std::move(read));
  }
  if (baseline.sessions.empty()) return WrongFile("it has no sessions");
  return baseline;
}

Result<Baseline> ReadBaseline(const std::filesystem::path& path) {
  ALTLAS_TRY(const std::string text, ReadFile(path, kMostBaselineBytes));
  return ParseBaseline(text).Context(path.string());
}

Result<RunFile> ParseRun(std::string_view text) {
  ALTLAS_TRY(const GateJson json, ParseObject(text));
  RunFile file;
  if (json.contains("schema")) {
    ALTLAS_TRY_VOID(CheckFileSchema(json, "altlas.profile_summary", 1));
  } else if (!FiniteAt(json, "avg_kernel_time").has_value()) {
    return WrongFile(
        "it has neither a \"schema\" nor a number \"avg_kernel_time\": alt_las profile analyze makes "
        "such a file of a capture");
  }
  ALTLAS_TRY_VOID(AddHeadFigures(json, file.run));
  ALTLAS_TRY_VOID(AddParts(json, "kernels", "kernel:", "full_name", "total_ns", file.run));
  ALTLAS_TRY_VOID(AddParts(json, "operators", "operator:", "name", "self_ns", file.run));
  ALTLAS_TRY_VOID(AddParts(json, "phases", "phase:", "name", "total_ns", file.run));
  ALTLAS_TRY_VOID(AddBench(json, file.run));
  ReadOrigin(json, file);
  if (file.run.figures.empty()) return WrongFile("the summary holds no figure that can be judged");
  return file;
}

Result<RunFile> ReadRun(const std::filesystem::path& path) {
  ALTLAS_TRY(const std::string text, ReadFile(path, kMostRunBytes));
  return ParseRun(text).Context(path.string());
}

}  // namespace altlas::profile
