// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace altlas::net {

// Chooses a handler by method and path. Patterns: `/api/v1/task/{id}` (one segment, not empty, decoded) and,
// at the end,
// `/files/{path*}` (the rest with its slashes, decoded, may be empty). A literal segment wins over a
// parameter. HEAD is answered by GET's handler, OPTIONS by the list of methods (204, Allow); a known path
// with another method gets 405 with Allow, anything else 404. Built before the server runs, then only read:
// Handle is thread-safe as far as the handlers are.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // Aborts on a malformed pattern or one that is there already: a bug of ours, found at the start.
  void Add(std::string_view method, std::string_view pattern, HttpHandler handler);
  void Handle(Request& request, const std::shared_ptr<ResponseWriter>& writer) const;

  // Where a request belongs: one of `handler`, `status` and neither (OPTIONS of a known path).
  struct Match {
    const HttpHandler* handler = nullptr;  // lives as long as the router
    std::size_t route = 0;                 // of the handler: how many were added before it
    int status = 0;                        // 404 or 405, told by `error`
    Error error = {};
    std::string allow = {};  // the path's methods where there is no handler: "GET, HEAD, OPTIONS"
  };
  // As Handle, without answering: by method and path alone. Fills the request's params.
  Match Find(Request& request) const;

 private:
  struct Node;
  static const Node* Walk(const Node& node, std::string_view path, PathParams& params);
  static std::string Allow(const Node& node);
  const Node* FindNode(std::string_view path, PathParams& params) const;
  std::unique_ptr<Node> root_;
  std::size_t routes_ = 0;
};

}  // namespace altlas::net
