// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/messages.h"

namespace altlas::backend {

// What the echo model answers: the text of the request, word by word, at most `max_length` words. It makes
// tests and benches of everything around a model possible without one. A word with the space before it is one
// token; its id is a hash of its bytes. `emitted` tokens of an earlier attempt take no time: they are only
// told again, as a real model does.
struct EchoAnswer {
  struct Piece {
    std::uint32_t index = 0;
    std::uint32_t id = 0;
    std::string text;
  };
  std::string text;           // of the request: for what the tests want to find in it
  std::vector<Piece> pieces;  // of the whole answer
  std::size_t known = 0;      // of them, those of an earlier attempt
  std::string result;         // JSON, the shape of a text_generation result
  std::uint32_t prompt_tokens = 0;
  std::uint32_t generated_tokens = 0;
};

// kInvalidArgument where the request is no JSON object with a string `text`.
Result<EchoAnswer> MakeEcho(const wire::LeaseGrant& grant);

// How the echo model presents itself.
wire::ModelReady EchoModel(const wire::ModelSpec& spec);

}  // namespace altlas::backend
