// SPDX-License-Identifier: Apache-2.0
#include "backend/worker_hub.h"

#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

namespace altlas::backend {

namespace {
constexpr Duration kBuryWithin = std::chrono::seconds(2);
}

Result<std::unique_ptr<WorkerHub>> WorkerHub::Create(net::IoLoop& loop, WorkerHubOptions options) {
  ALTLAS_TRY_VOID(MakeFolder(options.state / "workers", 0700));
  std::unique_ptr<WorkerHub> hub(new WorkerHub(loop, std::move(options)));
  ALTLAS_TRY(hub->watcher_, ProcessWatcher::Create(loop.AsExecutor()));
  auto* raw = hub.get();
  ALTLAS_TRY(hub->listener_,
             net::StreamListener::Create(loop, net::Address::Unix(hub->socket_path().string()), {},
                                         [raw](auto stream) { raw->OnAccept(std::move(stream)); }));
  return hub;
}

WorkerHub::~WorkerHub() = default;

Status WorkerHub::Register(const std::string& device, Port& port) {
  if (!ports_.emplace(device, &port).second)
    return Fail(ErrorCode::kConflict, "device {} has a backend already", device);
  left_.erase(device);
  return {};
}

void WorkerHub::Unregister(const std::string& device) { ports_.erase(device); }

void WorkerHub::LeaveToTheNext(const std::string& device) { left_.insert(device); }

void WorkerHub::OnAccept(std::unique_ptr<net::Stream> stream) {
  if (stream->peer().uid != ::geteuid()) {
    ALTLAS_WARN("backend", "a process of another user was refused", {"uid", stream->peer().uid.value_or(0)});
    return;
  }
  if (strangers_.size() >= options_.max_strangers) {
    ALTLAS_WARN("backend", "too many processes connect and say nothing", {"limit", options_.max_strangers});
    return;
  }
  const auto it = strangers_.emplace(strangers_.end());
  WorkerConnection::Callbacks callbacks;
  callbacks.on_message = [this, it](wire::Message message) { OnFirstMessage(it, std::move(message)); };
  callbacks.on_broken = [this, it](const Error& error) { OnBroken(it, error); };
  callbacks.on_closed = [this, it](const Error&) { strangers_.erase(it); };
  it->connection = std::make_unique<WorkerConnection>(std::move(stream), std::move(callbacks));
  it->deadline = loop_.RunAfter(options_.hello_within, [this, it] {
    ALTLAS_WARN("backend", "a process connected and said nothing",
                {"pid", it->connection->peer().pid.value_or(0)});
    strangers_.erase(it);
  });
}

void WorkerHub::OnFirstMessage(Strangers::iterator stranger, wire::Message message) {
  auto connection = std::move(stranger->connection);
  strangers_.erase(stranger);
  const auto* hello = std::get_if<wire::Hello>(&message);
  if (hello == nullptr)
    return Refuse(std::move(connection), wire::GoodbyeReason::kRefused, "the first message is a hello");
  if (left_.contains(hello->device)) return Bury(std::move(connection));
  const auto port = ports_.find(hello->device);
  if (port == ports_.end()) {
    return Refuse(std::move(connection), wire::GoodbyeReason::kRefused,
                  "this manager has no device " + hello->device);
  }
  const auto status = port->second->Attach(*hello, connection);
  if (status) return;
  const bool version = status.error().code == ErrorCode::kUnsupported;
  Refuse(std::move(connection), version ? wire::GoodbyeReason::kWrongVersion : wire::GoodbyeReason::kRefused,
         status.error().message);
}

void WorkerHub::OnBroken(Strangers::iterator stranger, const Error& error) {
  auto connection = std::move(stranger->connection);
  strangers_.erase(stranger);
  const int pid = connection->peer().pid.value_or(0);
  const bool version = error.code == ErrorCode::kUnsupported;
  Refuse(std::move(connection), version ? wire::GoodbyeReason::kWrongVersion : wire::GoodbyeReason::kRefused,
         error.message);
  for (const auto& [device, port] : ports_) {
    if (port->OnBadHello(pid, error)) return;  // the port, and the map with it, may have changed
  }
}

void WorkerHub::Refuse(std::unique_ptr<WorkerConnection> connection, wire::GoodbyeReason reason,
                       const std::string& why) {
  ALTLAS_WARN("backend", "a worker was refused", {"pid", connection->peer().pid.value_or(0)}, {"why", why});
  if (const auto bytes = wire::EncodeMessage(wire::Goodbye{reason, why})) (void)connection->Write(*bytes);
  Bury(std::move(connection));
}

void WorkerHub::Bury(std::unique_ptr<WorkerConnection> connection) {
  const auto it = strangers_.emplace(strangers_.end());
  it->connection = std::move(connection);
  WorkerConnection::Callbacks callbacks;
  callbacks.on_message = [](wire::Message) {};
  callbacks.on_broken = [](const Error&) {};
  callbacks.on_closed = [this, it](const Error&) { strangers_.erase(it); };
  it->connection->SetCallbacks(std::move(callbacks));
  it->deadline = loop_.RunAfter(kBuryWithin, [this, it] { strangers_.erase(it); });
  it->connection->CloseWhenSent();
}

}  // namespace altlas::backend
