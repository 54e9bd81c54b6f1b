// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/chip_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "worker/bench/bench_device.h"
#include "worker/bench/cpu_limits.h"
#include "worker/model/load.h"

namespace altlas::bench {
namespace {

// The fewest seconds that `work` takes, of several trials after a first one that is not counted.
template <typename Work>
double LeastSeconds(const at::Device& device, Work work) {
  const SystemClock clock;
  double least = 0;
  for (int trial = 0; trial < 6; ++trial) {
    const auto begin = clock.Now();
    work();
    WaitFor(device);
    const double seconds = Seconds(clock.Now() - begin);
    if (trial == 1 || (trial > 1 && seconds < least)) least = seconds;
  }
  return least;
}

double BestProducts(at::ScalarType dtype, const at::Device& device) {
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  double best = 0;
  for (const std::int64_t side : device.is_cpu() ? std::array<std::int64_t, 3>{512, 1024, 2048}
                                                 : std::array<std::int64_t, 3>{2048, 4096, 8192}) {
    const at::Tensor a = at::full({side, side}, 0.5, options);
    const at::Tensor b = at::full({side, side}, 0.5, options);
    const double flop =
        2.0 * static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side);
    best = std::max(best, flop / LeastSeconds(device, [&] { return at::matmul(a, b); }));
  }
  return best;
}

double DeviceTriad(const at::Device& device) {
  constexpr std::int64_t kCount = std::int64_t{1} << 27;  // 512 MiB an array
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  at::Tensor a = at::empty({kCount}, options);
  const at::Tensor b = at::ones({kCount}, options);
  const at::Tensor c = at::ones({kCount}, options);
  return 12.0 * static_cast<double>(kCount) / LeastSeconds(device, [&] { return at::add_out(a, b, c, 3.0); });
}

}  // namespace

Result<MachineLimits> MeasureChipLimits(at::ScalarType dtype, const at::Device& device, int threads) {
  try {
    MachineLimits limits;
    if (device.is_cpu()) {
      CpuLimitOptions options;
      options.threads = std::max(1, threads);
      ALTLAS_TRY(limits, MeasureCpuLimits(options));
      if (dtype == at::kFloat) return limits;
    } else {
      limits.bytes_per_second = DeviceTriad(device);
      limits.bytes_source = "measured here: a = b + 3 c by libtorch over 1.5 GiB of the device's memory";
    }
    limits.flop_per_second = BestProducts(dtype, device);
    limits.flop_source =
        fmt::format("measured here: the best of libtorch's square {} matrix products up to {}",
                    model::DtypeName(dtype), device.is_cpu() ? 2048 : 8192);
    return limits;
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "the limits of {} cannot be measured: {}", DeviceText(device),
                error.what());
  }
}

}  // namespace altlas::bench
