// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace altlas::net {
namespace {

std::string TakeOpensslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown reason";
}

Error BadFile(std::string_view what, const std::filesystem::path& path) {
  const std::string reason = TakeOpensslError();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Fail(ErrorCode::kNotFound, "the {} file '{}' does not exist", what, path.string());
  }
  return Fail(ErrorCode::kInvalidArgument, "cannot use the {} file '{}' ({}); it must be readable PEM", what,
              path.string(), reason);
}

Status UseCertificate(SSL_CTX* context, const std::filesystem::path& certificate,
                      const std::filesystem::path& key) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return BadFile("certificate", certificate);
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return BadFile("key", key);
  if (SSL_CTX_check_private_key(context) != 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "the key in '{}' does not belong to the certificate in '{}' ({})", key.string(),
                certificate.string(), TakeOpensslError());
  }
  return {};
}

Status UseAuthorities(SSL_CTX* context, const std::filesystem::path& file) {
  if (SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) != 1) return BadFile("CA", file);
  return {};
}

int RefusePassphrase(char*, int, int, void*) { return 0; }  // never ask on the terminal

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using OwnedContext = std::unique_ptr<SSL_CTX, FreeContext>;

Status ConfigureServer(SSL_CTX* context, const TlsServerOptions& options) {
  ALTLAS_TRY_VOID(UseCertificate(context, options.certificate_file, options.key_file));
  SSL_CTX_set_options(context,
                      SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  constexpr unsigned char kSessionContext[] = "alt_las";
  SSL_CTX_set_session_id_context(context, kSessionContext, sizeof(kSessionContext) - 1);
  if (options.client_ca_file.empty()) return {};
  ALTLAS_TRY_VOID(UseAuthorities(context, options.client_ca_file));
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.client_ca_file.c_str()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

Status ConfigureClient(SSL_CTX* context, const TlsClientOptions& options) {
  if (!options.certificate_file.empty()) {
    ALTLAS_TRY_VOID(UseCertificate(context, options.certificate_file, options.key_file));
  }
  if (!options.verify) return {};
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (!options.ca_file.empty()) return UseAuthorities(context, options.ca_file);
  if (SSL_CTX_set_default_verify_paths(context) != 1) {
    return Fail(ErrorCode::kUnavailable, "cannot read the system's trusted certificates ({})",
                TakeOpensslError());
  }
  return {};
}

}  // namespace

Result<SSL_CTX*> TlsContext::Load() const {
  ERR_clear_error();
  OwnedContext context(SSL_CTX_new(is_server_ ? TLS_server_method() : TLS_client_method()));
  if (context == nullptr)
    return Fail(ErrorCode::kUnavailable, "cannot make a TLS context ({})", TakeOpensslError());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_default_passwd_cb(context.get(), RefusePassphrase);
  // Idle connections give their buffers back: 34 KiB each.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  ALTLAS_TRY_VOID(is_server_ ? ConfigureServer(context.get(), server_)
                             : ConfigureClient(context.get(), client_));
  return context.release();
}

Result<std::shared_ptr<TlsContext>> TlsContext::ForServer(TlsServerOptions options) {
  std::shared_ptr<TlsContext> result(new TlsContext());
  result->is_server_ = true;
  result->server_ = std::move(options);
  ALTLAS_TRY_VOID(result->Reload());
  return result;
}

Result<std::shared_ptr<TlsContext>> TlsContext::ForClient(TlsClientOptions options) {
  std::shared_ptr<TlsContext> result(new TlsContext());
  result->client_ = std::move(options);
  ALTLAS_TRY_VOID(result->Reload());
  return result;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Status TlsContext::Reload() {
  ALTLAS_TRY(SSL_CTX * fresh, Load());
  SSL_CTX_free(context_);  // connections hold references of their own
  context_ = fresh;
  return {};
}

}  // namespace altlas::net
