// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

namespace altlas::profile {

// A mangled C++ name ("_Z...") demangled; any other text, and a name too long or with so many back
// references that a short text could become a giant one, as it is.
std::string DemangleKernelName(std::string_view name);

// A kernel's name for people: without "void", namespaces and parameters, the outermost template arguments
// kept (each shortened the same way, theirs as "..." where they are long), at most kLongestShortName bytes:
//   void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>,
//       at::detail::Array<char*, 3>>(int, at::native::CUDAFunctor_add<float>, at::detail::Array<char*, 3>)
//   -> vectorized_elementwise_kernel<4, CUDAFunctor_add<float>, Array<char*, 3>>
// A name that is no C++ one ("ampere_sgemm_128x64_nn", "triton_poi_fused_add_0") stays as it is.
std::string ShortenKernelName(std::string_view name);
inline constexpr std::size_t kLongestShortName = 96;

}  // namespace altlas::profile
