// SPDX-License-Identifier: Apache-2.0
#include "stream_client.h"

namespace altlas::testing_process {

bool StreamClient::Read(const net::HttpClientOptions& options, const std::string& key,
                        const std::function<bool()>& enough) {
  net::HttpCall call;
  call.target = "/api/v1/task/" + task_id + "/stream";
  if (!last_id.empty()) call.headers.emplace_back("Last-Event-ID", last_id);
  return Follow(options, std::move(call), key, enough);
}

bool StreamClient::Predict(const net::HttpClientOptions& options, const std::string& key,
                           const std::string& body, const std::function<bool()>& enough) {
  net::HttpCall call;
  call.method = "POST";
  call.target = "/api/v1/predict";
  call.body = body;
  return Follow(options, std::move(call), key, enough);
}

bool StreamClient::Follow(const net::HttpClientOptions& options, net::HttpCall call, const std::string& key,
                          const std::function<bool()>& enough) {
  call.headers.emplace_back("Authorization", "Bearer " + key);
  tokens_of_last = 0;
  status = 0;
  net::SseReader reader;
  bool more = true;
  const auto reply = net::StreamBlocking(options, std::move(call), [&](std::string_view piece) {
    // What follows the event that was enough is as if it had never come.
    const auto fed = reader.Feed(piece, [&](const net::SseEvent& event) {
      if (!more) return;
      On(event);
      if (enough && enough()) more = false;
    });
    if (!fed.has_value()) wrong.push_back(fed.error().message);
    return more && fed.has_value();
  });
  if (reply.has_value()) {
    status = reply->status;
    if (const auto id = reply->Header("X-Task-Id"); !id.empty()) task_id = id;
  }
  return !end.empty();
}

void StreamClient::On(const net::SseEvent& event) {
  if (!end.empty()) wrong.push_back("an event after the last: " + event.event);
  if (event.event == "token") {
    const auto json = Json::parse(event.data);
    const int expected = last_id.empty() ? 0 : std::stoi(last_id) + 1;
    if (json["index"] != expected || event.id != std::to_string(expected))
      wrong.push_back("token " + event.id + " " + event.data + " came for " + std::to_string(expected));
    text += json["text"].get<std::string>();
    ++tokens_of_last;
    ++tokens;
  } else if (event.event == "reset") {
    if (!event.id.empty()) wrong.push_back("a reset with the id " + event.id);
    text.clear();
    ++resets;
  } else if (event.event == "done" || event.event == "error") {
    end = event.event;
    data = Json::parse(event.data);
  } else {
    wrong.push_back("an event of the name " + event.event);
  }
  last_id = event.id;
}

}  // namespace altlas::testing_process
