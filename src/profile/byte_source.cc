// SPDX-License-Identifier: Apache-2.0
#include "profile/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/unique_fd.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kRawBytes = 64 << 10;

// Where the bytes of the file come from.
class RawBytes {
 public:
  virtual ~RawBytes() = default;
  virtual Result<std::size_t> Read(std::span<char> into) = 0;
  virtual std::uint64_t total() const = 0;
};

class RawFile final : public RawBytes {
 public:
  RawFile(UniqueFd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}
  Result<std::size_t> Read(std::span<char> into) override {
    while (true) {
      const auto got = ::read(fd_.get(), into.data(), into.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR)
        return Fail(ErrorCode::kUnavailable, "the capture cannot be read: {}", std::strerror(errno));
    }
  }
  std::uint64_t total() const override { return size_; }

 private:
  UniqueFd fd_;
  std::uint64_t size_;
};

class RawView final : public RawBytes {
 public:
  explicit RawView(std::string_view bytes) : rest_(bytes), size_(bytes.size()) {}
  Result<std::size_t> Read(std::span<char> into) override {
    const auto count = std::min(into.size(), rest_.size());
    std::copy_n(rest_.data(), count, into.data());
    rest_.remove_prefix(count);
    return count;
  }
  std::uint64_t total() const override { return size_; }

 private:
  std::string_view rest_;
  std::uint64_t size_;
};

class MaybeGzip final : public ByteSource {
 public:
  MaybeGzip(std::unique_ptr<RawBytes> raw, const ExpansionLimits& limits)
      : raw_(std::move(raw)), limits_(limits) {}
  ~MaybeGzip() override {
    if (inflating_) ::inflateEnd(&stream_);
  }
  MaybeGzip(const MaybeGzip&) = delete;
  MaybeGzip& operator=(const MaybeGzip&) = delete;

  Result<std::size_t> Read(std::span<char> into) override {
    if (!started_) ALTLAS_TRY_VOID(Start());
    if (into.empty()) return std::size_t{0};
    return inflating_ ? ReadInflated(into) : ReadPlain(into);
  }
  std::uint64_t consumed() const override { return consumed_; }
  std::uint64_t total() const override { return raw_->total(); }
  bool cut_short() const override { return cut_short_; }

 private:
  Status Start() {
    started_ = true;
    // A pipe of bytes may give one at a time; the magic needs two.
    while (held_ < 2) {
      ALTLAS_TRY(const auto got, raw_->Read(std::span(buffer_).subspan(held_)));
      if (got == 0) break;
      held_ += got;
    }
    consumed_ = held_;
    const bool gzip = held_ >= 2 && static_cast<unsigned char>(buffer_[0]) == 0x1F &&
                      static_cast<unsigned char>(buffer_[1]) == 0x8B;
    if (!gzip) return {};
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK)
      return Fail(ErrorCode::kUnavailable, "zlib cannot be started");
    inflating_ = true;
    within_member_ = true;
    stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_in = static_cast<uInt>(held_);
    return {};
  }

  Result<std::size_t> ReadPlain(std::span<char> into) {
    if (given_ < held_) {
      const auto count = std::min(into.size(), held_ - given_);
      std::copy_n(buffer_.data() + given_, count, into.data());
      given_ += count;
      return count;
    }
    ALTLAS_TRY(const auto got, raw_->Read(into));
    consumed_ += got;
    return got;
  }

  Result<std::size_t> ReadInflated(std::span<char> into) {
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(into.size(), 1U << 30));
    const auto wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      if (stream_.avail_in == 0 && !Refill()) {
        if (!failure_.message.empty()) return failure_;
        cut_short_ = within_member_;
        break;
      }
      if (!within_member_ && !NextMember()) break;
      const int code = ::inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        within_member_ = false;
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return Fail(ErrorCode::kCorrupt, "the gzip stream is damaged near byte {} of {}: {}", consumed_,
                    total(), stream_.msg != nullptr ? stream_.msg : "wrong data");
      }
    }
    const std::size_t got = wanted - stream_.avail_out;
    expanded_ += got;
    ALTLAS_TRY_VOID(CheckExpansion());
    return got;
  }

  // False at the end of the file.
  bool Refill() {
    auto got = raw_->Read(buffer_);
    if (!got.has_value()) {
      failure_ = got.error();
      return false;
    }
    consumed_ += *got;
    stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_in = static_cast<uInt>(*got);
    return *got != 0;
  }

  // What follows a member is another one, or padding that tools append and gzip itself ignores.
  bool NextMember() {
    if (*stream_.next_in != 0x1F) return false;
    ::inflateReset(&stream_);
    within_member_ = true;
    return true;
  }

  Status CheckExpansion() const {
    const bool ratio = expanded_ > limits_.free_bytes &&
                       static_cast<double>(expanded_) > limits_.ratio * static_cast<double>(consumed_);
    if (expanded_ <= limits_.bytes && !ratio) return {};
    return Fail(
        ErrorCode::kTooLarge,
        "the compressed capture grows past the limit: {} bytes out of {} so far; at most {} bytes, and "
        "{} times its size; unpack it yourself (gzip -d) if you trust it",
        expanded_, consumed_, limits_.bytes, limits_.ratio);
  }

  const std::unique_ptr<RawBytes> raw_;
  const ExpansionLimits limits_;
  std::array<char, kRawBytes> buffer_{};
  std::size_t held_ = 0, given_ = 0;
  std::uint64_t consumed_ = 0, expanded_ = 0;
  z_stream stream_{};
  Error failure_{};
  bool started_ = false, inflating_ = false, within_member_ = false, cut_short_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenByteSource(const std::filesystem::path& path,
                                                   const ExpansionLimits& limits) {
  // Without waiting: a named pipe would hold the caller until somebody writes.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable, "opening {}: {}",
                path.string(), std::strerror(errno));
  }
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return Fail(ErrorCode::kInvalidArgument, "{} is no regular file", path.string());
  auto raw = std::make_unique<RawFile>(std::move(fd), static_cast<std::uint64_t>(facts.st_size));
  return std::unique_ptr<ByteSource>(std::make_unique<MaybeGzip>(std::move(raw), limits));
}

std::string ExpandedHead(std::string_view head, std::size_t bytes) {
  const auto source = ByteSourceOf(head);
  std::string expanded(bytes, '\0');
  std::size_t have = 0;
  while (have < bytes) {
    const auto got = source->Read(std::span(expanded).subspan(have));
    if (!got.has_value() || *got == 0) break;
    have += *got;
  }
  expanded.resize(have);
  return expanded;
}

std::unique_ptr<ByteSource> ByteSourceOf(std::string_view bytes, const ExpansionLimits& limits) {
  return std::make_unique<MaybeGzip>(std::make_unique<RawView>(bytes), limits);
}

}  // namespace altlas::profile
