// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/nvtx.h"

#include <dlfcn.h>

#include <array>
#include <cstddef>

#include "base/log.h"

namespace altlas::serve {
namespace {

// nvtxEventAttributes_t, version 3.
struct EventAttributes {
  std::uint16_t version = 3;
  std::uint16_t size = sizeof(EventAttributes);
  std::uint32_t category = 0;
  std::int32_t color_type = 0;
  std::uint32_t color = 0;
  std::int32_t payload_type = 0;
  std::int32_t reserved0 = 0;
  std::uint64_t payload = 0;
  std::int32_t message_type = 1;  // NVTX_MESSAGE_TYPE_ASCII
  const char* message = nullptr;
};
static_assert(sizeof(EventAttributes) == 48);

using Domain = void*;
using AnyFunction = void (*)();

// What a tool fills in. Functions that it leaves alone stay null. Static, since the tool keeps the addresses.
struct ToolFunctions {
  std::uint64_t (*start)(Domain, const EventAttributes*) = nullptr;
  void (*end)(Domain, std::uint64_t) = nullptr;
  int (*push)(Domain, const EventAttributes*) = nullptr;
  int (*pop)(Domain) = nullptr;
  Domain (*create)(const char*) = nullptr;
  void (*initialize)(const void*) = nullptr;
  AnyFunction unused = nullptr;  // for all that is not called here
};
ToolFunctions tool;

constexpr int kModuleCore = 1, kModuleCore2 = 5, kModules = 7;
constexpr std::array<unsigned, kModules> kModuleSizes = {0, 16, 9, 15, 7, 16, 7};
constexpr unsigned kLargestModule = 16;
// Tables of addresses of function pointers, by module.
std::array<std::array<AnyFunction*, kLargestModule>, kModules> tables;

template <typename F>
AnyFunction* SlotOf(F& function) {
  return reinterpret_cast<AnyFunction*>(&function);
}

void FillTables() {
  for (auto& table : tables) table.fill(&tool.unused);
  auto& core2 = tables[kModuleCore2];
  core2[2] = SlotOf(tool.start);
  core2[3] = SlotOf(tool.end);
  core2[4] = SlotOf(tool.push);
  core2[5] = SlotOf(tool.pop);
  core2[12] = SlotOf(tool.create);
  core2[15] = SlotOf(tool.initialize);
}

int GetModuleFunctionTable(int module, AnyFunction*** table, unsigned* size) {
  if (module < kModuleCore || module >= kModules) return 0;
  if (table != nullptr) *table = tables[static_cast<std::size_t>(module)].data();
  if (size != nullptr) *size = kModuleSizes[static_cast<std::size_t>(module)];
  return 1;
}

struct CallbacksTable {
  std::size_t struct_size;
  int (*get_module_function_table)(int, AnyFunction***, unsigned*);
};
struct VersionTable {
  std::size_t struct_size;
  std::uint32_t version;
  std::uint32_t reserved0;
  void (*set_injection_version)(std::uint32_t);
};

const void* GetExportTable(std::uint32_t id) {
  static const CallbacksTable callbacks = {sizeof(CallbacksTable), &GetModuleFunctionTable};
  static const VersionTable version = {sizeof(VersionTable), 3, 0, [](std::uint32_t) {}};
  if (id == 1) return &callbacks;
  if (id == 3) return &version;
  return nullptr;
}

class ConnectedNvtx final : public Nvtx {
 public:
  explicit ConnectedNvtx(Domain domain) : domain_(domain) {}
  void Push(const char* name) override {
    EventAttributes event;
    event.message = name;
    if (tool.push != nullptr) tool.push(domain_, &event);
  }
  void Pop() override {
    if (tool.pop != nullptr) tool.pop(domain_);
  }
  std::uint64_t Start(const char* name) override {
    EventAttributes event;
    event.message = name;
    return tool.start != nullptr ? tool.start(domain_, &event) : 0;
  }
  void End(std::uint64_t range) override {
    if (tool.end != nullptr) tool.end(domain_, range);
  }

 private:
  const Domain domain_;
};

}  // namespace

std::unique_ptr<Nvtx> Nvtx::Connect(const char* library, const std::string& domain) {
  if (library == nullptr || *library == '\0') return nullptr;
  // Never closed: the tool's threads and our table of its functions outlive everything.
  void* handle = ::dlopen(library, RTLD_LAZY);
  if (handle == nullptr) {
    ALTLAS_WARN("worker", "the NVTX tool cannot be loaded", {"why", ::dlerror()});
    return nullptr;
  }
  using Initialize = int (*)(const void* (*)(std::uint32_t));
  const auto initialize = reinterpret_cast<Initialize>(::dlsym(handle, "InitializeInjectionNvtx2"));
  FillTables();
  if (initialize == nullptr || initialize(&GetExportTable) == 0) {
    ALTLAS_WARN("worker", "the NVTX tool does not take part", {"library", library});
    return nullptr;
  }
  if (tool.initialize != nullptr) tool.initialize(nullptr);
  return std::make_unique<ConnectedNvtx>(tool.create != nullptr ? tool.create(domain.c_str()) : nullptr);
}

}  // namespace altlas::serve
