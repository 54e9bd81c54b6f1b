// SPDX-License-Identifier: Apache-2.0
#include "gateway/predict_request.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json_writer.h"
#include "base/nearest.h"
#include "net/http.h"

namespace altlas::gateway {
namespace {

constexpr std::int64_t kMaxNewTokens = 32768;
constexpr std::int64_t kDefaultNewTokens = 128;
constexpr double kMaxTemperature = 5;
constexpr std::int64_t kMaxTopK = 1'000'000;
constexpr double kLeastTopP = 1e-6;
constexpr std::size_t kMaxStops = 16;
constexpr std::size_t kMaxStopBytes = 256;
constexpr std::int64_t kMaxMemory = std::int64_t{1} << 50;
constexpr double kMaxQueueTimeout = 30.0 * 24 * 3600;

std::string Join(std::span<const std::string> names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string DidYouMean(std::string_view text, std::span<const std::string> known) {
  const auto nearest = Nearest(text, known);
  return nearest.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", nearest);
}

const config::ModelConfig* FindModel(const RequestRules& rules, std::string_view name) {
  const auto found = std::find_if(rules.models.begin(), rules.models.end(),
                                  [&](const auto& model) { return model.name == name; });
  return found == rules.models.end() ? nullptr : &*found;
}

// A request that names a model and no type is of the model's.
std::string_view TypeWithout(const RequestRules& rules, const std::optional<std::string_view>& model) {
  const auto* named = model ? FindModel(rules, *model) : nullptr;
  return named != nullptr ? config::TypeOf(*named) : config::KnownTaskTypes().front();
}

void ReadType(ObjectReader& body, const RequestRules& rules, pool::NewTask& task) {
  const auto types = config::KnownTaskTypes();
  task.type = body.String("type").value_or(TypeWithout(rules, body.String("model")));
  if (std::find(types.begin(), types.end(), task.type) != types.end()) return;
  const std::vector<std::string> names(types.begin(), types.end());
  body.Complain("type", fmt::format("type \"{}\" is unknown{}; use one of {}", task.type.substr(0, 64),
                                    DidYouMean(task.type, names), Join(names)));
}

void ReadModel(ObjectReader& body, const RequestRules& rules, pool::NewTask& task) {
  const auto name = body.String("model");
  if (!name) {
    if (const auto* chosen = config::DefaultModel(rules.models, task.type)) task.model = chosen->name;
    return;
  }
  const auto* found = FindModel(rules, *name);
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const auto& model : rules.models) names.push_back(model.name);
    body.Complain("model",
                  fmt::format("model \"{}\" is not served here{}; GET /api/v1/models lists those that are",
                              name->substr(0, 64), DidYouMean(*name, names)),
                  ErrorCode::kNotFound);
    return;
  }
  if (config::TypeOf(*found) != task.type)
    body.Complain("model", fmt::format("model \"{}\" is of type {}, the request is of type {}", *name,
                                       config::TypeOf(*found), task.type));
  task.model = *name;
}

// The text as the worker gets it, or nothing.
std::optional<std::string_view> ReadText(ObjectReader& body, const RequestRules& rules,
                                         const std::string& type) {
  const auto text = body.String("text");
  const bool needed = type == "text_generation" || type == "embedding";
  if (!text) {
    if (needed)
      body.Complain("text",
                    fmt::format("{} is missing; a type {} request needs a text", body.PathOf("text"), type));
    return std::nullopt;
  }
  if (needed && text->empty())
    body.Complain("text", fmt::format("{} is empty; at least one character is needed", body.PathOf("text")));
  if (text->size() > rules.text_bytes)
    body.Complain("text",
                  fmt::format("{} has {} bytes; the limit is {} (server.limits.text_bytes)",
                              body.PathOf("text"), text->size(), rules.text_bytes),
                  ErrorCode::kTooLarge);
  return text;
}

void ReadStops(ObjectReader& body, JsonWriter& out) {
  out.Key("stop").BeginArray();
  for (const auto stop : body.StringOrList("stop", kMaxStops).value_or(std::vector<std::string_view>())) {
    if (stop.empty() || stop.size() > kMaxStopBytes)
      body.Complain("stop", fmt::format("{} holds a string of {} bytes; 1 to {} are allowed",
                                        body.PathOf("stop"), stop.size(), kMaxStopBytes));
    out.String(stop);
  }
  out.EndArray();
}

struct Digits {
  explicit Digits(std::uint64_t value)
      : end(std::to_chars(text.data(), text.data() + text.size(), value).ptr) {}
  std::string_view view() const { return {text.data(), static_cast<std::size_t>(end - text.data())}; }
  std::array<char, 20> text;
  const char* end;
};

// Everything about generated text; checked for every type, since clients send it along.
void WriteGeneration(ObjectReader& body, const std::function<std::uint64_t()>& draw_seed, JsonWriter& out,
                     pool::NewTask& task) {
  const auto max_length = body.Int("max_length", 1, kMaxNewTokens).value_or(kDefaultNewTokens);
  // Sampling that the request does not name is the model's own (generation_config.json), so it is left out.
  const auto number = [&](std::string_view key, double low, double high) {
    if (const auto value = body.Number(key, low, high)) out.Key(key).Double(*value);
  };
  number("temperature", 0, kMaxTemperature);
  if (const auto top_k = body.Int("top_k", 0, kMaxTopK)) out.Key("top_k").Int(*top_k);
  number("top_p", kLeastTopP, 1);
  number("min_p", 0, 1);
  number("repetition_penalty", 0.01, 10);
  ReadStops(body, out);
  const auto seed = body.Unsigned("seed");
  out.Key("seed").String(Digits(seed ? *seed : draw_seed()).view());
  // Last, where SizeHintOf finds it without parsing.
  out.Key("max_length").Int(max_length).EndObject();
  task.size_hint = static_cast<double>(max_length);
}

// An embedding has no words to sample: what was said of them is left out.
void WriteEmbedding(ObjectReader& body, JsonWriter& out) {
  const auto flag = [&](std::string_view key) {
    if (const auto value = body.Bool(key)) out.Key(key).Bool(*value);
  };
  flag("normalize");
  flag("truncate");
  out.EndObject();
}

// Reads everything of one task and writes the worker's request.
pool::NewTask ReadTask(ObjectReader& body, const RequestRules& rules,
                       const std::function<std::uint64_t()>& draw_seed) {
  pool::NewTask task;
  ReadType(body, rules, task);
  ReadModel(body, rules, task);
  const auto text = ReadText(body, rules, task.type);
  JsonWriter out;
  out.BeginObject();
  if (text) out.Key("text").String(*text);
  if (const auto image = body.String("image")) out.Key("image").String(*image);
  if (task.type == "embedding") {
    JsonWriter unused;
    unused.BeginObject();
    WriteGeneration(
        body, [] { return std::uint64_t{0}; }, unused, task);
    WriteEmbedding(body, out);
  } else {
    WriteGeneration(body, draw_seed, out, task);
  }
  task.request = out.text();  // a copy of the right size: it is kept for as long as the task
  if (task.type == "embedding") task.size_hint = pool::SizeHintOf(task.request);
  task.estimated_memory = static_cast<std::uint64_t>(body.Int("estimated_memory", 0, kMaxMemory).value_or(0));
  if (const auto priority = body.String("priority")) {
    if (priority->empty() || priority->size() > 64)
      body.Complain("priority", "priority needs 1 to 64 characters");
    task.priority = *priority;
  }
  if (const auto seconds = body.Number("queue_timeout", 0.001, kMaxQueueTimeout))
    task.timeout = FromSeconds(*seconds);
  return task;
}

std::optional<Strategy> ReadStrategy(ObjectReader& options) {
  const auto name = options.String("strategy");
  if (!name) return std::nullopt;
  auto strategy = ParseStrategy(*name);
  if (strategy.has_value()) return *strategy;
  options.Complain("strategy", strategy.error().message);
  return std::nullopt;
}

}  // namespace

Result<Parsed<PredictRequest>> ParsePredict(std::string_view text, std::size_t readable_after,
                                            const RequestRules& rules,
                                            const std::function<std::uint64_t()>& draw_seed) {
  ALTLAS_TRY(const auto document, JsonDocument::Parse(text, rules.json, readable_after));
  ALTLAS_TRY(auto body, ObjectReader::Root(document));
  Parsed<PredictRequest> parsed;
  parsed.value.task = ReadTask(body, rules, draw_seed);
  parsed.value.stream = body.Bool("stream").value_or(false);
  if (auto options = body.Object("gpu_options")) parsed.value.task.strategy = ReadStrategy(*options);
  ALTLAS_TRY(parsed.unknown, body.Finish());
  return parsed;
}

Result<Parsed<BatchRequest>> ParseBatch(std::string_view text, std::size_t readable_after,
                                        const RequestRules& rules, bool default_split,
                                        const std::function<std::uint64_t()>& draw_seed) {
  ALTLAS_TRY(const auto document, JsonDocument::Parse(text, rules.json, readable_after));
  ALTLAS_TRY(auto body, ObjectReader::Root(document));
  Parsed<BatchRequest> parsed;
  parsed.value.split = default_split;
  std::optional<Strategy> strategy;
  if (auto options = body.Object("gpu_options")) {
    strategy = ReadStrategy(*options);
    parsed.value.split = options->Bool("batch_split").value_or(default_split);
  }
  if (auto items = body.Objects("batch", rules.batch_items)) {
    if (items->empty()) body.Complain("batch", "batch is empty; at least one item is needed");
    for (auto& item : *items) {
      if (!item.ok()) break;
      auto task = ReadTask(item, rules, draw_seed);
      task.strategy = strategy;
      if (auto options = item.Object("gpu_options")) {
        if (const auto own = ReadStrategy(*options)) task.strategy = own;
      }
      parsed.value.tasks.push_back(std::move(task));
    }
  } else if (!body.Has("batch")) {
    body.Complain("batch", "batch is missing; a list of 1 or more requests is needed");
  }
  ALTLAS_TRY(parsed.unknown, body.Finish());
  return parsed;
}

Result<std::optional<double>> ParseWait(const std::optional<std::string>& text, double limit_seconds) {
  if (!text) return std::optional<double>();
  double seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc() || end != text->data() + text->size() || !(seconds >= 0) ||
      !(seconds <= limit_seconds))
    return FailField("wait", "wait is \"{}\"; a number of seconds from 0 to {} is needed",
                     text->substr(0, 64), limit_seconds);
  return std::optional<double>(seconds);
}

Result<bool> ParseFlag(std::string_view name, const std::optional<std::string>& text) {
  if (!text || net::EqualsIgnoreCase(*text, "false") || *text == "0") return false;
  if (net::EqualsIgnoreCase(*text, "true") || *text == "1") return true;
  return FailField(std::string(name), "{} is \"{}\"; true or false (or 1 or 0) is needed", name,
                   text->substr(0, 64));
}

}  // namespace altlas::gateway
