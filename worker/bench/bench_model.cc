// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/bench_model.h"

#include <algorithm>
#include <numeric>

#include "base/clock.h"
#include "base/random.h"
#include "worker/bench/bench_device.h"
#include "worker/bench/cpu_limits.h"
#include "worker/bench/named_shapes.h"
#include "worker/model/bert_model.h"
#include "worker/model/folder.h"
#include "worker/model/llama_model.h"

namespace altlas::bench {
namespace {

// Prompts of one step together at most, as a server cuts them: activations stay small.
constexpr std::int64_t kStepTokens = 4096;

template <typename Id>
std::vector<Id> RandomIds(std::int64_t count, std::int64_t vocabulary, std::uint64_t seed) {
  Random random(seed);
  std::vector<Id> ids(static_cast<std::size_t>(count));
  for (auto& id : ids) id = static_cast<Id>(random.Below(static_cast<std::uint64_t>(vocabulary)));
  return ids;
}

template <typename Info>
BenchModelFacts FactsFrom(const Info& info, bool is_random, bool generates) {
  BenchModelFacts facts;
  facts.name = info.name;
  facts.architecture = info.architecture;
  facts.dtype = model::DtypeName(info.dtype);
  facts.device = info.device;
  facts.is_random = is_random;
  facts.generates = generates;
  facts.parameters = info.parameter_count;
  facts.weight_bytes = info.weight_bytes;
  facts.context_length = info.context_length;
  return facts;
}

class WritingModel final : public BenchModel {
 public:
  WritingModel(std::unique_ptr<model::LanguageModel> model, model::KvCache cache, const Workload& workload,
               bool is_random)
      : model_(std::move(model)),
        cache_(std::move(cache)),
        workload_(workload),
        facts_(FactsFrom(model_->info(), is_random, true)),
        prompts_(RandomIds<std::int64_t>(workload.batch_size * workload.sequence_length,
                                         model_->info().vocab_size, workload.seed)) {}

  const BenchModelFacts& facts() const override { return facts_; }

  Result<RequestTimes> Run() override {
    const SystemClock clock;
    RequestTimes times;
    auto begin = clock.Now();
    ALTLAS_TRY(auto newest, ReadPrompts());
    auto end = clock.Now();
    times.first = Seconds(end - begin);
    for (std::int64_t token = 1; token < workload_.new_tokens; ++token) {
      begin = end;
      ALTLAS_TRY_VOID(WriteOne(token, newest));
      end = clock.Now();
      times.steps.push_back(Seconds(end - begin));
    }
    return times;
  }

 private:
  // The likeliest token after each prompt.
  Result<std::vector<std::int64_t>> ReadPrompts() {
    const std::int64_t length = workload_.sequence_length;
    const std::int64_t together = std::clamp<std::int64_t>(kStepTokens / length, 1, workload_.batch_size);
    std::vector<std::int64_t> newest;
    for (std::int64_t slot = 0; slot < workload_.batch_size; slot += together) {
      const std::int64_t count = std::min(together, workload_.batch_size - slot);
      step_.slices.clear();
      for (std::int64_t i = 0; i < count; ++i) step_.slices.push_back({slot + i, 0, length, true});
      const auto first = prompts_.begin() + slot * length;
      step_.tokens.assign(first, first + count * length);
      ALTLAS_TRY_VOID(Compute(newest));
    }
    return newest;
  }

  Status WriteOne(std::int64_t token, std::vector<std::int64_t>& newest) {
    step_.slices.clear();
    for (std::int64_t slot = 0; slot < workload_.batch_size; ++slot)
      step_.slices.push_back({slot, workload_.sequence_length + token - 1, 1, true});
    step_.tokens = newest;
    newest.clear();
    return Compute(newest);
  }

  Status Compute(std::vector<std::int64_t>& newest) {
    ALTLAS_TRY(const at::Tensor logits, model_->Forward(step_, cache_));
    const at::Tensor best = logits.narrow(0, 0, static_cast<std::int64_t>(step_.slices.size())).argmax(1);
    const auto* ids = best.data_ptr<std::int64_t>();
    newest.insert(newest.end(), ids, ids + best.numel());
    return {};
  }

  const std::unique_ptr<model::LanguageModel> model_;
  model::KvCache cache_;
  const Workload workload_;
  const BenchModelFacts facts_;
  const std::vector<std::int64_t> prompts_;
  model::StepBatch step_;
};

class VectorModel final : public BenchModel {
 public:
  VectorModel(std::unique_ptr<model::EmbeddingModel> model, const Workload& workload, bool is_random)
      : model_(std::move(model)),
        facts_(FactsFrom(model_->info(), is_random, false)),
        ids_(RandomIds<std::uint32_t>(workload.batch_size * workload.sequence_length,
                                      model_->info().vocab_size, workload.seed)) {
    const auto length = static_cast<std::size_t>(workload.sequence_length);
    for (std::size_t at = 0; at < ids_.size(); at += length)
      texts_.push_back(std::span<const std::uint32_t>(ids_).subspan(at, length));
  }

  const BenchModelFacts& facts() const override { return facts_; }

  Result<RequestTimes> Run() override {
    const SystemClock clock;
    const auto begin = clock.Now();
    ALTLAS_TRY_VOID(model_->Embed(texts_));
    return RequestTimes{Seconds(clock.Now() - begin), {}};
  }

 private:
  const std::unique_ptr<model::EmbeddingModel> model_;
  const BenchModelFacts facts_;
  const std::vector<std::uint32_t> ids_;
  std::vector<std::span<const std::uint32_t>> texts_;
};

struct Opening {
  const Workload& workload;
  ModelChoice choice;
  model::LoadOptions load;
  std::uint64_t free_bytes = 0;  // of the machine; a GPU's own memory answers for itself
};

std::uint64_t FreeBytes(const at::Device& device) {
  return device.is_cpu() ? AvailableMemory() : std::uint64_t{1} << 50U;
}

Status CheckShapeFits(const Opening& opening) {
  if (!opening.choice.shape) return {};
  const auto dtype = opening.load.dtype.value_or(at::kFloat);
  const double bytes =
      static_cast<double>(ParametersOf(*opening.choice.shape)) * static_cast<double>(c10::elementSize(dtype));
  return CheckWeights(opening.choice.shape->name, std::string(model::DtypeName(dtype)), bytes,
                      opening.free_bytes);
}

Result<std::unique_ptr<model::LlamaModel>> OpenLlama(const Opening& opening) {
  if (!opening.choice.shape) return model::LlamaModel::Load(opening.choice.folder, opening.load);
  const auto& config = std::get<model::LlamaConfig>(opening.choice.shape->config);
  const auto options = at::TensorOptions().dtype(*opening.load.dtype).device(opening.load.device);
  ALTLAS_TRY(auto weights, RandomLlama(config, opening.workload.seed, options));
  return std::make_unique<model::LlamaModel>(config, std::move(weights), opening.choice.shape->name);
}

Result<std::unique_ptr<BenchModel>> OpenWriting(const Opening& opening) {
  ALTLAS_TRY(auto llama, OpenLlama(opening));
  const Workload& workload = opening.workload;
  const auto& info = llama->info();
  const auto element = static_cast<std::int64_t>(c10::elementSize(info.dtype));
  const RequestShape shape{
      info.name, info.context_length, llama->config().hidden_size, llama->config().intermediate_size, element,
      true};
  ALTLAS_TRY_VOID(CheckWorkload(workload, shape, opening.free_bytes));
  const std::int64_t positions =
      workload.sequence_length + std::max<std::int64_t>(workload.new_tokens - 1, 0);
  ALTLAS_TRY(auto cache, model::KvCache::Create(info, workload.batch_size, positions,
                                                static_cast<std::int64_t>(opening.free_bytes)));
  return std::make_unique<WritingModel>(std::move(llama), std::move(cache), workload,
                                        opening.choice.shape.has_value());
}

Result<std::unique_ptr<model::BertModel>> OpenBert(const Opening& opening) {
  if (!opening.choice.shape) return model::BertModel::Load(opening.choice.folder, opening.load);
  auto named = opening.load;
  named.name = opening.choice.shape->name;
  return model::BertModel::Random(std::get<model::BertConfig>(opening.choice.shape->config),
                                  opening.workload.seed, named);
}

Result<std::unique_ptr<BenchModel>> OpenVectors(const Opening& opening) {
  ALTLAS_TRY(auto bert, OpenBert(opening));
  const auto& info = bert->info();
  const RequestShape shape{info.name,
                           info.context_length,
                           bert->config().hidden_size,
                           bert->config().intermediate_size,
                           static_cast<std::int64_t>(c10::elementSize(info.dtype)),
                           false};
  ALTLAS_TRY_VOID(CheckWorkload(opening.workload, shape, opening.free_bytes));
  return std::make_unique<VectorModel>(std::move(bert), opening.workload, opening.choice.shape.has_value());
}

Result<bool> Generates(const ModelChoice& choice) {
  if (choice.shape) return std::holds_alternative<model::LlamaConfig>(choice.shape->config);
  ALTLAS_TRY(const auto family, model::FamilyOf(choice.folder));
  return family == model::Family::kLlama;
}

}  // namespace

double RequestTimes::Total() const { return std::accumulate(steps.begin(), steps.end(), first); }

Result<std::unique_ptr<BenchModel>> OpenBenchModel(const Workload& workload) {
  Opening opening{workload, {}, {}, 0};
  ALTLAS_TRY(opening.choice, ChooseModel(workload.model));
  ALTLAS_TRY(opening.load.dtype, model::ParseDtype(workload.dtype));
  ALTLAS_TRY(opening.load.device, OpenDevice(workload.accelerator));
  opening.free_bytes = FreeBytes(opening.load.device);
  ALTLAS_TRY_VOID(CheckShapeFits(opening));
  ALTLAS_TRY(const bool generates, Generates(opening.choice));
  return generates ? OpenWriting(opening) : OpenVectors(opening);
}

}  // namespace altlas::bench
