// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "text/tokenizer.h"
#include "worker/bench/bench_device.h"
#include "worker/bench/cpu_limits.h"
#include "worker/bench/interrupt.h"
#include "worker/bench/named_shapes.h"
#include "worker/bench/page_cache.h"
#include "worker/bench/progress.h"
#include "worker/bench/scenario_parts.h"
#include "worker/bench/scenarios.h"
#include "worker/bench/summary_parts.h"
#include "worker/model/embedding_model.h"
#include "worker/model/folder.h"
#include "worker/model/load.h"
#include "worker/model/safetensors.h"

namespace altlas::bench {
namespace {

// A file counts as dropped when no more of it than this stayed in memory.
constexpr double kMostLeft = 0.01;

struct LoadPlan {
  const LoadScenario& scenario;
  std::filesystem::path folder;
  model::LoadOptions load;
  std::vector<std::filesystem::path> files;  // the weights
  std::uint64_t file_bytes = 0;
  bool has_tokenizer = false;
};

// A folder of its own below `parent`, removed with everything in it.
class ScratchFolder {
 public:
  static Result<std::unique_ptr<ScratchFolder>> Create(const std::filesystem::path& parent) {
    std::error_code error;
    const auto where = parent.empty() ? std::filesystem::temp_directory_path(error) : parent;
    auto pattern = (where / "alt_las_bench_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      return FailField("--scratch", "no folder can be made in {}: {}; name another by --scratch",
                       where.string(), std::strerror(errno));
    return std::unique_ptr<ScratchFolder>(new ScratchFolder(pattern));
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  const std::filesystem::path path_;
};

struct PhaseSamples {
  std::string name;
  std::vector<double> ms;
  std::vector<double> bytes_per_second;
};

// The phases of one kind of repeat, in the order they were first measured.
class PhaseTable {
 public:
  void Add(const std::string& name, double seconds, std::uint64_t bytes) {
    auto found =
        std::find_if(phases_.begin(), phases_.end(), [&](const auto& one) { return one.name == name; });
    if (found == phases_.end()) found = phases_.insert(phases_.end(), {name, {}, {}});
    found->ms.push_back(1000 * seconds);
    if (bytes > 0 && seconds > 0) found->bytes_per_second.push_back(static_cast<double>(bytes) / seconds);
  }
  void AddTo(profile::Summary& summary, const std::string& prefix) const {
    for (const auto& phase : phases_) {
      AddSamples(summary, prefix + phase.name, "ms", phase.ms, "lower");
      AddSamples(summary, prefix + phase.name + "_rate", "B/s", phase.bytes_per_second, "higher");
    }
  }

 private:
  std::vector<PhaseSamples> phases_;
};

// model.safetensors, or every shard.
Result<std::vector<std::filesystem::path>> WeightFiles(const std::filesystem::path& folder) {
  std::error_code error;
  const auto single = folder / "model.safetensors";
  if (std::filesystem::is_regular_file(single, error)) return std::vector{single};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".safetensors" && entry.is_regular_file(error))
      files.push_back(entry.path());
  }
  if (error)
    return Fail(ErrorCode::kUnavailable, "cannot read the folder {}: {}", folder.string(), error.message());
  if (files.empty())
    return Fail(ErrorCode::kNotFound, "{} holds no *.safetensors: there are no weights to load",
                folder.string());
  std::sort(files.begin(), files.end());
  return files;
}

Status DropAll(const LoadPlan& plan) {
  for (const auto& file : plan.files) {
    ALTLAS_TRY_VOID(DropFromMemory(file));
  }
  return {};
}

Result<double> ShareInMemory(const LoadPlan& plan) {
  Residency all;
  for (const auto& file : plan.files) {
    ALTLAS_TRY(const auto one, ResidencyOf(file));
    all.pages += one.pages;
    all.resident += one.resident;
  }
  return all.Share();
}

template <typename Work>
Status Timed(PhaseTable& table, const std::string& name, std::uint64_t bytes, Work work) {
  const SystemClock clock;
  const auto begin = clock.Now();
  ALTLAS_TRY_VOID(work());
  table.Add(name, Seconds(clock.Now() - begin), bytes);
  return {};
}

Status ReadAll(const LoadPlan& plan) {
  for (const auto& file : plan.files) {
    ALTLAS_TRY([[maybe_unused]] const auto bytes, ReadThrough(file));
  }
  return {};
}

Status MapAll(const LoadPlan& plan) {
  for (const auto& file : plan.files) {
    ALTLAS_TRY([[maybe_unused]] const auto bytes, MapThrough(file));
  }
  return {};
}

bool IsWeight(const std::string& dtype) { return dtype == "F32" || dtype == "BF16" || dtype == "F16"; }

Status ConvertAll(const LoadPlan& plan, std::vector<at::Tensor>& tensors) {
  tensors.clear();
  for (const auto& path : plan.files) {
    ALTLAS_TRY(const auto file, model::SafetensorsFile::Open(path));
    for (const auto& [name, entry] : file.entries()) {
      if (!IsWeight(entry.dtype)) continue;
      tensors.push_back(at::empty(entry.shape, plan.load.dtype.value_or(at::kFloat)));
      ALTLAS_TRY_VOID(file.CopyTo(entry, tensors.back()).Context(name));
    }
  }
  return {};
}

std::uint64_t BytesOf(const std::vector<at::Tensor>& tensors) {
  std::uint64_t bytes = 0;
  for (const auto& one : tensors) bytes += one.nbytes();
  return bytes;
}

Result<std::int64_t> LoadForReal(const LoadPlan& plan) {
  ALTLAS_TRY(const auto family, model::FamilyOf(plan.folder));
  if (family == model::Family::kBert) {
    ALTLAS_TRY(const auto model, model::LoadEmbeddingModel(plan.folder, plan.load));
    WaitFor(plan.load.device);
    return model->info().parameter_count;
  }
  ALTLAS_TRY(const auto model, model::LoadLanguageModel(plan.folder, plan.load));
  WaitFor(plan.load.device);
  return model->info().parameter_count;
}

Status RunUpload(const LoadPlan& plan, PhaseTable& table, const std::vector<at::Tensor>& tensors) {
  if (plan.load.device.is_cpu()) return {};
  std::vector<at::Tensor> uploaded;
  return Timed(table, "upload", BytesOf(tensors), [&]() -> Status {
    for (const auto& one : tensors) uploaded.push_back(one.to(plan.load.device));
    WaitFor(plan.load.device);
    return {};
  });
}

// With the pages in memory: every phase by itself, then the loader.
Status RunWarm(const LoadPlan& plan, PhaseTable& table, std::int64_t& parameters) {
  ALTLAS_TRY_VOID(CheckInterrupted());
  ALTLAS_TRY_VOID(Timed(table, "read", plan.file_bytes, [&] { return ReadAll(plan); }));
  ALTLAS_TRY_VOID(Timed(table, "map", plan.file_bytes, [&] { return MapAll(plan); }));
  {
    std::vector<at::Tensor> tensors;
    ALTLAS_TRY_VOID(Timed(table, "convert", plan.file_bytes, [&] { return ConvertAll(plan, tensors); }));
    ALTLAS_TRY_VOID(RunUpload(plan, table, tensors));
  }
  if (plan.has_tokenizer) {
    ALTLAS_TRY_VOID(Timed(table, "tokenizer", 0, [&]() -> Status {
      ALTLAS_TRY(const auto tokenizer, text::Tokenizer::Load(plan.folder));
      return {};
    }));
  }
  return Timed(table, "load", plan.file_bytes, [&]() -> Status {
    ALTLAS_TRY(parameters, LoadForReal(plan));
    return {};
  });
}

// What the cache changes: reading, mapping and the loader, each on files just dropped. False where the files
// would not leave the memory; `left` is the share that stayed.
Result<bool> RunCold(const LoadPlan& plan, PhaseTable& table, double& left) {
  std::int64_t parameters = 0;
  const std::pair<const char*, std::function<Status()>> kPhases[] = {{"read", [&] { return ReadAll(plan); }},
                                                                     {"map", [&] { return MapAll(plan); }},
                                                                     {"load", [&]() -> Status {
                                                                        ALTLAS_TRY(parameters,
                                                                                   LoadForReal(plan));
                                                                        return {};
                                                                      }}};
  for (const auto& [name, work] : kPhases) {
    ALTLAS_TRY_VOID(CheckInterrupted());
    ALTLAS_TRY_VOID(DropAll(plan));
    ALTLAS_TRY(left, ShareInMemory(plan));
    if (left > kMostLeft) return false;
    ALTLAS_TRY_VOID(Timed(table, name, plan.file_bytes, work));
  }
  return true;
}

// `scratch` is made where the model is a shape, and must live as long as the plan.
Result<LoadPlan> PlanLoad(const LoadScenario& scenario, std::unique_ptr<ScratchFolder>& scratch) {
  LoadPlan plan{scenario, {}, {}, {}, 0, false};
  ALTLAS_TRY(plan.load.dtype, model::ParseDtype(scenario.dtype));
  ALTLAS_TRY(plan.load.device, OpenDevice(scenario.accelerator));
  ALTLAS_TRY(const auto choice, ChooseModel(scenario.model));
  plan.folder = choice.folder;
  if (choice.shape) {
    const auto element = static_cast<double>(c10::elementSize(*plan.load.dtype));
    ALTLAS_TRY_VOID(CheckWeights(choice.shape->name, scenario.dtype,
                                 static_cast<double>(ParametersOf(*choice.shape)) * element,
                                 AvailableMemory()));
    ALTLAS_TRY(scratch, ScratchFolder::Create(scenario.scratch));
    plan.folder = scratch->path();
    ALTLAS_TRY_VOID(WriteRandomFolder(*choice.shape, scenario.seed, *plan.load.dtype, plan.folder));
  }
  ALTLAS_TRY(plan.files, WeightFiles(plan.folder));
  std::error_code ignored;
  for (const auto& file : plan.files) plan.file_bytes += std::filesystem::file_size(file, ignored);
  plan.has_tokenizer = std::filesystem::exists(plan.folder / "tokenizer.json", ignored);
  return plan;
}

Status Measure(const LoadPlan& plan, profile::Summary& summary) {
  const std::size_t runs = plan.scenario.runs;
  PhaseTable cold;
  PhaseTable warm;
  std::int64_t parameters = 0;
  bool is_cold = plan.scenario.cold;
  Progress progress("loads", 1 + runs * (is_cold ? 2 : 1));
  PhaseTable unused;  // the first repeat warms code and allocator
  ALTLAS_TRY_VOID(RunWarm(plan, unused, parameters));
  progress.Step();
  ResetPeaks(plan.load.device);
  for (std::size_t i = 0; i < runs && is_cold; ++i) {
    double left = 0;
    ALTLAS_TRY(is_cold, RunCold(plan, cold, left));
    progress.Step();
    if (!is_cold)
      AddWarning(summary, fmt::format("{:.0f} % of the weight files stayed in memory after they were dropped "
                                      "(tmpfs, or another process maps them): the cold figures are missing",
                                      100 * left));
  }
  for (std::size_t i = 0; i < runs; ++i) {
    ALTLAS_TRY_VOID(RunWarm(plan, warm, parameters));
    progress.Step();
  }
  if (is_cold) cold.AddTo(summary, "cold_");
  warm.AddTo(summary, "warm_");
  AddMetric(summary, "file_bytes", "B", static_cast<double>(plan.file_bytes), "");
  AddMetric(summary, "parameters", "1", static_cast<double>(parameters), "");
  AddPeaks(summary, plan.load.device);
  return {};
}

}  // namespace

Result<profile::Summary> RunLoadScenario(const LoadScenario& scenario) {
  const int threads = SetThreads(scenario.threads);
  std::unique_ptr<ScratchFolder> scratch;
  ALTLAS_TRY(const auto plan, PlanLoad(scenario, scratch));
  auto summary = StartSummary("load", {{"model", scenario.model},
                                       {"dtype", scenario.dtype},
                                       {"runs", std::to_string(scenario.runs)},
                                       {"files", std::to_string(plan.files.size())}});
  AddTorchEnvironment(summary, plan.load.device, threads);
  try {
    ALTLAS_TRY_VOID(Measure(plan, summary));
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "loading {} failed: {}", scenario.model, error.what());
  }
  return summary;
}

}  // namespace altlas::bench
