// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <set>

#include "gateway/gateway_impl.h"
#include "gateway/site_check.h"

namespace altlas::gateway {

namespace {

// Two values of one parameter: whichever counted, somebody would have meant the other.
Status CheckQuery(const net::Request& request) {
  if (request.query.empty()) return {};
  const auto pairs = request.QueryPairs();
  std::set<std::string_view> seen;
  for (const auto& [name, value] : pairs) {
    if (seen.insert(name).second) continue;
    return FailField(name.substr(0, 64), "the parameter \"{}\" stands twice in the query; send it once",
                     name.substr(0, 64));
  }
  return {};
}

}  // namespace

Gateway::Impl::Impl(GatewayDeps deps) : deps_(std::move(deps)) {}

void Gateway::Impl::Add(std::string_view method, std::string pattern, store::Scope scope,
                        RouteFunction function, std::size_t body_bytes) {
  routes_.push_back({std::string(method) + " " + pattern, scope, body_bytes});
  router_.Add(method, pattern,
              [this, scope, function = std::move(function)](net::Request& request, const Writer& writer) {
                double retry_after = 1;
                auto who = deps_.keys.Authenticate(request, scope, &retry_after);
                if (!who.has_value()) return SendError(*writer, who.error(), retry_after);
                if (who->key_id.is_nil() && !request.peer_uid) {
                  const auto& origins = deps_.config.current().config.server.cors.allowed_origins;
                  if (const auto site = CheckSite(request, origins); !site.has_value())
                    return SendError(*writer, site.error());
                }
                if (const auto once = CheckQuery(request); !once.has_value())
                  return SendError(*writer, once.error());
                function(request, writer, *who);
              });
}

void Gateway::Impl::Add(std::string_view method, std::string pattern, store::Scope scope, Route route,
                        std::size_t body_bytes) {
  Add(
      method, std::move(pattern), scope,
      [this, route](net::Request& request, const Writer& writer, const Principal& who) {
        (this->*route)(request, writer, who);
      },
      body_bytes);
}

void Gateway::Impl::AddOpen(std::string_view method, std::string pattern, net::HttpHandler handler) {
  routes_.push_back({std::string(method) + " " + pattern, std::nullopt, net::kUncheckedBodyBytes});
  router_.Add(method, pattern, std::move(handler));
}

void Gateway::Impl::AddRoutes() {
  using store::Scope;
  Add("POST", "/api/v1/predict", Scope::kPredict, &Impl::Predict, SIZE_MAX);
  Add("POST", "/api/v1/batch_predict", Scope::kPredict, &Impl::BatchPredict, SIZE_MAX);
  Add("GET", "/api/v1/tasks", Scope::kPredict, &Impl::ListTasks);
  Add("GET", "/api/v1/task/{id}", Scope::kPredict, &Impl::GetTask);
  Add("DELETE", "/api/v1/task/{id}", Scope::kPredict, &Impl::DeleteTask);
  Add("GET", "/api/v1/task/{id}/stream", Scope::kPredict, &Impl::StreamTask);
  AddConfigRoutes();
  AddKeyRoutes();
  AddProfileRoutes();
  AddSystemRoutes();
}

Gateway::Gateway(GatewayDeps deps) : impl_(std::make_shared<Impl>(std::move(deps))) {
  impl_->AddRoutes();
  impl_->deps_.keys.OnRevoked([weak = std::weak_ptr(impl_)](const Uuid& key) {
    if (const auto impl = weak.lock()) impl->waits_.End(key);
  });
}
Gateway::~Gateway() = default;

net::HttpHandler Gateway::Handler() {
  return
      [impl = impl_](net::Request& request, const Writer& writer) { impl->router_.Handle(request, writer); };
}

net::HttpHeadVerdict Gateway::Impl::CheckHead(net::Request& head) const {
  auto match = router_.Find(head);
  if (match.handler == nullptr) {
    net::HttpHeadVerdict verdict{match.status, std::move(match.error), {}, net::kUncheckedBodyBytes};
    if (!match.allow.empty()) verdict.headers.emplace_back("Allow", std::move(match.allow));
    return verdict;
  }
  const auto& rules = routes_[match.route];
  if (rules.scope) {
    if (auto let_in = deps_.keys.Check(head, *rules.scope); !let_in.has_value()) {
      net::HttpHeadVerdict verdict{HttpStatus(let_in.error()), std::move(let_in).error(), {}, 0};
      if (verdict.status == 401) verdict.headers.emplace_back("WWW-Authenticate", "Bearer");
      return verdict;
    }
    const auto& config = deps_.config.current().config;
    if (!config.auth.enabled && !head.peer_uid) {
      if (auto site = CheckSite(head, config.server.cors.allowed_origins); !site.has_value())
        return {HttpStatus(site.error()), std::move(site).error(), {}, 0};
    }
  }
  return {.body_bytes = rules.body_bytes};
}

net::HttpHeadCheck Gateway::HeadCheck() {
  return [impl = impl_](net::Request& head) { return impl->CheckHead(head); };
}

std::vector<std::string> Gateway::Routes() const {
  std::vector<std::string> names;
  for (const auto& route : impl_->routes_) names.push_back(route.name);
  return names;
}

}  // namespace altlas::gateway
