// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

namespace altlas::net {

Status SseReader::Feed(std::string_view piece, const std::function<void(const SseEvent&)>& on_event) {
  for (const char c : piece) {
    const bool lf_of_crlf = c == '\n' && after_cr_;
    after_cr_ = c == '\r';
    if (lf_of_crlf) continue;
    if (c != '\n' && c != '\r') {
      line_.push_back(c);
      if (line_.size() + event_.data.size() > limit_) {
        return Fail(ErrorCode::kTooLarge, "an event of the stream is longer than {} bytes, the limit",
                    limit_);
      }
      continue;
    }
    Line(line_, on_event);
    line_.clear();
  }
  return {};
}

void SseReader::Line(std::string_view line, const std::function<void(const SseEvent&)>& on_event) {
  if (line.empty()) {
    if (has_data_) {
      event_.id = last_id_;
      on_event(event_);
    }
    event_ = {};
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data.push_back('\n');
    event_.data.append(value);
    has_data_ = true;
  } else if (field == "event") {
    event_.event = value;
  } else if (field == "id") {
    last_id_ = value;
  }
}

void AppendSseEvent(std::string& out, std::string_view event, std::string_view id, std::string_view data) {
  const auto field = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\n");
  };
  if (!event.empty()) field("event", event);
  if (!id.empty()) field("id", id);
  for (bool more = true; more;) {
    const auto end = data.find_first_of("\r\n");
    field("data", data.substr(0, end));
    more = end != std::string_view::npos;
    if (more) data.remove_prefix(data.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
  out.append("\n");
}

}  // namespace altlas::net
