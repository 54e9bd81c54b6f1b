// SPDX-License-Identifier: Apache-2.0
#include "profile/expanded_file.h"

#include <zlib.h>

#include <algorithm>

#include "profile/file_head.h"

namespace altlas::profile {

void ExpandedFile::Close::operator()(gzFile_s* file) const { gzclose_r(file); }

Result<std::unique_ptr<ExpandedFile>> ExpandedFile::Open(const std::filesystem::path& path) {
  ALTLAS_TRY(const auto head, ReadFileHead(path, 1));
  std::unique_ptr<ExpandedFile> file(new ExpandedFile);
  file->path_ = path.string();
  file->total_ = head.size;
  file->file_.reset(gzopen(path.c_str(), "rbe"));
  if (file->file_ == nullptr) return Fail(ErrorCode::kUnavailable, "{} cannot be opened", path.string());
  gzbuffer(file->file_.get(), 128 << 10);
  return file;
}

Result<std::size_t> ExpandedFile::Read(std::span<char> into) {
  constexpr std::size_t kPiece = 1 << 20;
  const int n = gzread(file_.get(), into.data(), static_cast<unsigned>(std::min(into.size(), kPiece)));
  if (n < 0) {
    int code = Z_OK;
    const std::string why = gzerror(file_.get(), &code);
    if (code == Z_BUF_ERROR) return 0;
    return Fail(code == Z_ERRNO ? ErrorCode::kUnavailable : ErrorCode::kCorrupt, "reading {} failed: {}",
                path_, why);
  }
  expanded_ += static_cast<std::uint64_t>(n);
  if (expanded_ > (std::uint64_t{1} << 30) && expanded_ / 250 > total_) {
    return Fail(ErrorCode::kTooLarge, "{} grows to more than 250 times its {} bytes: no capture does", path_,
                total_);
  }
  return static_cast<std::size_t>(n);
}

std::uint64_t ExpandedFile::consumed() const {
  const auto at = gzoffset(file_.get());
  return at < 0 ? total_ : std::min(static_cast<std::uint64_t>(at), total_);
}

}  // namespace altlas::profile
