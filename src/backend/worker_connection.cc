// SPDX-License-Identifier: Apache-2.0
#include "backend/worker_connection.h"

namespace altlas::backend {

WorkerConnection::WorkerConnection(std::unique_ptr<net::Stream> stream, Callbacks callbacks)
    : stream_(std::move(stream)),
      callbacks_(std::make_shared<Callbacks>(std::move(callbacks))),
      alive_(std::make_shared<bool>(true)) {
  net::StreamCallbacks of_stream;
  of_stream.on_bytes = [this](std::string_view bytes) { OnBytes(bytes); };
  of_stream.on_close = [this](const Error& reason) {
    const auto keep = callbacks_;
    keep->on_closed(reason);
  };
  stream_->Start(std::move(of_stream));
}

void WorkerConnection::SetCallbacks(Callbacks callbacks) {
  callbacks_ = std::make_shared<Callbacks>(std::move(callbacks));
}

void WorkerConnection::CloseWhenSent() {
  deaf_ = true;
  stream_->CloseWhenSent();
}

void WorkerConnection::OnBytes(std::string_view bytes) {
  if (deaf_) return;
  const auto alive = alive_;
  reader_.Feed(AsBytes(bytes));
  while (*alive && !deaf_) {
    const auto frame = reader_.Next();
    auto message = frame ? wire::DecodeMessage(*frame) : Result<wire::Message>(wire::KeepAlive{});
    const auto keep = callbacks_;
    if (frame && message) {
      keep->on_message(std::move(*message));
      continue;
    }
    if (!message || !reader_.status()) {
      deaf_ = true;
      keep->on_broken(message ? reader_.status().error() : message.error());
    }
    return;
  }
}

}  // namespace altlas::backend
