// SPDX-License-Identifier: Apache-2.0
// Writes a made-up export of Nsight Systems, for the benches and for trying commands where there is no GPU:
//   make_capture FILE [KERNELS [SEED [2.9|3.13|3.16]]]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "profile/nsys_writer.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: make_capture FILE [KERNELS [SEED [2.9|3.13|3.16]]]\n");
    return 2;
  }
  altlas::profile::MadeCapture what;
  if (argc > 2) what.kernels = std::strtoull(argv[2], nullptr, 10);
  if (argc > 3) what.seed = std::strtoull(argv[3], nullptr, 10);
  const std::string_view schema = argc > 4 ? argv[4] : "3.13";
  using Schema = altlas::profile::NsysWriter::Schema;
  what.schema = schema == "2.9"    ? Schema::kSchema29
                : schema == "3.16" ? Schema::kSchema316
                                   : Schema::kSchema313;
  const auto start = std::chrono::steady_clock::now();
  const auto written = altlas::profile::WriteMadeCapture(argv[1], what);
  if (!written.has_value()) {
    std::fprintf(stderr, "%s\n", written.error().message.c_str());
    return 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%s: %llu kernels in %.1f s\n", argv[1], static_cast<unsigned long long>(what.kernels),
              took.count());
  return 0;
}
