// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "backend/process_watcher.h"
#include "backend/worker_connection.h"
#include "net/io_loop.h"
#include "net/stream.h"

namespace altlas::backend {

struct WorkerHubOptions {
  std::filesystem::path state;                       // folder of the manager's state, mode 0700
  Duration hello_within = std::chrono::seconds(10);  // after connecting
  std::size_t max_strangers = 256;                   // connections that have not said Hello
};

// Where the workers of this machine report: listens on `<state>/workers.sock`, lets in processes of the same
// user only, waits for their Hello and hands each connection to its device's backend. Also owns what all
// backends share. Outlives the backends; all on the loop's thread.
class WorkerHub {
 public:
  // One device, as the hub sees it.
  class Port {
   public:
    virtual ~Port() = default;
    // Takes the connection, or says why not (then the hub says Goodbye and closes it).
    virtual Status Attach(const wire::Hello& hello, std::unique_ptr<WorkerConnection>& connection) = 0;
    // A process connected and its Hello could not be understood. True where it is this device's worker.
    virtual bool OnBadHello(int peer_pid, const Error& error) = 0;
  };

  // kConflict where another manager listens there, kUnavailable.
  static Result<std::unique_ptr<WorkerHub>> Create(net::IoLoop& loop, WorkerHubOptions options);
  ~WorkerHub();
  WorkerHub(const WorkerHub&) = delete;
  WorkerHub& operator=(const WorkerHub&) = delete;

  // kConflict where the device has one already. The port unregisters itself before it ends.
  Status Register(const std::string& device, Port& port);
  void Unregister(const std::string& device);
  // The device's worker is left for the next manager: from now on a hello of it is answered by closing, which
  // makes it try again, and not by a refusal, which ends it. Until the device is registered anew.
  void LeaveToTheNext(const std::string& device);
  // Takes a connection over to send what is queued and close it.
  void Bury(std::unique_ptr<WorkerConnection> connection);

  net::IoLoop& loop() { return loop_; }
  ProcessWatcher& watcher() { return *watcher_; }
  const std::filesystem::path& state() const { return options_.state; }
  std::filesystem::path socket_path() const { return options_.state / "workers.sock"; }

 private:
  struct Stranger {
    std::unique_ptr<WorkerConnection> connection;
    net::IoLoop::Timer deadline;
  };
  using Strangers = std::list<Stranger>;

  WorkerHub(net::IoLoop& loop, WorkerHubOptions options) : loop_(loop), options_(std::move(options)) {}
  void OnAccept(std::unique_ptr<net::Stream> stream);
  void OnFirstMessage(Strangers::iterator stranger, wire::Message message);
  void OnBroken(Strangers::iterator stranger, const Error& error);
  void Refuse(std::unique_ptr<WorkerConnection> connection, wire::GoodbyeReason reason,
              const std::string& why);

  net::IoLoop& loop_;
  const WorkerHubOptions options_;
  std::unique_ptr<ProcessWatcher> watcher_;
  std::map<std::string, Port*, std::less<>> ports_;
  std::set<std::string, std::less<>> left_;
  Strangers strangers_;  // and those that are being closed
  std::unique_ptr<net::StreamListener> listener_;
};

}  // namespace altlas::backend
