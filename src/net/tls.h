// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace altlas::net {

// What a server shows and asks for. A value; the files are read by ForServer and Reload, which name what is
// wrong with them. Relative paths are taken from the working directory.
struct TlsServerOptions {
  std::filesystem::path certificate_file = {};  // PEM, the chain, leaf first
  std::filesystem::path key_file = {};          // PEM, not encrypted
  std::filesystem::path
      client_ca_file;  // PEM; not empty: clients must show a certificate signed by one of these
};

// Whom a client trusts and what it shows. A value, read like the server's.
struct TlsClientOptions {
  std::filesystem::path ca_file = {};           // PEM; empty: the system's trust store
  std::filesystem::path certificate_file = {};  // PEM, shown to the server where not empty
  std::filesystem::path key_file = {};          // PEM, not encrypted; goes with it
  std::string server_name = {};  // checked against the certificate and sent as SNI; empty: the address's host
  bool verify = true;            // false: any certificate is taken. For tools that were told so by the user.
};

// Certificates and rules of one side of TLS 1.2 and 1.3. Shared by listeners, connectors and their
// connections. Used on the thread of its loop; several loops take one each.
class TlsContext {
 public:
  // kNotFound, kInvalidArgument (file and reason named) where a file is missing, no PEM, or key and
  // certificate do not match.
  static Result<std::shared_ptr<TlsContext>> ForServer(TlsServerOptions options);
  static Result<std::shared_ptr<TlsContext>> ForClient(TlsClientOptions options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Reads the files again; connections made from now on use them. On an error the old ones stay.
  Status Reload();
  bool is_server() const { return is_server_; }
  const std::string& server_name() const { return client_.server_name; }
  bool verify() const { return client_.verify; }
  SSL_CTX* native() const { return context_; }

 private:
  TlsContext() = default;
  Result<SSL_CTX*> Load() const;
  bool is_server_ = false;
  TlsServerOptions server_;
  TlsClientOptions client_;
  SSL_CTX* context_ = nullptr;
};

}  // namespace altlas::net
