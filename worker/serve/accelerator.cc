// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/accelerator.h"

#include <ATen/Context.h>
#include <dlfcn.h>

#include "base/log.h"

namespace altlas::serve {
namespace {

constexpr const char* kCudaLibrary = "libtorch_cuda.so";
constexpr const char* kWaysOut =
    "install the CUDA libraries (ALTLAS_WITH_CUDA=1 tools/setup run), or serve on processors "
    "(devices.source: "
    "cpu)";

Result<at::Device> OpenCuda() {
  // Global, since the libraries it brings along look one another up by name; never closed, since what it
  // registered stays registered.
  if (::dlopen(kCudaLibrary, RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    return Fail(ErrorCode::kUnavailable, "the GPU cannot be used: {}; {}", ::dlerror(), kWaysOut);
  }
  try {
    const auto& hooks = at::detail::getCUDAHooks();
    const int devices = hooks.hasCUDA() ? hooks.getNumGPUs() : 0;
    if (devices < 1) {
      return Fail(
          ErrorCode::kUnavailable,
          "{} is loaded and sees no GPU: look at the driver (nvidia-smi) and at CUDA_VISIBLE_DEVICES; {}",
          kCudaLibrary, kWaysOut);
    }
    at::globalContext().lazyInitDevice(at::kCUDA);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "the GPU cannot be used: {}; {}", error.what(), kWaysOut);
  }
  return at::Device(at::kCUDA, 0);
}

}  // namespace

Result<AcceleratorKind> ParseAccelerator(std::string_view name) {
  if (name == "cpu") return AcceleratorKind::kCpu;
  if (name == "cuda") return AcceleratorKind::kCuda;
  return Fail(ErrorCode::kInvalidArgument, "accelerator \"{}\" is unknown; use cpu or cuda", name);
}

Result<at::Device> OpenAccelerator(AcceleratorKind kind) {
  if (kind == AcceleratorKind::kCpu) return at::Device(at::kCPU);
  return OpenCuda();
}

}  // namespace altlas::serve
