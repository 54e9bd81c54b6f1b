// SPDX-License-Identifier: Apache-2.0
#include "profile/collector_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

namespace altlas::profile {
namespace {

constexpr std::array<bool Presence::*, 9> kPresenceOrder = {
    &Presence::kernels,     &Presence::copies, &Presence::memsets,   &Presence::api,     &Presence::syncs,
    &Presence::allocations, &Presence::ranges, &Presence::operators, &Presence::counters};

}  // namespace

std::uint32_t PresenceBits(const Presence& presence) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < kPresenceOrder.size(); ++i) bits |= presence.*kPresenceOrder[i] ? 1U << i : 0U;
  return bits;
}

Presence PresenceOf(std::uint32_t bits) {
  Presence presence;
  for (std::size_t i = 0; i < kPresenceOrder.size(); ++i) presence.*kPresenceOrder[i] = (bits >> i & 1) != 0;
  return presence;
}

std::uint32_t CollectorCheck(std::string_view kind_and_body, std::string_view text) {
  if (text.empty())
    return static_cast<std::uint32_t>(XXH3_64bits(kind_and_body.data(), kind_and_body.size()));
  // Names and texts are rare; their two parts are put together once.
  std::string whole(kind_and_body);
  whole += text;
  return static_cast<std::uint32_t>(XXH3_64bits(whole.data(), whole.size()));
}

}  // namespace altlas::profile
