// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/random.h"

namespace altlas::model {
namespace {

std::vector<float> Values(std::int64_t count, std::uint64_t seed, double size = 1) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>((random.Unit() * 2 - 1) * size);
  return values;
}

void ExpectClose(const std::vector<float>& got, const std::vector<double>& wanted, double tolerance) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    ASSERT_NEAR(got[i], wanted[i], tolerance * std::max(1.0, std::abs(wanted[i]))) << i;
}

TEST(CpuKernels, MatmulAgreesWithDoublesForEveryShape) {
  for (const CpuKernels* kernels : AvailableCpuKernels()) {
    for (const std::int64_t rows : {1, 2, 3, 4, 5, 33}) {
      for (const std::int64_t k : {1, 15, 16, 17, 40, 128}) {
        const std::int64_t outputs = 71;
        const auto x = Values(rows * k, 1), w = Values(outputs * k, 2), bias = Values(outputs, 3);
        std::vector<float> y(static_cast<std::size_t>(rows * outputs), 1.0F);
        kernels->matmul(x.data(), rows, k, w.data(), 3, outputs, bias.data(), true, y.data(), outputs);
        std::vector<double> wanted(y.size(), 1.0);
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t o = 3; o < outputs; ++o) {
            double sum = bias[static_cast<std::size_t>(o)];
            for (std::int64_t i = 0; i < k; ++i)
              sum += static_cast<double>(x[static_cast<std::size_t>(r * k + i)]) *
                     w[static_cast<std::size_t>(o * k + i)];
            wanted[static_cast<std::size_t>(r * outputs + o)] += sum;
          }
        }
        SCOPED_TRACE(std::string(kernels->name) + " rows " + std::to_string(rows) + " k " +
                     std::to_string(k));
        ExpectClose(y, wanted, 1e-5);
      }
    }
  }
}

TEST(CpuKernels, AttendAgreesWithDoubles) {
  for (const CpuKernels* kernels : AvailableCpuKernels()) {
    for (const std::int64_t count : {1, 2, 16, 17, 50}) {
      for (const std::int64_t dim : {2, 16, 20, 48, 64, 112}) {
        const auto query = Values(dim, 1, 3), keys = Values(count * dim, 2), values = Values(count * dim, 3);
        std::vector<float> scores(static_cast<std::size_t>(count + 16)), out(static_cast<std::size_t>(dim));
        kernels->attend(query.data(), keys.data(), values.data(), count, dim, 0.5F, scores.data(),
                        out.data());
        std::vector<double> wanted(out.size(), 0.0);
        double total = 0;
        for (std::int64_t j = 0; j < count; ++j) {
          double score = 0;
          for (std::int64_t d = 0; d < dim; ++d)
            score += static_cast<double>(query[static_cast<std::size_t>(d)]) *
                     keys[static_cast<std::size_t>(j * dim + d)];
          total += std::exp(score * 0.5);
          for (std::int64_t d = 0; d < dim; ++d)
            wanted[static_cast<std::size_t>(d)] +=
                std::exp(score * 0.5) * values[static_cast<std::size_t>(j * dim + d)];
        }
        for (double& one : wanted) one /= total;
        ExpectClose(out, wanted, 2e-5);
      }
    }
  }
}

TEST(CpuKernels, SiluHoldsFromVerySmallToVeryLarge) {
  const std::vector<float> inputs = {-1e30F, -200, -88, -87, -20, -1,    -1e-6F, 0,    1e-6F,
                                     1,      20,   87,  88,  200, 1e30F, 0.5F,   -0.5F};
  for (const CpuKernels* kernels : AvailableCpuKernels()) {
    std::vector<float> gate = inputs;
    const std::vector<float> up(inputs.size(), 2.0F);
    kernels->silu_multiply(gate.data(), up.data(), static_cast<std::int64_t>(gate.size()));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const double x = inputs[i];
      const double wanted = 2 * x / (1 + std::exp(-x));
      EXPECT_NEAR(gate[i], wanted, 1e-6 * std::max(1.0, std::abs(wanted))) << x << " " << kernels->name;
    }
  }
}

TEST(CpuKernels, RmsNormAgreesWithDoubles) {
  for (const CpuKernels* kernels : AvailableCpuKernels()) {
    for (const std::int64_t n : {1, 16, 36, 128}) {
      const auto x = Values(n, 4, 5), weight = Values(n, 5);
      std::vector<float> y(static_cast<std::size_t>(n));
      kernels->rms_norm(x.data(), weight.data(), 1e-5F, n, y.data());
      double square = 0;
      for (const float one : x) square += static_cast<double>(one) * one;
      std::vector<double> wanted;
      for (std::size_t i = 0; i < x.size(); ++i)
        wanted.push_back(x[i] / std::sqrt(square / static_cast<double>(n) + 1e-5) * weight[i]);
      ExpectClose(y, wanted, 1e-5);
    }
  }
}

// "Numbers are one per model": two machines with different vectors must write the same text.
TEST(CpuKernels, SetsWithFusedMultiplyAddAgreeBitForBit) {
  std::vector<const CpuKernels*> fused;
  for (const CpuKernels* one : AvailableCpuKernels()) {
    if (one->name != "generic") fused.push_back(one);
  }
  if (fused.size() < 2) GTEST_SKIP() << "this processor runs one such set";
  const std::int64_t rows = 7, k = 83, outputs = 53, count = 37, dim = 52;
  std::vector<std::vector<float>> all;
  for (const CpuKernels* kernels : fused) {
    const auto x = Values(rows * k, 1), w = Values(outputs * k, 2), keys = Values(count * dim, 3),
               values = Values(count * dim, 4);
    std::vector<float> y(static_cast<std::size_t>(rows * outputs)), scores(count + 16), mixed(dim), normed(k);
    kernels->matmul(x.data(), rows, k, w.data(), 0, outputs, nullptr, false, y.data(), outputs);
    kernels->attend(x.data(), keys.data(), values.data(), count, dim, 0.3F, scores.data(), mixed.data());
    kernels->rms_norm(x.data(), w.data(), 1e-6F, k, normed.data());
    kernels->silu_multiply(normed.data(), w.data(), k);
    y.insert(y.end(), mixed.begin(), mixed.end());
    y.insert(y.end(), normed.begin(), normed.end());
    all.push_back(std::move(y));
  }
  for (const auto& one : all) EXPECT_EQ(one, all[0]);
}

}  // namespace
}  // namespace altlas::model
