// SPDX-License-Identifier: Apache-2.0
#include "profile/kernel_name.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/utf8.h"

namespace altlas::profile {
namespace {

TEST(KernelName, TemplatesLoseNamespacesAndParametersAndKeepWhatTellsThemApart) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>, "
       "at::detail::Array<char*, 3> >(int, at::native::CUDAFunctor_add<float>, at::detail::Array<char*, 3>)",
       "vectorized_elementwise_kernel<4, CUDAFunctor_add<float>, Array<char*, 3>>"},
      {"void cutlass::Kernel<cutlass_80_tensorop_s1688gemm_128x64_16x6_nn_align4>(cutlass_80_x::Params)",
       "Kernel<cutlass_80_tensorop_s1688gemm_128x64_16x6_nn_align4>"},
      {"saxpy(int, float, float*, float*)", "saxpy"},
      {"ampere_sgemm_128x64_nn", "ampere_sgemm_128x64_nn"},
      {"Memcpy HtoD", "Memcpy HtoD"},
      {"(anonymous namespace)::softmax_warp<float, 8>(float*)", "softmax_warp<float, 8>"},
      {"void at::native::elementwise_kernel<128, 2, "
       "at::native::gpu_kernel_impl_nocast<at::native::BinaryFunctor<float, "
       "float, float, at::native::binary_internal::MulFunctor<float> > >(at::TensorIteratorBase&, "
       "int const&)::{lambda(int)#1}>(int, float)",
       "elementwise_kernel<128, 2, gpu_kernel_impl_nocast<...>::lambda>"},
      {"void at::native::vectorized_elementwise_kernel<4, at::native::relu_cuda(at::TensorIteratorBase&)::"
       "{lambda()#1}::operator()() const::{lambda()#2}::operator()() const::{lambda(float)#1}>(int)",
       "vectorized_elementwise_kernel<4, relu_cuda::lambda>"},
      {"void thrust::cuda_cub::core::_kernel_agent<thrust::for_each::Agent<long, unsigned long>, "
       "thrust::pair<a::b<c>, d::e<f>>>(thrust::x)",
       "_kernel_agent<Agent<...>, pair<...>>"},
  };
  for (const auto& [full, expected] : cases) EXPECT_EQ(ShortenKernelName(full), expected) << full;
}

TEST(KernelName, MangledNamesAreReadAndOthersLeftAlone) {
  EXPECT_EQ(DemangleKernelName("_Z5saxpyifPfS_"), "saxpy(int, float, float*, float*)");
  EXPECT_EQ(DemangleKernelName("saxpy"), "saxpy");
  EXPECT_EQ(DemangleKernelName("_Znonsense"), "_Znonsense");
  EXPECT_EQ(DemangleKernelName("_Z" + std::string(1 << 20, '1')), "_Z" + std::string(1 << 20, '1'));
  EXPECT_EQ(DemangleKernelName(std::string("_Z1f\0v", 6)), std::string("f"));
}

TEST(KernelName, AShortNameThatWouldPrintAsAGiantOneStaysMangled) {
  // Each parameter names a type twice as long as the one before.
  std::string mangled = "_Z1f1XIiiE";
  for (int i = 0; i < 36; ++i) {
    const auto seq = i == 0
                         ? std::string("S_")
                         : fmt::format("S{}_", std::string(1, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i - 1]));
    mangled += fmt::format("1XI{}{}E", seq, seq);
  }
  EXPECT_EQ(DemangleKernelName(mangled), mangled);
}

TEST(KernelName, BracketsThatDoNotMatchLeaveTheNameAndNothingIsTooLong) {
  EXPECT_EQ(ShortenKernelName("a<b"), "a<b");
  EXPECT_EQ(ShortenKernelName("a::b>"), "a::b>");
  EXPECT_EQ(ShortenKernelName(""), "");
  const auto nested = std::string(100'000, '<');
  EXPECT_LE(ShortenKernelName("a" + nested).size(), kLongestShortName);
  EXPECT_TRUE(rc::check([](const std::vector<std::uint8_t>& choices) {
    static const std::vector<std::string> kParts = {"<",     ">",  "(",       ")", "::",         ",", " ",
                                                    "void ", "a",  "{lambda", "}", "operator()", "ü", "->",
                                                    "_Z",    "S_", "[",       "]", "*"};
    std::string name;
    for (const auto choice : choices) name += kParts[choice % kParts.size()];
    const auto shortened = ShortenKernelName(DemangleKernelName(name));
    RC_ASSERT(shortened.size() <= kLongestShortName);
    RC_ASSERT(IsValidUtf8(shortened));
    RC_ASSERT(name.empty() == shortened.empty());
  }));
}

}  // namespace
}  // namespace altlas::profile
