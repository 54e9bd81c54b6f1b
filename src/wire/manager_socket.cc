// SPDX-License-Identifier: Apache-2.0
#include "wire/manager_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace altlas::wire {
namespace {

bool PeerMayLead(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == ::geteuid() || peer.uid == 0);
}

}  // namespace

Status CheckSocketPath(const std::string& path) {
  if (!path.empty() && path.size() < sizeof(sockaddr_un::sun_path)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "the socket path \"{}\" has {} bytes; the system allows 1 to {}: use a shorter path", path,
              path.size(), sizeof(sockaddr_un::sun_path) - 1);
}

UniqueFd ConnectToManager(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      !PeerMayLead(fd.get())) {
    return {};
  }
  return fd;
}

}  // namespace altlas::wire
