// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "worker/serve/accelerator.h"
#include "worker/serve/lease_server.h"

namespace altlas::serve {

struct LoadEngineOptions {
  std::filesystem::path folder{};
  std::string name{};             // empty: the folder's last part
  std::string dtype = "float32";  // float32, bfloat16, float16
  AcceleratorKind accelerator = AcceleratorKind::kCpu;
  int max_batch = 8;
  std::uint64_t kv_budget_bytes =
      0;  // bounds the sequences that run at once; 0: a quarter of the machine's memory
  std::int64_t max_context = 0;  // 0: what the model has
  StepLimits limits{};
  PhaseListener* phases = nullptr;  // EngineOptions::phases
};

// Loads model and tokenizer of a Hugging Face folder onto this worker's device and puts the batching engine
// of its family around them (folder.h). Blocks for as long as reading takes. Errors name the file and the fix
// (worker/model/load.h, text/tokenizer.h, kv_plan.h).
Result<LoadedModel> LoadEngine(const LoadEngineOptions& options);

// Thread settings of libtorch for the calling thread; 0: the cores this process may use. SetUpProcess comes
// first, once, before any use of libtorch.
void SetUpProcess();
void SetUpThread(std::uint32_t threads);

}  // namespace altlas::serve
