// SPDX-License-Identifier: Apache-2.0
#include "net/router.h"

#include <utility>

namespace altlas::net {

// A segment of the patterns. Children: literals first, then the one parameter, then the rest.
struct Router::Node {
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;
  std::unique_ptr<Node> parameter;
  std::unique_ptr<Node> rest;
  std::string parameter_name;
  std::string rest_name;
  struct Method {
    std::string name;
    HttpHandler handler;
    std::size_t route = 0;
  };
  std::vector<Method> methods;

  const Method* FindMethod(std::string_view name) const {
    for (const auto& method : methods) {
      if (method.name == name) return &method;
    }
    return nullptr;
  }
  Node* Literal(std::string_view segment) const {
    for (const auto& [name, node] : literals) {
      if (name == segment) return node.get();
    }
    return nullptr;
  }
};

namespace {

// The first segment of "a/b", removed with its slash. `more` tells whether one follows, be it empty.
std::string_view TakeSegment(std::string_view& path, bool& more) {
  const auto slash = path.find('/');
  const auto segment = path.substr(0, slash);
  more = slash != std::string_view::npos;
  path.remove_prefix(more ? slash + 1 : path.size());
  return segment;
}

bool AddDecoded(PathParams& params, std::string_view name, std::string_view value) {
  if (value.find('%') == std::string_view::npos) return params.Add(name, value);
  auto decoded = PercentDecode(value);
  return decoded && params.AddOwned(name, std::move(*decoded));
}

}  // namespace

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::Add(std::string_view method, std::string_view pattern, HttpHandler handler) {
  ALTLAS_CHECK(pattern.starts_with('/'), "a route's pattern begins with '/'");
  pattern.remove_prefix(1);
  Node* node = root_.get();
  std::size_t parameters = 0;
  for (bool more = true; more;) {
    const auto segment = TakeSegment(pattern, more);
    if (!segment.starts_with('{')) {
      if (Node* literal = node->Literal(segment)) {
        node = literal;
        continue;
      }
      node->literals.emplace_back(segment, std::make_unique<Node>());
      node = node->literals.back().second.get();
      continue;
    }
    ALTLAS_CHECK(segment.ends_with('}') && segment.size() > 2,
                 "a route's parameter is written {name} or {name*}");
    ALTLAS_CHECK(++parameters <= PathParams::kMax, "a route has too many parameters");
    auto name = segment.substr(1, segment.size() - 2);
    const bool rest = name.ends_with('*');
    if (rest) name.remove_suffix(1);
    ALTLAS_CHECK(!rest || !more, "a route's {name*} stands at its end");
    auto& known = rest ? node->rest_name : node->parameter_name;
    ALTLAS_CHECK(known.empty() || known == name, "two routes name the same parameter differently");
    known = name;
    auto& next = rest ? node->rest : node->parameter;
    if (next == nullptr) next = std::make_unique<Node>();
    node = next.get();
  }
  ALTLAS_CHECK(node->FindMethod(method) == nullptr, "a route is there already");
  node->methods.push_back({std::string(method), std::move(handler), routes_++});
}

// Literals before parameters before the rest, with the way back: /a/{x}/c and /a/b/d both work. Each node is
// entered at most once for a path, so the work is bounded by the number of patterns.
const Router::Node* Router::Walk(const Node& node, std::string_view path, PathParams& params) {
  bool more = false;
  std::string_view behind = path;
  const auto segment = TakeSegment(behind, more);
  const auto descend = [&](const Node& child) -> const Node* {
    if (more) return Walk(child, behind, params);
    return child.methods.empty() ? nullptr : &child;
  };
  if (const Node* literal = node.Literal(segment)) {
    if (const Node* found = descend(*literal)) return found;
  }
  const std::size_t before = params.size();
  if (node.parameter != nullptr && !segment.empty() && AddDecoded(params, node.parameter_name, segment)) {
    if (const Node* found = descend(*node.parameter)) return found;
    params.Truncate(before);
  }
  if (node.rest != nullptr && AddDecoded(params, node.rest_name, path)) return node.rest.get();
  return nullptr;
}

const Router::Node* Router::FindNode(std::string_view path, PathParams& params) const {
  params.Truncate(0);
  return path.starts_with('/') ? Walk(*root_, path.substr(1), params) : nullptr;
}

std::string Router::Allow(const Node& node) {
  std::string allow;
  for (const auto& method : node.methods) {
    if (method.name == "OPTIONS") continue;
    allow += method.name + ", ";
    if (method.name == "GET" && node.FindMethod("HEAD") == nullptr) allow += "HEAD, ";
  }
  return allow + "OPTIONS";
}

Router::Match Router::Find(Request& request) const {
  Match match;
  const Node* node = FindNode(request.path, request.params);
  if (node == nullptr) {
    match.status = 404;
    match.error = Fail(ErrorCode::kNotFound, "nothing is at '{}'", request.path);
    return match;
  }
  const auto* method = node->FindMethod(request.method);
  if (method == nullptr && request.method == "HEAD") method = node->FindMethod("GET");
  if (method != nullptr) {
    match.handler = &method->handler;
    match.route = method->route;
    return match;
  }
  match.allow = Allow(*node);
  if (request.method == "OPTIONS") return match;
  match.status = 405;
  match.error =
      Fail(ErrorCode::kUnsupported, "'{}' takes {}, not {}", request.path, match.allow, request.method);
  return match;
}

void Router::Handle(Request& request, const std::shared_ptr<ResponseWriter>& writer) const {
  const auto match = Find(request);
  if (match.handler != nullptr) return (*match.handler)(request, writer);
  const HeaderField field{"Allow", match.allow};
  const std::span<const HeaderField> fields(&field, match.allow.empty() ? 0 : 1);
  if (match.status == 0) return writer->Send({.status = 204, .headers = fields});
  writer->SendError(match.status, match.error, fields);
}

}  // namespace altlas::net
