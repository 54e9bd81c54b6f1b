// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace altlas::store {

// What the choice of the folder depends on; FromProcess reads it from the environment and the user database.
struct StateDirInput {
  std::string flag;            // --state, may be empty
  std::string xdg_state_home;  // $XDG_STATE_HOME, may be empty
  std::string home;            // $HOME, or the user's home folder
  static StateDirInput FromProcess(std::string flag);
};

// --state, else $XDG_STATE_HOME/alt_las, else ~/.local/state/alt_las. A relative $XDG_STATE_HOME is ignored,
// as its specification says. kInvalidArgument where none of them is there.
Result<std::filesystem::path> ChooseStateDir(const StateDirInput& input);

// What a folder is to the user: the beginning and the end of the sentences about it.
struct FolderRole {
  std::string_view name = "the state directory";
  std::string_view other = "give another one with --state";
};

// Makes the folder (mode 0700) with its parents, or checks the one that is there: it must be a folder, belong
// to this user, and be closed to writing by group and others (kDenied, with the command that fixes it).
// Returns its absolute path.
Result<std::filesystem::path> PrepareStateDir(const std::filesystem::path& path, FolderRole role = {});
// The same for one who only looks: kNotFound where it is not there.
Result<std::filesystem::path> CheckStateDir(const std::filesystem::path& path, FolderRole role = {});

}  // namespace altlas::store
