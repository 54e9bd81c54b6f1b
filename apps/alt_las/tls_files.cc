// SPDX-License-Identifier: Apache-2.0
#include "tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <ctime>
#include <memory>

#include "base/file.h"
#include "gateway/render.h"

namespace altlas::app {
namespace {

constexpr std::size_t kMaxPemBytes = 1 << 20;
constexpr const char* kCertificateKey = "server.tls.certificate";
constexpr const char* kKeyKey = "server.tls.key";

struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
  void operator()(BIO* x) const { BIO_free(x); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

Result<Owned<BIO>> Open(const std::filesystem::path& path, std::string& text, const char* key) {
  auto read = ReadFile(path, kMaxPemBytes);
  if (!read.has_value()) return Error{read.error().code, read.error().message, key};
  text = std::move(*read);
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int NotePassword(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<Owned<X509>> ReadCertificate(const std::filesystem::path& path) {
  std::string text;
  ALTLAS_TRY(const auto file, Open(path, text, kCertificateKey));
  Owned<X509> certificate(PEM_read_bio_X509_AUX(file.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate == nullptr)
    return FailField(kCertificateKey, "{} holds no certificate in PEM", path.string());
  return certificate;
}

Result<Owned<EVP_PKEY>> ReadKey(const std::filesystem::path& path) {
  std::string text;
  ALTLAS_TRY(const auto file, Open(path, text, kKeyKey));
  bool encrypted = false;
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(file.get(), nullptr, NotePassword, &encrypted));
  ERR_clear_error();
  if (encrypted)
    return FailField(kKeyKey,
                     "{} is encrypted with a password, and a server has nobody to ask for it; write one "
                     "without: openssl pkey -in '{}' -out key.pem",
                     path.string(), path.string());
  if (key == nullptr) return FailField(kKeyKey, "{} holds no private key in PEM", path.string());
  return key;
}

WallMillis MillisOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<WallMillis>(::timegm(&parts)) * 1000;
}

}  // namespace

Result<TlsFacts> LookAtTlsFiles(const std::filesystem::path& certificate_file,
                                const std::filesystem::path& key_file, WallMillis now) {
  ALTLAS_TRY(const auto certificate, ReadCertificate(certificate_file));
  ALTLAS_TRY(const auto key, ReadKey(key_file));
  const bool pair = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!pair)
    return FailField(kKeyKey, "the key in {} does not belong to the certificate in {}", key_file.string(),
                     certificate_file.string());
  TlsFacts facts;
  facts.from = MillisOf(X509_get0_notBefore(certificate.get()));
  facts.until = MillisOf(X509_get0_notAfter(certificate.get()));
  if (now > facts.until)
    facts.warnings.push_back(fmt::format("the certificate in {} expired at {}: clients refuse it",
                                         certificate_file.string(), gateway::FormatTime(facts.until)));
  if (now < facts.from)
    facts.warnings.push_back(fmt::format("the certificate in {} is valid from {} on only: clients refuse it",
                                         certificate_file.string(), gateway::FormatTime(facts.from)));
  struct stat info {};
  if (::stat(key_file.c_str(), &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)) != 0)
    facts.warnings.push_back(fmt::format(
        "the private key {} has mode {:04o}, so others on this machine may read it; run: chmod 600 '{}'",
        key_file.string(), info.st_mode & 07777, key_file.string()));
  return facts;
}

}  // namespace altlas::app
