// SPDX-License-Identifier: Apache-2.0
// The gateway's inside, shared by its routes_*.cc files.
#pragma once
#include "base/random.h"
#include "gateway/api_errors.h"
#include "gateway/gateway.h"
#include "gateway/open_waits.h"
#include "gateway/render.h"

namespace altlas::gateway {

using Writer = std::shared_ptr<net::ResponseWriter>;

inline constexpr std::size_t kSmallBodyBytes = 64u << 10;

class Gateway::Impl : public std::enable_shared_from_this<Gateway::Impl> {
 public:
  explicit Impl(GatewayDeps deps);
  void AddRoutes();

  // routes_predict.cc
  void Predict(net::Request& request, const Writer& writer, const Principal& who);
  // routes_batch.cc
  void BatchPredict(net::Request& request, const Writer& writer, const Principal& who);
  // routes_tasks.cc
  void GetTask(net::Request& request, const Writer& writer, const Principal& who);
  void ListTasks(net::Request& request, const Writer& writer, const Principal& who);
  void DeleteTask(net::Request& request, const Writer& writer, const Principal& who);
  // routes_stream.cc
  void StreamTask(net::Request& request, const Writer& writer, const Principal& who);
  // These two end early, with kUnauthenticated, once `key` (nil: none) is revoked; its tasks go on.
  void BeginTokenStream(const TaskId& id, std::uint32_t from_index, const Uuid& key, const Writer& writer,
                        const std::string& warning);
  // Answers with the task once it is final, or as it stands after `seconds`.
  void AnswerWhenDone(const TaskId& id, double seconds, bool explain, const Uuid& key, const Writer& writer,
                      const std::string& warning);
  // routes_config.cc
  void AddConfigRoutes();
  // routes_keys.cc
  void AddKeyRoutes();
  // routes_profile.cc
  void AddProfileRoutes();
  // routes_system.cc
  void AddSystemRoutes();

  net::HttpHeadVerdict CheckHead(net::Request& head) const;
  using Route = void (Impl::*)(net::Request&, const Writer&, const Principal&);
  using RouteFunction = std::function<void(net::Request&, const Writer&, const Principal&)>;
  // Adds a route that needs a key with `scope` and takes bodies up to `body_bytes` (and the server's limit).
  void Add(std::string_view method, std::string pattern, store::Scope scope, RouteFunction function,
           std::size_t body_bytes = kSmallBodyBytes);
  void Add(std::string_view method, std::string pattern, store::Scope scope, Route route,
           std::size_t body_bytes = kSmallBodyBytes);
  // Adds one that needs none, and no body.
  void AddOpen(std::string_view method, std::string pattern, net::HttpHandler handler);

  // admission.cc
  RequestRules Rules() const;
  static Random SeededFromKernel();
  std::uint64_t DrawSeed() { return seeds_.Next(); }
  // The claim of a request with an Idempotency-Key; none without; an error for a malformed one.
  Result<std::optional<store::IdempotencyClaim>> ClaimOf(const net::Request& request, const Principal& who,
                                                         std::string_view note) const;
  // True where the answer is an error already: `unknown` fields of the body, or parameters of the query
  // beside `known` and strict, under ?strict=true; a strict that is neither true nor false. Else `warning`
  // names them for the header.
  bool RefuseUnknown(const net::Request& request, std::span<const std::string_view> known,
                     std::vector<std::string> unknown, const Writer& writer, std::string* warning) const;
  void AnswerSubmitError(const Writer& writer, const Error& error) const;
  // The task of /task/{id}, without its result, where it exists and this key may see it; else answers.
  std::optional<pool::TaskView> VisibleTask(const net::Request& request, const Writer& writer,
                                            const Principal& who) const;

  GatewayDeps deps_;
  Random seeds_ = SeededFromKernel();
  struct RouteRules {
    std::string name;                   // "METHOD pattern"
    std::optional<store::Scope> scope;  // that a key needs; none: open to all
    std::size_t body_bytes = 0;         // the longest body
  };
  net::Router router_;
  std::vector<RouteRules> routes_;  // as the router counts them
  OpenWaits waits_;                 // what requests that are open wait for, by their key
};

}  // namespace altlas::gateway
