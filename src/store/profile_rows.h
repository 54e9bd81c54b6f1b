// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "store/profile_store.h"
#include "store/sqlite_db.h"

namespace altlas::store {

inline constexpr std::size_t kMostProfileMeasures = 512;  // of a row
inline constexpr std::size_t kProfilePruneRows = 256;
inline constexpr std::string_view kProfileColumns =
    "seq,at_ms,device,model,seconds,processor_seconds,requests,prompt_tokens,generated_tokens,"
    "memory_peak_bytes,anomaly,why,measures,detail";

Status CheckProfile(const ProfileRow& row);
bool Matches(const ProfileFilter& filter, const ProfileRow& row);

// measures := version u8 (1) count u32 {name: u32 length, bytes; seconds f64, count i64, normal f64, spread
// f64, samples i64, anomaly u8}, little-endian. Bytes that are none of this read as no measures.
std::string FormatMeasures(const std::vector<ProfileMeasure>& measures);
std::vector<ProfileMeasure> ParseMeasures(std::string_view bytes);

// Binds all of kProfileColumns, borrowing from `row` and `measures` (of FormatMeasures). The id becomes NULL.
void BindProfile(Statement& statement, const ProfileRow& row, const std::string& measures);
ProfileRow ReadProfile(const Statement& row);

}  // namespace altlas::store
