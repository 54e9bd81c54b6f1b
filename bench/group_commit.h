// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace altlas::bench {

// Rows of this text that SQLite alone makes durable a second: WAL, synchronous=FULL, `rows` a commit, one
// connection, nothing else. The floor for a durable accept.
double GroupCommitRate(int rows, const std::string& text, double seconds);

}  // namespace altlas::bench
