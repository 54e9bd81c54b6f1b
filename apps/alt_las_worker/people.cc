// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>

#include "base/json_writer.h"
#include "commands.h"
#include "text/tokenizer.h"
#include "watch.h"
#include "worker/serve/load_engine.h"
#include "worker/serve/request.h"

namespace altlas::worker_app {
namespace {

std::atomic<bool> interrupted{false};

int Complain(const Error& error) {
  fmt::print(stderr, "alt_las_worker: {}\n", error.message);
  return error.code == ErrorCode::kInvalidArgument ? kUsage : kFailed;
}

std::string AsRequestJson(const Arguments& arguments) {
  JsonWriter json;
  json.BeginObject();
  json.Key("text").String(arguments.prompt);
  json.Key("max_length").Int(arguments.max_length);
  if (arguments.temperature) json.Key("temperature").Double(*arguments.temperature);
  if (arguments.top_k) json.Key("top_k").Int(*arguments.top_k);
  if (arguments.top_p) json.Key("top_p").Double(*arguments.top_p);
  json.Key("seed").String(arguments.seed);
  json.EndObject();
  return json.Take();
}

Result<serve::LoadedModel> LoadFor(const Arguments& arguments, const std::string& folder, int max_batch,
                                   const Watch& watch) {
  serve::SetUpProcess();
  serve::SetUpThread(arguments.threads);
  serve::LoadEngineOptions options;
  ALTLAS_TRY(options.accelerator, serve::ParseAccelerator(arguments.accelerator));
  options.folder = folder;
  options.dtype = arguments.dtype;
  options.max_batch = max_batch;
  options.phases = watch.recorder.get();
  return serve::LoadEngine(options);
}

// For what writes text.
Result<serve::LoadedModel> LoadGenerating(const Arguments& arguments, const std::string& folder,
                                          int max_batch, const Watch& watch) {
  ALTLAS_TRY(auto loaded, LoadFor(arguments, folder, max_batch, watch));
  if (loaded.engine == nullptr)
    return Fail(ErrorCode::kUnsupported, "the model in {} embeds text and writes none: use --embed", folder);
  return loaded;
}

void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Runs the engine until the one job has ended, printing its text. The last event.
serve::EngineEvent PrintWhileRunning(serve::Engine& engine, const Clock& clock, TimePoint& first_token) {
  std::vector<serve::EngineEvent> events;
  serve::EngineEvent last;
  while (!engine.idle()) {
    if (interrupted) engine.Cancel(1);
    events.clear();
    engine.Step(events);
    for (auto& event : events) {
      if (event.token && event.index == 0) first_token = clock.Now();
      Print(event.text);
      last = std::move(event);
    }
  }
  return last;
}

Status RunGenerate(const Arguments& arguments) {
  const auto json = AsRequestJson(arguments);
  // Wrong options are told before a large model is read.
  ALTLAS_TRY_VOID(serve::ParseRequest("text_generation", json));
  const auto watch = StartWatch();
  ALTLAS_TRY(auto loaded, LoadGenerating(arguments, arguments.generate, 1, watch));
  ALTLAS_TRY(auto request,
             serve::ParseRequest("text_generation", json, loaded.engine->model_info().default_sampling));
  const SystemClock clock;
  const auto begin = clock.Now();
  serve::EngineJob job;
  job.id = 1;
  job.request = std::move(request);
  ALTLAS_TRY(auto prepared, loaded.engine->Prepare(std::move(job)));
  const auto prompt_tokens = prepared.prompt.size();
  ALTLAS_TRY_VOID(loaded.engine->Submit(std::move(prepared)));
  auto first_token = begin;
  const auto last = PrintWhileRunning(*loaded.engine, clock, first_token);
  Print("\n");
  const auto counters = loaded.engine->counters();
  const double after_first = Seconds(clock.Now() - first_token);
  const auto rate =
      counters.generated_tokens > 1 ? static_cast<double>(counters.generated_tokens - 1) / after_first : 0.0;
  fmt::print(stderr, "{} prompt tokens, {} new tokens; first token after {:.1f} ms, then {:.1f} tokens/s{}\n",
             prompt_tokens, counters.generated_tokens, 1e3 * Seconds(first_token - begin), rate,
             last.result.max_length_clipped ? "; max_length was clipped to the model's context" : "");
  if (last.kind == serve::EngineEvent::Kind::kFailed) return last.error;
  return {};
}

Status RunEmbed(const Arguments& arguments) {
  const auto watch = StartWatch();
  ALTLAS_TRY(auto loaded, LoadFor(arguments, arguments.embed, 1, watch));
  if (loaded.embedding == nullptr)
    return Fail(ErrorCode::kUnsupported, "the model in {} writes text and embeds none: use --generate",
                arguments.embed);
  serve::EngineJob job;
  job.id = 1;
  job.embedding = serve::EmbeddingRequest{arguments.prompt, {}, false};
  ALTLAS_TRY(auto prepared, loaded.embedding->Prepare(std::move(job)));
  ALTLAS_TRY_VOID(loaded.embedding->Submit(std::move(prepared)));
  std::vector<serve::EngineEvent> events;
  loaded.embedding->Step(events);
  for (const auto& event : events) {
    if (event.kind == serve::EngineEvent::Kind::kFailed) return event.error;
    Print(serve::FormatEmbedding(*event.embedding) + "\n");
  }
  return {};
}

Status RunTokenize(const Arguments& arguments) {
  ALTLAS_TRY(const auto tokenizer, text::Tokenizer::Load(arguments.tokenize));
  ALTLAS_TRY(const auto encoding, tokenizer->Encode(arguments.prompt, true));
  for (const auto id : encoding.ids) {
    std::string token;
    AppendJsonString(token, tokenizer->TokenOf(id).value_or(""));
    fmt::print("{:>8}  {}\n", id, token);
  }
  return {};
}

// Tokens per second of `streams` sequences that all generate from the first step to the last.
Result<double> TokensPerSecond(serve::Engine& engine, const serve::GenerationRequest& request,
                               std::uint64_t streams) {
  const SystemClock clock;
  for (std::uint64_t id = 1; id <= streams; ++id) {
    serve::EngineJob job;
    job.id = id;
    job.request = request;
    ALTLAS_TRY(auto prepared, engine.Prepare(std::move(job)));
    ALTLAS_TRY_VOID(engine.Submit(std::move(prepared)));
  }
  std::vector<serve::EngineEvent> events;
  engine.Step(events);  // the prompts
  const auto begin = clock.Now();
  const auto before = engine.counters().generated_tokens;
  while (!engine.idle()) {
    events.clear();
    engine.Step(events);
    for (const auto& event : events) {
      if (event.kind == serve::EngineEvent::Kind::kFailed) return event.error;
    }
  }
  return static_cast<double>(engine.counters().generated_tokens - before) / Seconds(clock.Now() - begin);
}

Status RunBench(const Arguments& arguments) {
  constexpr int kRounds = 3;
  const auto most = *std::max_element(arguments.streams.begin(), arguments.streams.end());
  const auto watch = StartWatch();
  ALTLAS_TRY(auto loaded, LoadGenerating(arguments, arguments.bench, static_cast<int>(most), watch));
  auto with_prompt = arguments;
  if (with_prompt.prompt.empty()) with_prompt.prompt = "Once upon a time";
  ALTLAS_TRY(auto request, serve::ParseRequest("text_generation", AsRequestJson(with_prompt)));
  request.ignore_end = true;
  JsonWriter json;
  json.BeginObject()
      .Key("model")
      .String(loaded.facts.name)
      .Key("parameters")
      .Unsigned(loaded.facts.parameters);
  json.Key("dtype")
      .String(loaded.facts.dtype)
      .Key("max_length")
      .Int(request.max_length)
      .Key("runs")
      .BeginArray();
  for (const auto streams : arguments.streams) {
    std::vector<double> rates;
    for (int round = 0; round < kRounds; ++round) {
      ALTLAS_TRY(const auto rate, TokensPerSecond(*loaded.engine, request, streams));
      rates.push_back(rate);
    }
    std::sort(rates.begin(), rates.end());
    json.BeginObject().Key("streams").Unsigned(streams).Key("tokens_per_second").Double(rates[kRounds / 2]);
    json.Key("lowest").Double(rates.front()).Key("highest").Double(rates.back()).EndObject();
  }
  json.EndArray().EndObject();
  fmt::print("{}\n", json.Take());
  return {};
}

int Finish(const Status& status) { return status.has_value() ? kDone : Complain(status.error()); }

}  // namespace

int Generate(const Arguments& arguments) {
  ::signal(SIGINT, [](int) { interrupted = true; });
  return Finish(RunGenerate(arguments));
}

int Embed(const Arguments& arguments) { return Finish(RunEmbed(arguments)); }

int Tokenize(const Arguments& arguments) { return Finish(RunTokenize(arguments)); }

int Bench(const Arguments& arguments) { return Finish(RunBench(arguments)); }

}  // namespace altlas::worker_app
