// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/roofline.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace altlas::bench {
namespace {

constexpr std::int64_t kLargestSide = std::int64_t{1} << 24;
constexpr double kMostBytes = 1099511627776.0;  // 2^40

struct KernelForm {
  std::string_view name;
  std::string_view form;
  std::size_t count;
  std::vector<std::int64_t> standard;
  std::vector<std::size_t> single;  // which sizes one number stands for
};

const KernelForm& FormOf(KernelKind kind) {
  static const KernelForm kForms[] = {
      {"gemm", "MxNxK", 3, {1024, 1024, 1024}, {0, 1, 2}},
      {"attention", "BxHxSxD", 4, {1, 12, 128, 64}, {2}},
      {"conv", "NxCxHxWxKxR", 6, {1, 64, 56, 56, 64, 3}, {2, 3}},
  };
  return kForms[static_cast<std::size_t>(kind)];
}

Error WrongSize(const KernelForm& form, std::string_view text) {
  return FailField(
      "--size",
      "--size \"{}\" is not a size of {}: give {} ({} whole numbers from 1 to {} with x between), "
      "or one number",
      text.substr(0, 60), form.name, form.form, form.count, kLargestSide);
}

Result<std::vector<std::int64_t>> Numbers(const KernelForm& form, std::string_view text) {
  std::vector<std::int64_t> numbers;
  for (std::string_view rest = text; numbers.size() <= form.count;) {
    const auto end = std::min(rest.find('x'), rest.size());
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + end, number);
    if (error != std::errc() || stop != rest.data() + end || number < 1 || number > kLargestSide)
      return WrongSize(form, text);
    numbers.push_back(number);
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return numbers;
}

}  // namespace

RooflinePoint PlaceUnderRoof(const KernelWork& work, double seconds, const MachineLimits& limits) {
  RooflinePoint point;
  point.flop_per_second = work.flop / seconds;
  point.bytes_per_second = work.bytes / seconds;
  point.intensity = work.flop / work.bytes;
  point.ridge = limits.flop_per_second / limits.bytes_per_second;
  point.compute_bound = point.intensity >= point.ridge;
  point.attainable = std::min(limits.flop_per_second, point.intensity * limits.bytes_per_second);
  point.share = point.flop_per_second / point.attainable;
  return point;
}

Result<KernelKind> ParseKernelKind(std::string_view name) {
  for (const auto kind : {KernelKind::kGemm, KernelKind::kAttention, KernelKind::kConv}) {
    if (FormOf(kind).name == name) return kind;
  }
  return FailField("--kernel", "--kernel \"{}\" is unknown: gemm, attention or conv", name.substr(0, 60));
}

std::string KernelSize::Text() const {
  std::string text;
  for (const auto size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

Result<KernelSize> ParseKernelSize(KernelKind kind, std::string_view text) {
  const KernelForm& form = FormOf(kind);
  KernelSize size{kind, form.standard};
  if (!text.empty()) {
    ALTLAS_TRY(const auto numbers, Numbers(form, text));
    if (numbers.size() == 1) {
      for (const auto at : form.single) size.sizes[at] = numbers[0];
    } else if (numbers.size() == form.count) {
      size.sizes = numbers;
    } else {
      return WrongSize(form, text);
    }
  }
  const double bytes = WorkOf(size, 4).bytes;
  if (bytes > kMostBytes)
    return FailField(
        "--size", "--size {} needs {:.0f} GiB for its tensors; the limit is {:.0f} GiB: choose a smaller one",
        size.Text(), bytes / 1073741824, kMostBytes / 1073741824);
  return size;
}

KernelWork WorkOf(const KernelSize& size, std::int64_t element_bytes) {
  std::vector<double> s(size.sizes.begin(), size.sizes.end());
  const auto element = static_cast<double>(element_bytes);
  switch (size.kind) {
    case KernelKind::kGemm:
      return {2 * s[0] * s[1] * s[2], element * (s[0] * s[2] + s[2] * s[1] + s[0] * s[1])};
    case KernelKind::kAttention:
      return {4 * s[0] * s[1] * s[2] * s[2] * s[3], element * 4 * s[0] * s[1] * s[2] * s[3]};
    case KernelKind::kConv: {
      const double outputs = s[0] * s[4] * s[2] * s[3];
      return {2 * outputs * s[1] * s[5] * s[5],
              element * (s[0] * s[1] * s[2] * s[3] + s[4] * s[1] * s[5] * s[5] + outputs)};
    }
  }
  return {};
}

}  // namespace altlas::bench
