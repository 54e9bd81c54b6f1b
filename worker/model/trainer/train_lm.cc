// SPDX-License-Identifier: Apache-2.0
// alt_las_train_lm: trains a small Llama-family model from scratch on the CPU with the worker's own module.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numbers>
#include <numeric>
#include <thread>

#include "base/file.h"
#include "worker/model/llama_weights.h"
#include "worker/model/safetensors_write.h"
#include "worker/model/trainer/adamw.h"
#include "worker/model/trainer/batches.h"

namespace altlas::model {
namespace {

struct Plan {
  std::string tokens, output;
  LlamaConfig config;
  std::int64_t steps = 4000, batch_tokens = 2048, length = 256, long_every = 8, warmup = 200,
               checkpoint_every = 500;
  double learning_rate = 2e-3, final_rate = 1e-4;
  std::uint64_t seed = 1;
  int threads = 2;
};

double LearningRate(const Plan& plan, std::int64_t step) {
  if (step < plan.warmup)
    return plan.learning_rate * static_cast<double>(step + 1) / static_cast<double>(plan.warmup);
  const double done = static_cast<double>(step - plan.warmup) /
                      static_cast<double>(std::max<std::int64_t>(1, plan.steps - plan.warmup));
  return plan.final_rate +
         (plan.learning_rate - plan.final_rate) * 0.5 * (1 + std::cos(std::numbers::pi * done));
}

at::Tensor Loss(const Plan& plan, const LlamaWeights& weights, const Batches::Batch& batch) {
  const at::Tensor logits = LlamaForwardTrain(plan.config, weights, batch.inputs);
  return at::cross_entropy_loss(logits.view({-1, plan.config.vocab_size}), batch.targets.view({-1}));
}

double ValidationLoss(const Plan& plan, const LlamaWeights& weights, const Batches& batches,
                      std::int64_t length) {
  const at::NoGradGuard no_grad;
  double sum = 0;
  constexpr std::int64_t kRounds = 8;
  const std::int64_t rows = std::max<std::int64_t>(1, plan.batch_tokens / length);
  for (std::int64_t i = 0; i < kRounds; ++i) {
    sum += Loss(plan, weights, batches.Validation(i, rows, length)).item<double>();
  }
  return sum / kRounds;
}

Status Save(const Plan& plan, LlamaWeights& weights) {
  const at::NoGradGuard no_grad;
  const std::filesystem::path folder = plan.output;
  ALTLAS_TRY_VOID(MakeFolder(folder));
  std::vector<NamedTensor> tensors;
  for (const TensorPlace& place : LlamaTensorPlaces(plan.config, weights)) {
    tensors.push_back({place.name, place.target->narrow(0, place.row, place.shape[0]).to(plan.config.dtype)});
  }
  ALTLAS_TRY_VOID(WriteSafetensors(folder / "model.safetensors", tensors));
  ALTLAS_TRY_VOID(WriteFileAtomically(folder / "config.json", FormatLlamaConfig(plan.config)));
  return WriteFileAtomically(folder / "generation_config.json", FormatGenerationConfig(plan.config));
}

// One line that a terminal overwrites; a log gets every hundredth.
void ShowProgress(const Plan& plan, std::int64_t step, double loss, double rate, double norm,
                  double seconds) {
  static const bool terminal = isatty(1) != 0;
  if (!terminal && step % 100 != 0 && step != plan.steps) return;
  constexpr int kWidth = 30;
  const int filled = static_cast<int>(kWidth * step / plan.steps);
  const double each = seconds / static_cast<double>(step);
  std::printf("%s[%s%s] %lld/%lld loss %.4f rate %.2e norm %.2f %.0f tokens/s, %.0f s left%s",
              terminal ? "\r" : "", std::string(static_cast<std::size_t>(filled), '#').c_str(),
              std::string(static_cast<std::size_t>(kWidth - filled), '.').c_str(),
              static_cast<long long>(step), static_cast<long long>(plan.steps), loss, rate, norm,
              static_cast<double>(plan.batch_tokens) / each, each * static_cast<double>(plan.steps - step),
              terminal ? "  " : "\n");
  std::fflush(stdout);
}

// The same storage as leaves of their own, so that a thread's backward pass leaves its gradients apart.
LlamaWeights Leaves(const LlamaWeights& weights) {
  LlamaWeights own = weights;
  for (at::Tensor* one : own.Parameters()) *one = one->detach().requires_grad_(true);
  if (weights.head.is_same(weights.embedding)) own.head = own.embedding;
  return own;
}

// One thread a share of the rows, each with single-threaded operations: on shared cores far quicker than
// operations that wait for each other hundreds of times a step. The sum over shares has a fixed order, so a
// run repeats bit for bit.
class Shares {
 public:
  Shares(const Plan& plan, const LlamaWeights& weights) : plan_(plan) {
    for (int i = 0; i < plan.threads; ++i) replicas_.push_back(Leaves(weights));
  }

  // The mean loss; `gradients` gets the gradients of the mean.
  double Backward(const Batches::Batch& batch, std::vector<std::vector<float>>& gradients) {
    const std::int64_t rows = batch.inputs.size(0);
    const std::int64_t count = std::min<std::int64_t>(rows, plan_.threads);
    std::vector<double> losses(static_cast<std::size_t>(count));
    std::vector<std::thread> threads;
    for (std::int64_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        at::set_num_threads(1);
        const std::int64_t first = rows * i / count;
        const std::int64_t mine = rows * (i + 1) / count - first;
        const at::Tensor loss =
            Loss(plan_, replicas_[static_cast<std::size_t>(i)],
                 {batch.inputs.narrow(0, first, mine), batch.targets.narrow(0, first, mine)}) *
            (static_cast<double>(mine) / static_cast<double>(rows));
        loss.backward();
        losses[static_cast<std::size_t>(i)] = loss.item<double>();
      });
    }
    for (std::thread& thread : threads) thread.join();
    Collect(static_cast<std::size_t>(count), gradients);
    return std::accumulate(losses.begin(), losses.end(), 0.0);
  }

 private:
  void Collect(std::size_t count, std::vector<std::vector<float>>& gradients) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::vector<at::Tensor*> parameters = replicas_[i].Parameters();
      gradients.resize(parameters.size());
      for (std::size_t p = 0; p < parameters.size(); ++p) {
        const at::Tensor gradient = parameters[p]->grad().contiguous();
        const float* data = gradient.const_data_ptr<float>();
        if (i == 0) gradients[p].assign(data, data + gradient.numel());
        for (std::size_t k = 0; i > 0 && k < gradients[p].size(); ++k) gradients[p][k] += data[k];
        parameters[p]->mutable_grad().reset();
      }
    }
  }

  const Plan& plan_;
  std::vector<LlamaWeights> replicas_;
};

// Large tensors come and go each step: keep their memory instead of giving it back and zeroing it anew.
void KeepMemory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_ARENA_MAX, 1);
}

Status Train(const Plan& plan) {
  KeepMemory();
  at::set_num_threads(1);
  ALTLAS_TRY(const Batches batches, Batches::Open(plan.tokens, plan.config.vocab_size));
  LlamaWeights weights = AllocateLlama(plan.config, at::kFloat);
  InitialiseLlama(plan.config, plan.seed, weights);
  std::int64_t parameters = 0;
  for (const at::Tensor* one : weights.Parameters()) parameters += one->numel();
  std::printf("%lld parameters, %zu tokens in the corpus, %lld to see\n", static_cast<long long>(parameters),
              batches.tokens(), static_cast<long long>(plan.steps * plan.batch_tokens));
  AdamW optimizer(weights.Parameters(), {});
  Shares shares(plan, weights);
  std::vector<std::vector<float>> gradients;
  const auto begin = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  double smooth = 0;
  for (std::int64_t step = 0; step < plan.steps; ++step) {
    const bool long_one = plan.long_every > 0 && step % plan.long_every == plan.long_every - 1;
    const std::int64_t length = long_one ? plan.config.max_positions : plan.length;
    const std::int64_t rows = std::max<std::int64_t>(1, plan.batch_tokens / length);
    const double loss = shares.Backward(batches.Train(plan.seed, step, rows, length), gradients);
    if (!std::isfinite(loss)) {
      return Fail(ErrorCode::kInternal, "the loss is no number at step {}: lower --learning-rate", step);
    }
    const double norm = optimizer.Step(LearningRate(plan, step), gradients);
    smooth = step == 0 ? loss : 0.98 * smooth + 0.02 * loss;
    ShowProgress(plan, step + 1, smooth, LearningRate(plan, step), norm, elapsed());
    if ((step + 1) % plan.checkpoint_every == 0 || step + 1 == plan.steps) {
      std::printf("\nstep %lld: validation loss %.4f at length %lld, %.4f at length %lld\n",
                  static_cast<long long>(step + 1), ValidationLoss(plan, weights, batches, plan.length),
                  static_cast<long long>(plan.length),
                  ValidationLoss(plan, weights, batches, plan.config.max_positions),
                  static_cast<long long>(plan.config.max_positions));
      ALTLAS_TRY_VOID(Save(plan, weights));
    }
  }
  std::printf("trained in %.0f s, written to %s\n", elapsed(), plan.output.c_str());
  return {};
}

}  // namespace
}  // namespace altlas::model

int main(int argc, char** argv) {
  altlas::model::Plan plan;
  altlas::model::LlamaConfig& config = plan.config;
  config.hidden_size = 128;
  config.intermediate_size = 352;
  config.layers = 6;
  config.heads = 4;
  config.kv_heads = 2;
  config.max_positions = 1024;
  config.tie_embeddings = true;
  config.dtype = at::kBFloat16;
  std::int64_t bos = 0;
  std::int64_t eos = 1;
  CLI::App app{
      "Trains a small Llama-family model from scratch on the CPU and writes it as a Hugging Face folder "
      "(bf16)"};
  app.add_option("--tokens", plan.tokens, "token ids, little-endian 16 bit")->required();
  app.add_option("--output", plan.output, "folder to write")->required();
  app.add_option("--vocabulary", config.vocab_size, "size of the tokenizer's vocabulary")
      ->required()
      ->check(CLI::Range(2, 65536));
  app.add_option("--hidden", config.hidden_size)->capture_default_str()->check(CLI::Range(8, 4096));
  app.add_option("--intermediate", config.intermediate_size)
      ->capture_default_str()
      ->check(CLI::Range(8, 16384));
  app.add_option("--layers", config.layers)->capture_default_str()->check(CLI::Range(1, 64));
  app.add_option("--heads", config.heads)->capture_default_str()->check(CLI::Range(1, 64));
  app.add_option("--kv-heads", config.kv_heads)->capture_default_str()->check(CLI::Range(1, 64));
  app.add_option("--context", config.max_positions)->capture_default_str()->check(CLI::Range(16, 8192));
  app.add_option("--bos", bos)->capture_default_str();
  app.add_option("--eos", eos)->capture_default_str();
  app.add_option("--steps", plan.steps)->capture_default_str()->check(CLI::Range(1, 10000000));
  app.add_option("--batch-tokens", plan.batch_tokens)->capture_default_str()->check(CLI::Range(16, 1048576));
  app.add_option("--length", plan.length, "tokens of most sequences")
      ->capture_default_str()
      ->check(CLI::Range(8, 8192));
  app.add_option("--long-every", plan.long_every,
                 "every so many steps sequences as long as the context; 0: never")
      ->capture_default_str();
  app.add_option("--checkpoint-every", plan.checkpoint_every)
      ->capture_default_str()
      ->check(CLI::Range(1, 10000000));
  app.add_option("--learning-rate", plan.learning_rate)->capture_default_str();
  app.add_option("--seed", plan.seed)->capture_default_str();
  app.add_option("--threads", plan.threads)->capture_default_str()->check(CLI::Range(1, 256));
  CLI11_PARSE(app, argc, argv);
  if (config.hidden_size % config.heads != 0 || config.heads % config.kv_heads != 0 ||
      config.hidden_size / config.heads % 2 != 0) {
    std::fprintf(stderr,
                 "--hidden must be an even multiple of --heads, and --heads a multiple of --kv-heads\n");
    return 2;
  }
  config.head_dim = config.hidden_size / config.heads;
  config.context_length = config.max_positions;
  config.bos_ids = {bos};
  config.eos_ids = {eos};
  try {
    if (const altlas::Status status = altlas::model::Train(plan); !status.has_value()) {
      std::fprintf(stderr, "alt_las_train_lm: %s\n", status.error().message.c_str());
      return 1;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "alt_las_train_lm: %s\n", error.what());
    return 1;
  }
  return 0;
}
