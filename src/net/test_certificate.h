// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>

namespace altlas::net {

// For tests. Writes `stem`.pem and `stem`.key (mode 0600), a self-signed pair for 127.0.0.1 and localhost
// that is valid between two times (Unix milliseconds). With a password of four letters the key is encrypted.
inline void MakeCertificate(const std::filesystem::path& stem, std::int64_t from_ms, std::int64_t until_ms,
                            const char* password = nullptr) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate), from_ms / 1000);
  ASN1_TIME_set(X509_getm_notAfter(certificate), until_ms / 1000);
  X509_set_pubkey(certificate, key);
  X509_set_version(certificate, X509_VERSION_3);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("alt_las test"),
                             -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, key, EVP_sha256());
  FILE* file = std::fopen((stem.string() + ".pem").c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen((stem.string() + ".key").c_str(), "w");
  PEM_write_PKCS8PrivateKey(file, key, password != nullptr ? EVP_aes_128_cbc() : nullptr, password,
                            password != nullptr ? 4 : 0, nullptr, nullptr);
  std::fclose(file);
  ::chmod((stem.string() + ".key").c_str(), 0600);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

// One that is valid today.
inline void MakeCertificate(const std::filesystem::path& stem) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  MakeCertificate(stem, now_ms - 3'600'000, now_ms + 86'400'000);
}

}  // namespace altlas::net
