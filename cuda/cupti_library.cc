// SPDX-License-Identifier: Apache-2.0
#include "cuda/cupti_library.h"

#include <dlfcn.h>

namespace altlas::cuda {
namespace {

template <typename F>
bool Find(void* library, F& function, const char* symbol) {
  function = reinterpret_cast<F>(::dlsym(library, symbol));
  return function != nullptr;
}

void* OpenOneOf(const char* name) {
  if (name != nullptr && *name != '\0') return ::dlopen(name, RTLD_NOW | RTLD_GLOBAL);
  for (const char* known :
       {"libcupti.so.13", "libcupti.so", "/usr/local/cuda/extras/CUPTI/lib64/libcupti.so.13"}) {
    if (void* library = ::dlopen(known, RTLD_NOW | RTLD_GLOBAL)) return library;
  }
  return nullptr;
}

}  // namespace

Result<CuptiLibrary> CuptiLibrary::Open(const char* name) {
  void* library = OpenOneOf(name);
  if (library == nullptr) return Fail(ErrorCode::kNotFound, "libcupti cannot be loaded: {}", ::dlerror());
  CuptiLibrary cupti;
  const bool all = Find(library, cupti.get_version, "cuptiGetVersion") &&
                   Find(library, cupti.get_timestamp, "cuptiGetTimestamp") &&
                   Find(library, cupti.get_result_string, "cuptiGetResultString") &&
                   Find(library, cupti.get_callback_name, "cuptiGetCallbackName") &&
                   Find(library, cupti.register_callbacks, "cuptiActivityRegisterCallbacks") &&
                   Find(library, cupti.enable, "cuptiActivityEnable") &&
                   Find(library, cupti.get_next_record, "cuptiActivityGetNextRecord") &&
                   Find(library, cupti.get_dropped, "cuptiActivityGetNumDroppedRecords") &&
                   Find(library, cupti.flush_all, "cuptiActivityFlushAll") &&
                   Find(library, cupti.flush_period, "cuptiActivityFlushPeriod");
  if (!all) return Fail(ErrorCode::kUnsupported, "libcupti lacks a call that is needed: {}", ::dlerror());
  std::uint32_t version = 0;
  cupti.get_version(&version);
  // The last two digits are updates of a release, which keep the records.
  if (version / 100 != CUPTI_API_VERSION / 100) {
    return Fail(ErrorCode::kUnsupported, "libcupti has version {}; this collector was compiled for {}",
                version, CUPTI_API_VERSION);
  }
  return cupti;
}

std::string CuptiLibrary::Why(CUptiResult result) const {
  const char* text = nullptr;
  get_result_string(result, &text);
  return text != nullptr ? text : fmt::format("CUPTI error {}", static_cast<int>(result));
}

}  // namespace altlas::cuda
