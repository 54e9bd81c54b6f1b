// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <functional>
#include <memory>

#include "base/unique_fd.h"
#include "net/address.h"
#include "net/loop_native.h"
#include "net/stream.h"

namespace altlas::net {

// A listening socket on the loop: hands over each accepted descriptor, non-blocking and close-on-exec. For
// the sources of net alone. Without descriptors (EMFILE) it rests a moment instead of spinning. A Unix
// socket's file is removed on destruction.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  using OnAccept = std::function<void(UniqueFd fd, PeerInfo peer)>;
  static Result<std::shared_ptr<Acceptor>> Create(IoLoop& loop, const Address& address,
                                                  const ListenOptions& options, OnAccept on_accept);
  ~Acceptor();
  void Close();
  const Address& address() const { return address_; }

 private:
  Acceptor(IoLoop& loop, Address address, UniqueFd fd, OnAccept on_accept);
  void Wait();
  void AcceptReady();
  void Rest();

  IoLoop& loop_;
  Address address_;
  Descriptor descriptor_;
  OnAccept on_accept_;
  IoLoop::Timer rest_;
  ino_t socket_inode_ = 0;  // of the Unix socket's file: another process may have put its own there meanwhile
  bool open_ = true;
};

// The socket's other end as text and, for Unix sockets, the kernel's word on who it is.
PeerInfo DescribePeer(int fd);

}  // namespace altlas::net
