// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cupti.h>

#include <memory>

#include "base/result.h"

namespace altlas::cuda {

// The calls of CUPTI that the collector makes, found in libcupti at run time. Never closed.
struct CuptiLibrary {
  decltype(&cuptiGetVersion) get_version = nullptr;
  decltype(&cuptiGetTimestamp) get_timestamp = nullptr;
  decltype(&cuptiGetResultString) get_result_string = nullptr;
  decltype(&cuptiGetCallbackName) get_callback_name = nullptr;
  decltype(&cuptiActivityRegisterCallbacks) register_callbacks = nullptr;
  decltype(&cuptiActivityEnable) enable = nullptr;
  decltype(&cuptiActivityGetNextRecord) get_next_record = nullptr;
  decltype(&cuptiActivityGetNumDroppedRecords) get_dropped = nullptr;
  decltype(&cuptiActivityFlushAll) flush_all = nullptr;
  decltype(&cuptiActivityFlushPeriod) flush_period = nullptr;

  // `name`: a path, or null for those that CUDA 13 comes with. kNotFound where none can be loaded,
  // kUnsupported where its version is not that of the headers this was compiled with: the records' layouts
  // differ.
  static Result<CuptiLibrary> Open(const char* name);
  // "CUPTI_ERROR_...", for messages.
  std::string Why(CUptiResult result) const;
};

}  // namespace altlas::cuda
