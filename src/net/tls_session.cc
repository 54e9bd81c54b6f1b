// SPDX-License-Identifier: Apache-2.0
#include "net/tls_session.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <climits>

namespace altlas::net {
namespace {

bool IsNumericAddress(const std::string& host) {
  in6_addr buffer{};
  return ::inet_pton(AF_INET, host.c_str(), &buffer) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &buffer) == 1;
}

void ExpectServer(SSL* ssl, const std::string& host) {
  if (IsNumericAddress(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
    return;
  }
  SSL_set_tlsext_host_name(ssl, host.c_str());
  SSL_set1_host(ssl, host.c_str());
}

}  // namespace

Result<std::unique_ptr<TlsSession>> TlsSession::Create(std::shared_ptr<TlsContext> context,
                                                       const std::string& host) {
  std::unique_ptr<TlsSession> session(new TlsSession());
  session->ssl_ = SSL_new(context->native());
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  if (session->ssl_ == nullptr || in == nullptr || out == nullptr) {
    BIO_free(in);
    BIO_free(out);
    return Fail(ErrorCode::kUnavailable, "out of memory for a TLS connection");
  }
  BIO_set_mem_eof_return(in, -1);  // empty means "try again", not the end
  SSL_set_bio(session->ssl_, in, out);
  if (context->is_server()) {
    SSL_set_accept_state(session->ssl_);
  } else {
    SSL_set_connect_state(session->ssl_);
    if (context->verify())
      ExpectServer(session->ssl_, context->server_name().empty() ? host : context->server_name());
  }
  session->context_ = std::move(context);
  return session;
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

Error TlsSession::LastError(std::string_view doing) const {
  const unsigned long code = ERR_peek_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  const long verify = SSL_get_verify_result(ssl_);
  if (verify != X509_V_OK) {
    return Fail(ErrorCode::kDenied, "TLS {}: the peer's certificate is not trusted: {}", doing,
                X509_verify_cert_error_string(verify));
  }
  return Fail(ErrorCode::kUnavailable, "TLS {}: {}", doing, reason != nullptr ? reason : "connection broken");
}

Status TlsSession::Feed(std::string_view encrypted) {
  if (BIO_write(SSL_get_rbio(ssl_), encrypted.data(), static_cast<int>(encrypted.size())) !=
      static_cast<int>(encrypted.size())) {
    return Fail(ErrorCode::kUnavailable, "out of memory for a TLS connection");
  }
  return {};
}

bool TlsSession::handshake_done() const { return SSL_is_init_finished(ssl_) == 1; }

Status TlsSession::Advance() {
  if (handshake_done()) return {};
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_);
  if (done == 1) return {};
  const int error = SSL_get_error(ssl_, done);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {};
  return LastError("handshake");
}

Result<std::size_t> TlsSession::Read(std::span<char> into) {
  if (ended_) return std::size_t{0};
  ERR_clear_error();
  std::size_t got = 0;
  const int done = SSL_read_ex(ssl_, into.data(), into.size(), &got);
  if (done == 1) return got;
  switch (SSL_get_error(ssl_, done)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return std::size_t{0};
    case SSL_ERROR_ZERO_RETURN:
      ended_ = true;
      return std::size_t{0};
    default:
      return LastError(handshake_done() ? "read" : "handshake");
  }
}

Status TlsSession::Write(std::string_view plain) {
  while (!plain.empty()) {
    ERR_clear_error();
    std::size_t taken = 0;
    if (SSL_write_ex(ssl_, plain.data(), plain.size(), &taken) != 1) return LastError("write");
    plain.remove_prefix(taken);
  }
  return {};
}

void TlsSession::Shutdown() {
  if (handshake_done()) SSL_shutdown(ssl_);
  ERR_clear_error();
}

void TlsSession::TakeOutput(std::string& out) {
  BIO* bio = SSL_get_wbio(ssl_);
  const std::size_t waiting = BIO_ctrl_pending(bio);
  if (waiting == 0) return;
  const std::size_t before = out.size();
  out.resize(before + waiting);
  const int got = BIO_read(bio, out.data() + before, static_cast<int>(waiting));
  out.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
}

}  // namespace altlas::net
