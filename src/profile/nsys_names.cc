// SPDX-License-Identifier: Apache-2.0
#include "profile/nsys_names.h"

#include <algorithm>
#include <span>

#include "base/utf8.h"
#include "profile/nsys_reader.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxNamesWithoutKey = 256 << 20;
constexpr std::size_t kMaxEnumRows = 1000;

struct EnumName {
  std::string_view end;  // of ENUM_*.name, the longest first where one ends as another does
  int value;
};
constexpr EnumName kCopyNames[] = {{"UVM_HTOD", 11}, {"UVM_DTOH", 12}, {"UVM_DTOD", 13}, {"HTOD", 1},
                                   {"DTOH", 2},      {"HTOA", 3},      {"ATOH", 4},      {"ATOA", 5},
                                   {"ATOD", 6},      {"DTOA", 7},      {"DTOD", 8},      {"HTOH", 9},
                                   {"PTOP", 10},     {"UNKNOWN", 0}};
constexpr EnumName kMemoryNames[] = {{"PAGEABLE", 0},       {"PINNED", 1},      {"DEVICE_STATIC", 5},
                                     {"MANAGED_STATIC", 6}, {"KIND_DEVICE", 2}, {"KIND_ARRAY", 3},
                                     {"KIND_MANAGED", 4},   {"KIND_UNKNOWN", 7}};
constexpr EnumName kSyncNames[] = {{"STREAM_WAIT_EVENT", 2},
                                   {"EVENT_SYNCHRONIZE", 1},
                                   {"STREAM_SYNCHRONIZE", 3},
                                   {"CONTEXT_SYNCHRONIZE", 4},
                                   {"UNKNOWN", 0}};
constexpr EnumName kOperationNames[] = {{"DEALLOCATION", 1}, {"ALLOCATION", 0}};

// Starts from the built-in numbers; a table that is there replaces them altogether.
Status ReadEnum(SqliteFile& file, std::string_view table, std::span<const EnumName> names,
                NsysEnums::Map& out) {
  for (const auto& name : names) out[name.value] = name.value;
  if (!file.HasTable(table)) return {};
  NsysEnums::Map found;
  ALTLAS_TRY([[maybe_unused]] const auto counts, file.Scan(table, {"id", "name"}, [&](const SqliteRow& row) {
    std::int64_t id = 0;
    const auto text = row.Text(1);
    if (row.IsNull(0) || !row.Get(0, id) || !text || found.size() >= kMaxEnumRows) return false;
    for (const auto& name : names) {
      if (!text->ends_with(name.end)) continue;
      found.emplace(id, name.value);
      return true;
    }
    return false;
  }));
  if (!found.empty()) out = std::move(found);
  return {};
}

int ValueOr(const NsysEnums::Map& map, std::int64_t id, int otherwise) {
  const auto found = map.find(id);
  return found == map.end() ? otherwise : found->second;
}

}  // namespace

std::string CleanName(std::string_view name) {
  const bool cut = name.size() > kNsysMaxNameBytes;
  if (cut) {
    name = name.substr(0, kNsysMaxNameBytes);
    name.remove_suffix(IncompleteUtf8Tail(name));
  }
  std::string out = IsValidUtf8(name) ? std::string(name) : ReplaceInvalidUtf8(name);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  if (cut) out += "\u2026";
  return out;
}

std::string_view WithoutVersion(std::string_view name) {
  const auto last = name.find_last_not_of("0123456789");
  if (last == std::string_view::npos || last + 1 == name.size() || last == 0) return name;
  return name[last] == 'v' && name[last - 1] == '_' && last > 1 ? name.substr(0, last - 1) : name;
}

Result<NsysNames> NsysNames::Create(SqliteFile& file) {
  NsysNames names(file);
  if (!file.HasTable("StringIds")) return names;
  ALTLAS_TRY(const auto columns, file.Columns("StringIds"));
  for (const auto& column : columns) {
    if (column.name == "id" && column.primary_key) names.lazy_ = true;
  }
  if (!names.lazy_) ALTLAS_TRY_VOID(names.LoadAll());
  return names;
}

Status NsysNames::LoadAll() {
  std::size_t bytes = 0;
  ALTLAS_TRY([[maybe_unused]] const auto counts,
             file_->Scan("StringIds", {"id", "value"}, [&](const SqliteRow& row) {
               std::int64_t id = 0;
               const auto text = row.Text(1);
               if (row.IsNull(0) || !row.Get(0, id) || !text || bytes > kMaxNamesWithoutKey) return false;
               std::string name = CleanName(*text);
               bytes += name.size() + 64;
               known_.emplace(id, std::move(name));
               return true;
             }));
  if (bytes <= kMaxNamesWithoutKey) return {};
  return Fail(
      ErrorCode::kTooLarge,
      "the capture's StringIds has no primary key and more than {} MB of names: export it again with nsys",
      kMaxNamesWithoutKey >> 20);
}

std::string_view NsysNames::Find(std::int64_t id) {
  if (const auto found = known_.find(id); found != known_.end()) return found->second;
  if (lazy_ && status_.has_value()) {
    auto text = file_->LookUpText("StringIds", "id", "value", id);
    if (!text.has_value()) {
      status_ = std::move(text).error();
    } else if (text->has_value()) {
      if (bytes_ > kNsysNamesBytes) {
        known_.clear();
        bytes_ = 0;
      }
      std::string name = CleanName(**text);
      bytes_ += name.size() + 64;
      return known_.emplace(id, std::move(name)).first->second;
    }
  }
  ++missing_;
  return kNsysUnnamed;
}

Result<NsysEnums> NsysEnums::Read(SqliteFile& file) {
  NsysEnums enums;
  ALTLAS_TRY_VOID(ReadEnum(file, "ENUM_CUDA_MEMCPY_OPER", kCopyNames, enums.copies));
  ALTLAS_TRY_VOID(ReadEnum(file, "ENUM_CUDA_MEM_KIND", kMemoryNames, enums.memories));
  ALTLAS_TRY_VOID(ReadEnum(file, "ENUM_CUPTI_SYNC_TYPE", kSyncNames, enums.syncs));
  ALTLAS_TRY_VOID(ReadEnum(file, "ENUM_CUDA_DEV_MEM_EVENT_OPER", kOperationNames, enums.operations));
  return enums;
}

CopyKind NsysEnums::Copy(std::int64_t id) const { return static_cast<CopyKind>(ValueOr(copies, id, 0)); }
MemoryKind NsysEnums::Memory(std::int64_t id) const {
  return static_cast<MemoryKind>(ValueOr(memories, id, 7));
}
SyncKind NsysEnums::Sync(std::int64_t id) const { return static_cast<SyncKind>(ValueOr(syncs, id, 0)); }

bool NsysEnums::MemoryOperation(std::int64_t id, bool& is_free) const {
  const int operation = ValueOr(operations, id, -1);
  is_free = operation == 1;
  return operation >= 0;
}

}  // namespace altlas::profile
