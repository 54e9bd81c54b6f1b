// SPDX-License-Identifier: Apache-2.0
// A stand-in for the library of an NVTX tool (what NVTX_INJECTION64_PATH names under Nsight Systems): takes
// the domain functions of module CORE2 and writes down what they are told.
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

struct Attributes {
  std::uint16_t version, size;
  std::uint32_t category;
  std::int32_t color_type;
  std::uint32_t color;
  std::int32_t payload_type, reserved0;
  std::uint64_t payload;
  std::int32_t message_type;
  const char* message;
};

std::string told;
std::uint64_t ranges = 100;

std::string NameIn(void* domain, const Attributes* event) {
  if (event->version != 3 || event->size != 48 || event->message_type != 1) return "wrong attributes";
  return std::string(static_cast<const char*>(domain)) + ":" + event->message;
}

std::uint64_t Start(void* domain, const Attributes* event) {
  told += "start " + NameIn(domain, event) + " " + std::to_string(++ranges) + "\n";
  return ranges;
}
void End(void*, std::uint64_t range) { told += "end " + std::to_string(range) + "\n"; }
int Push(void* domain, const Attributes* event) {
  told += "push " + NameIn(domain, event) + "\n";
  return 0;
}
int Pop(void*) {
  told += "pop\n";
  return 0;
}
void* Create(const char* name) {
  static std::string domain;
  domain = name;
  return domain.data();
}

using AnyFunction = void (*)();
struct CallbacksTable {
  std::size_t struct_size;
  int (*get)(int, AnyFunction***, unsigned*);
};

}  // namespace

extern "C" {
const char* FakeNvtxTold() { return told.c_str(); }

int InitializeInjectionNvtx2(const void* (*get_export_table)(std::uint32_t)) {
  const auto* callbacks = static_cast<const CallbacksTable*>(get_export_table(1));
  AnyFunction** table = nullptr;
  unsigned size = 0;
  if (callbacks == nullptr || callbacks->get(5, &table, &size) == 0 || size != 16) return 0;
  *table[2] = reinterpret_cast<AnyFunction>(&Start);
  *table[3] = reinterpret_cast<AnyFunction>(&End);
  *table[4] = reinterpret_cast<AnyFunction>(&Push);
  *table[5] = reinterpret_cast<AnyFunction>(&Pop);
  *table[12] = reinterpret_cast<AnyFunction>(&Create);
  // As tools do: every other function gets an answer too, and none may be out of bounds.
  if (callbacks->get(1, &table, &size) == 0 || size != 16) return 0;
  for (unsigned i = 1; i < size; ++i) *table[i] = nullptr;
  return callbacks->get(99, &table, &size) == 0 ? 1 : 0;
}
}
