// SPDX-License-Identifier: Apache-2.0
#include "store/state_dir.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file.h"

namespace altlas::store {
namespace {

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string HomeOfThisUser() {
  std::array<char, 4096> buffer{};
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return "";
  return found->pw_dir == nullptr ? "" : found->pw_dir;
}

Status CheckOwnerAndMode(const std::filesystem::path& path, FolderRole role) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable, "cannot look at {} {}: {}",
                role.name, path.string(), std::strerror(errno));
  }
  if (!S_ISDIR(info.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument, "{} {} is not a folder; {}", role.name, path.string(),
                role.other);
  }
  if (info.st_uid != ::geteuid()) {
    return Fail(ErrorCode::kDenied,
                "{} {} belongs to user id {}, this process runs as {}; run as its owner, or {}", role.name,
                path.string(), info.st_uid, ::geteuid(), role.other);
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Fail(ErrorCode::kDenied,
                "{} {} has mode {:04o}, so others may change what is in it; run: chmod 700 '{}'", role.name,
                path.string(), info.st_mode & 07777, path.string());
  }
  return {};
}

Result<std::filesystem::path> Absolute(const std::filesystem::path& path) {
  std::error_code error;
  auto absolute = std::filesystem::absolute(path, error).lexically_normal();
  if (error) {
    return Fail(ErrorCode::kUnavailable, "cannot make {} an absolute path: {}", path.string(),
                error.message());
  }
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

}  // namespace

StateDirInput StateDirInput::FromProcess(std::string flag) {
  auto home = FromEnvironment("HOME");
  if (home.empty()) home = HomeOfThisUser();
  return {std::move(flag), FromEnvironment("XDG_STATE_HOME"), std::move(home)};
}

Result<std::filesystem::path> ChooseStateDir(const StateDirInput& input) {
  if (!input.flag.empty()) return std::filesystem::path(input.flag);
  const std::filesystem::path xdg(input.xdg_state_home);
  if (xdg.is_absolute()) return xdg / "alt_las";
  if (!input.home.empty()) return std::filesystem::path(input.home) / ".local" / "state" / "alt_las";
  return Fail(
      ErrorCode::kInvalidArgument,
      "no place for the state: neither $XDG_STATE_HOME nor a home folder is known; give one with --state");
}

Result<std::filesystem::path> PrepareStateDir(const std::filesystem::path& path, FolderRole role) {
  ALTLAS_TRY(const auto absolute, Absolute(path));
  ALTLAS_TRY_VOID(MakeFolder(absolute, 0700));
  return CheckStateDir(absolute, role);
}

Result<std::filesystem::path> CheckStateDir(const std::filesystem::path& path, FolderRole role) {
  ALTLAS_TRY(const auto absolute, Absolute(path));
  ALTLAS_TRY_VOID(CheckOwnerAndMode(absolute, role));
  return absolute;
}

}  // namespace altlas::store
