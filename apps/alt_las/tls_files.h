// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace altlas::app {

// What a certificate and its key are, beyond that they can be used.
struct TlsFacts {
  WallMillis from = 0;  // the certificate's time
  WallMillis until = 0;
  bool ValidAt(WallMillis now) const { return from <= now && now <= until; }
  std::vector<std::string> warnings;  // sentences: out of its time, a key that others may read
};

// Looks at the files as the listener will. An error's field is the key of the configuration whose file is at
// fault, "server.tls.certificate" or "server.tls.key": missing, no PEM, encrypted, not a pair. Blocks.
Result<TlsFacts> LookAtTlsFiles(const std::filesystem::path& certificate, const std::filesystem::path& key,
                                WallMillis now);

}  // namespace altlas::app
