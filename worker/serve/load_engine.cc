// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/load_engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>

#include "base/log.h"
#include "worker/model/embedding_model.h"
#include "worker/model/folder.h"
#include "worker/model/load.h"
#include "worker/serve/kv_plan.h"
#include "worker/serve/tokenizer_codec.h"
#include "worker/serve/torch_token_model.h"
#include "worker/serve/torch_vector_model.h"

namespace altlas::serve {
namespace {

// `Info` of a model: its name and vocab_size.
template <typename Info>
Result<std::unique_ptr<const text::Tokenizer>> LoadTokenizer(const LoadEngineOptions& options,
                                                             const Info& info) {
  ALTLAS_TRY(auto tokenizer, text::Tokenizer::Load(options.folder));
  for (const auto& warning : tokenizer->warnings()) {
    ALTLAS_WARN("worker", "tokenizer", {"model", info.name}, {"what", warning});
  }
  if (static_cast<std::int64_t>(tokenizer->id_limit()) > info.vocab_size) {
    ALTLAS_WARN("worker", "the tokenizer has ids that the model does not", {"model", info.name},
                {"tokenizer", tokenizer->id_limit()}, {"model_vocabulary", info.vocab_size});
  }
  return tokenizer;
}

Result<model::KvCache> MakeCache(const LoadEngineOptions& options, const model::LanguageModelInfo& info) {
  std::int64_t context = info.context_length;
  if (options.max_context > 0) context = std::min(context, options.max_context);
  const auto budget = static_cast<std::int64_t>(options.kv_budget_bytes != 0 ? options.kv_budget_bytes
                                                                             : MachineMemoryBytes() / 4);
  ALTLAS_TRY(const auto plan, PlanKvCache(info.kv_bytes_per_token, context, options.max_batch, budget));
  const auto level = plan.tokens_per_slot < context ? LogLevel::kWarn : LogLevel::kInfo;
  ALTLAS_LOG(level, "worker", "KV cache", {"model", info.name}, {"budget_bytes", budget},
             {"sequences", plan.slots}, {"tokens", plan.tokens_per_slot}, {"context", context});
  return model::KvCache::Create(info, plan.slots, plan.tokens_per_slot, budget);
}

wire::ModelReady Facts(const model::LanguageModelInfo& info, const model::KvCache& cache) {
  wire::ModelReady facts;
  facts.name = info.name;
  facts.family = info.architecture;
  facts.dtype = model::DtypeName(info.dtype);
  facts.kv_budget_bytes = static_cast<std::uint64_t>(cache.bytes());
  // On a CPU the cache takes memory as it fills (kv_cache.h).
  facts.memory_bytes =
      static_cast<std::uint64_t>(info.weight_bytes + (info.device.is_cpu() ? 0 : cache.bytes()));
  facts.parameters = static_cast<std::uint64_t>(info.parameter_count);
  facts.context_length = static_cast<std::uint32_t>(std::min(info.context_length, cache.max_tokens()));
  facts.vocabulary = static_cast<std::uint32_t>(info.vocab_size);
  return facts;
}

// One step on a processor stays well below a second; a GPU needs more to be busy.
constexpr std::int64_t kGpuStepTokens = 16'384;

Result<LoadedModel> LoadEmbedding(const LoadEngineOptions& options, const model::LoadOptions& load) {
  ALTLAS_TRY(auto model, model::LoadEmbeddingModel(options.folder, load));
  ALTLAS_TRY(auto tokenizer, LoadTokenizer(options, model->info()));
  const model::EmbeddingModelInfo info = model->info();
  LoadedModel loaded;
  loaded.facts.name = info.name;
  loaded.facts.family = info.architecture;
  loaded.facts.dtype = model::DtypeName(info.dtype);
  loaded.facts.memory_bytes = static_cast<std::uint64_t>(info.weight_bytes);
  loaded.facts.parameters = static_cast<std::uint64_t>(info.parameter_count);
  loaded.facts.vocabulary = static_cast<std::uint32_t>(info.vocab_size);
  auto adapter = std::make_unique<TorchVectorModel>(std::move(model), options.max_context);
  loaded.facts.context_length = static_cast<std::uint32_t>(adapter->info().context_length);
  EmbeddingEngineOptions engine;
  engine.phases = options.phases;
  if (!info.device.is_cpu()) engine.limits.step_tokens = kGpuStepTokens;
  ALTLAS_TRY(loaded.embedding,
             EmbeddingEngine::Create(std::move(adapter),
                                     std::make_unique<TokenizerPassages>(std::move(tokenizer)), engine));
  return loaded;
}

}  // namespace

Result<LoadedModel> LoadEngine(const LoadEngineOptions& options) {
  model::LoadOptions load;
  load.name = options.name;
  ALTLAS_TRY(load.device, OpenAccelerator(options.accelerator));
  ALTLAS_TRY(load.dtype, model::ParseDtype(options.dtype));
  ALTLAS_TRY(const auto family, model::FamilyOf(options.folder));
  if (family == model::Family::kBert) return LoadEmbedding(options, load);
  ALTLAS_TRY(auto model, model::LoadLanguageModel(options.folder, load));
  ALTLAS_TRY(auto tokenizer, LoadTokenizer(options, model->info()));
  auto codec = std::make_unique<TokenizerCodec>(std::move(tokenizer));
  ALTLAS_TRY(auto cache, MakeCache(options, model->info()));
  LoadedModel loaded;
  loaded.facts = Facts(model->info(), cache);
  const EngineOptions engine{
      .max_batch = options.max_batch, .limits = options.limits, .phases = options.phases};
  auto adapter = std::make_unique<TorchTokenModel>(std::move(model), std::move(cache));
  ALTLAS_TRY(loaded.engine, Engine::Create(std::move(adapter), std::move(codec), engine));
  return loaded;
}

void SetUpProcess() { at::set_num_interop_threads(1); }

void SetUpThread(std::uint32_t threads) {
  cpu_set_t allowed;
  int cores = 1;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) == 0) cores = std::max(1, CPU_COUNT(&allowed));
  at::set_num_threads(threads == 0 ? cores : static_cast<int>(std::min<std::uint32_t>(threads, 1024)));
}

}  // namespace altlas::serve
