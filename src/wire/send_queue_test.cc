// SPDX-License-Identifier: Apache-2.0
#include "wire/send_queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/unique_fd.h"

namespace altlas::wire {
namespace {

// A socket that does not block, and its other end.
class SendQueueTest : public ::testing::Test {
 protected:
  SendQueueTest() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours_.Reset(ends[0]);
    theirs_.Reset(ends[1]);
  }
  // Reads at most `most` bytes and hands out the frames that are complete.
  std::size_t Read(std::size_t most) {
    buffer_.resize(most);
    const auto got = ::recv(theirs_.get(), buffer_.data(), buffer_.size(), 0);
    if (got <= 0) return 0;
    reader_.Feed(AsBytes(std::string_view(buffer_.data(), static_cast<std::size_t>(got))));
    while (const auto frame = reader_.Next()) {
      auto message = DecodeMessage(*frame);
      EXPECT_TRUE(message) << message.error().message;
      if (message) received_.push_back(std::move(*message));
    }
    return static_cast<std::size_t>(got);
  }

  UniqueFd ours_, theirs_;
  FrameReader reader_;
  std::string buffer_;
  std::vector<Message> received_;
  SendQueue queue_;
};

TEST_F(SendQueueTest, KeepsWhatTheSocketDoesNotTakeAndTheOrder) {
  const LeaseKey lease{{1, 1}, 1};
  std::vector<Message> sent;
  const auto add = [&](Message message) {
    ASSERT_TRUE(queue_.Append(message));
    sent.push_back(std::move(message));
  };
  add(LeaseDone{lease, std::string(3 << 20, 'x'), 1, 1, 1});
  ASSERT_TRUE(queue_.Flush(ours_.get()));
  EXPECT_FALSE(queue_.empty());
  // Messages join while the rest goes out in pieces of all sizes.
  std::size_t piece = 1;
  for (std::uint32_t index = 0; index < 200; ++index) {
    add(Token{lease, index, {index}, std::string(index, 'y')});
    Read(piece);
    piece = piece * 3 % 100'003;
    ASSERT_TRUE(queue_.Flush(ours_.get()));
  }
  while (!queue_.empty()) {
    Read(50'000);
    ASSERT_TRUE(queue_.Flush(ours_.get()));
  }
  while (Read(1 << 20) > 0) {
  }
  EXPECT_TRUE(received_ == sent);
}

TEST_F(SendQueueTest, AMessageThatBreaksALimitLeavesItAsItWas) {
  EXPECT_FALSE(queue_.Append(Hello{}));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(SendQueueTest, ABrokenConnectionIsToldAndWhatIsLeftCanBeForgotten) {
  theirs_.Reset();
  ASSERT_TRUE(queue_.Append(KeepAlive{}));
  EXPECT_FALSE(queue_.Flush(ours_.get()));
  EXPECT_FALSE(queue_.empty());
  queue_.Clear();
  EXPECT_TRUE(queue_.empty());
  EXPECT_TRUE(queue_.Flush(ours_.get()));
}

}  // namespace
}  // namespace altlas::wire
