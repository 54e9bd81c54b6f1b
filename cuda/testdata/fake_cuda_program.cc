// SPDX-License-Identifier: Apache-2.0
// Does what CUDA does at its initialization: loads the library that CUDA_INJECTION64_PATH names and calls it.
// With the argument "kill" it dies by SIGKILL after the activity was flushed.
#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

int main(int argc, char** argv) {
  const char* path = std::getenv("CUDA_INJECTION64_PATH");
  void* library = path != nullptr ? ::dlopen(path, RTLD_NOW) : nullptr;
  if (library == nullptr) return 40;
  const auto initialize = reinterpret_cast<int (*)()>(::dlsym(library, "InitializeInjection"));
  if (initialize == nullptr || initialize() != 1) return 41;
  if (argc > 1 && std::strcmp(argv[1], "kill") == 0) {
    void* cupti = ::dlopen(std::getenv("ALTLAS_CUPTI_LIBRARY"), RTLD_NOW);
    reinterpret_cast<unsigned (*)(unsigned)>(::dlsym(cupti, "cuptiActivityFlushAll"))(0);
    ::kill(::getpid(), SIGKILL);
  }
  return 7;
}
