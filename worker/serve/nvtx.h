// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace altlas::serve {

// Ranges for NVIDIA's tools (NVTX 3): connects to the tool's library that NVTX_INJECTION64_PATH names, as
// NVIDIA's own headers do, without those headers. Layouts and numbers: nvtx3/nvtxDetail/nvtxTypes.h of NVTX 3
// (module CORE2 is 5, its callbacks 1 to 15). One a process, since tools connect once. Thread-safe.
class Nvtx {
 public:
  // Null where the variable is not set or the library there is no tool's.
  static std::unique_ptr<Nvtx> Connect(const char* library, const std::string& domain);
  virtual ~Nvtx() = default;
  // Of the calling thread, nesting.
  virtual void Push(const char* name) = 0;
  virtual void Pop() = 0;
  // Of no thread.
  virtual std::uint64_t Start(const char* name) = 0;
  virtual void End(std::uint64_t range) = 0;
};

}  // namespace altlas::serve
