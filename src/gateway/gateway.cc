// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include "gateway/gateway_impl.h"

namespace altlas::gateway {

Gateway::Impl::Impl(GatewayDeps deps) : deps_(std::move(deps)) {}

void Gateway::Impl::Add(std::string_view method, std::string pattern, store::Scope scope,
                        RouteFunction function) {
  routes_.push_back(std::string(method) + " " + pattern);
  router_.Add(method, pattern,
              [this, scope, function = std::move(function)](net::Request& request, const Writer& writer) {
                double retry_after = 1;
                auto who = deps_.keys.Authenticate(request, scope, &retry_after);
                if (!who.has_value()) return SendError(*writer, who.error(), retry_after);
                function(request, writer, *who);
              });
}

void Gateway::Impl::Add(std::string_view method, std::string pattern, store::Scope scope, Route route) {
  Add(method, std::move(pattern), scope,
      [this, route](net::Request& request, const Writer& writer, const Principal& who) {
        (this->*route)(request, writer, who);
      });
}

void Gateway::Impl::AddOpen(std::string_view method, std::string pattern, net::HttpHandler handler) {
  routes_.push_back(std::string(method) + " " + pattern);
  router_.Add(method, pattern, std::move(handler));
}

void Gateway::Impl::AddRoutes() {
  using store::Scope;
  Add("POST", "/api/v1/predict", Scope::kPredict, &Impl::Predict);
  Add("POST", "/api/v1/batch_predict", Scope::kPredict, &Impl::BatchPredict);
  Add("GET", "/api/v1/tasks", Scope::kPredict, &Impl::ListTasks);
  Add("GET", "/api/v1/task/{id}", Scope::kPredict, &Impl::GetTask);
  Add("DELETE", "/api/v1/task/{id}", Scope::kPredict, &Impl::DeleteTask);
  Add("GET", "/api/v1/task/{id}/stream", Scope::kPredict, &Impl::StreamTask);
  AddConfigRoutes();
  AddKeyRoutes();
  AddSystemRoutes();
}

Gateway::Gateway(GatewayDeps deps) : impl_(std::make_shared<Impl>(std::move(deps))) { impl_->AddRoutes(); }
Gateway::~Gateway() = default;

net::HttpHandler Gateway::Handler() {
  return
      [impl = impl_](net::Request& request, const Writer& writer) { impl->router_.Handle(request, writer); };
}

std::vector<std::string> Gateway::Routes() const { return impl_->routes_; }

}  // namespace altlas::gateway
