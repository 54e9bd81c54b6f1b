// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The arithmetic of one kernel against its chip: what it has to compute and move, and where that stands under
// the roofline (Williams, Waterman, Patterson, "Roofline: An Insightful Visual Performance Model for
// Multicore Architectures", CACM 52(4), 2009). Pure.
namespace altlas::bench {

// A multiply and an add count as two. Bytes are compulsory: each input read once, each output written once,
// whatever the caches do.
struct KernelWork {
  double flop = 0;
  double bytes = 0;
};

struct MachineLimits {
  double flop_per_second = 0;
  double bytes_per_second = 0;
  std::string flop_source;  // how it is known, as a sentence
  std::string bytes_source;
};

struct RooflinePoint {
  double flop_per_second = 0;
  double bytes_per_second = 0;
  double intensity = 0;   // flop a byte
  double ridge = 0;       // the intensity above which computing is the limit
  double attainable = 0;  // flop/s that the roof allows at this intensity
  double share = 0;       // of the attainable, 0 to 1; above 1 where the caches beat the memory's limit
  bool compute_bound = false;
};
// `seconds` and both limits above 0.
RooflinePoint PlaceUnderRoof(const KernelWork& work, double seconds, const MachineLimits& limits);

enum class KernelKind : std::uint8_t { kGemm, kAttention, kConv };
Result<KernelKind> ParseKernelKind(std::string_view name);  // "gemm", "attention", "conv"

// The sizes of one call, checked: gemm MxNxK (one number: a cube), attention BxHxSxD (one number: S, with
// 1x12xSx64), conv NxCxHxWxKxR, a square filter R with stride 1 that keeps height and width (one number: the
// side of 1x64xSxSx64x3). An empty text gives the default. kInvalidArgument, naming the form, for anything
// else and for tensors of more than 2^40 bytes together.
struct KernelSize {
  KernelKind kind = KernelKind::kGemm;
  std::vector<std::int64_t> sizes;
  std::string Text() const;  // "1024x1024x1024"
};
Result<KernelSize> ParseKernelSize(KernelKind kind, std::string_view text);

// Of one call with elements of so many bytes. Attention counts its two products, not the softmax.
KernelWork WorkOf(const KernelSize& size, std::int64_t element_bytes);

}  // namespace altlas::bench
