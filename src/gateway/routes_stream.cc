// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "gateway/gateway_impl.h"
#include "net/http_client.h"

namespace altlas::gateway {
namespace {

constexpr Duration kKeepAlive = std::chrono::seconds(15);

// One open event stream: lives as long as its client listens and its task goes on.
struct TokenStream : std::enable_shared_from_this<TokenStream> {
  explicit TokenStream(net::IoLoop& l, Writer w) : loop(l), writer(std::move(w)) {}
  net::IoLoop& loop;
  Writer writer;
  std::unique_ptr<pool::Watch> watch;
  net::IoLoop::Timer keep_alive;
  std::shared_ptr<TokenStream> self;  // held until the end

  void Close() {
    keep_alive.Cancel();
    // Deferred: the watch may be what is calling.
    loop.Post([stream = std::move(self)] {
      if (stream) stream->watch.reset();
    });
  }
  void Write(std::string_view event, std::string_view id, std::string_view data) {
    std::string text;
    net::AppendSseEvent(text, event, id, data);
    if (self && !writer->Write(text)) Close();
  }
  void ArmKeepAlive() {
    keep_alive = loop.RunAfter(kKeepAlive, [weak = weak_from_this()] {
      const auto stream = weak.lock();
      if (!stream || !stream->self) return;
      if (!stream->writer->Write(": still here\n\n")) return stream->Close();
      stream->ArmKeepAlive();
    });
  }
  void On(const pool::TaskEvent& event) {
    if (!self) return;
    if (const auto* token = std::get_if<pool::TokenEvent>(&event)) {
      JsonWriter out;
      out.BeginObject().Key("index").Unsigned(token->index).Key("text").String(token->text).EndObject();
      return Write("token", fmt::format("{}", token->index), out.text());
    }
    if (std::holds_alternative<pool::ResetEvent>(event)) return Write("reset", "", "{}");
    const auto& view = std::get<pool::FinalEvent>(event).view;
    Write(view.record.status == store::TaskStatus::kCompleted ? "done" : "error", "", RenderTask(view));
    if (!self) return;
    writer->End();
    Close();
  }
};

// One request that waits for its task.
struct LongPoll {
  Writer writer;
  std::unique_ptr<pool::Watch> watch;
  net::IoLoop::Timer limit;
  bool answered = false;
};

}  // namespace

void Gateway::Impl::BeginTokenStream(const TaskId& id, std::uint32_t from_index, const Writer& writer,
                                     const std::string& warning) {
  auto stream = std::make_shared<TokenStream>(deps_.loop, writer);
  stream->self = stream;
  const auto task = id.ToString();
  const auto location = "/api/v1/task/" + task;
  std::vector<net::HeaderField> headers = {
      {"Cache-Control", "no-store"}, {"X-Task-Id", task}, {"Location", location}};
  if (!warning.empty()) headers.push_back({"Warning", warning});
  writer->BeginStream({.status = 200, .content_type = "text/event-stream", .headers = headers});
  writer->OnGone([weak = std::weak_ptr(stream)] {
    if (const auto open = weak.lock(); open && open->self) open->Close();
  });
  stream->watch =
      deps_.pool.WatchTask(id, from_index, [weak = std::weak_ptr(stream)](const pool::TaskEvent& event) {
        if (const auto open = weak.lock()) open->On(event);
      });
  if (!stream->watch) {
    stream->Write("error", "",
                  net::FormatErrorBody(Fail(ErrorCode::kNotFound, "task {} was deleted meanwhile", task)));
    writer->End();
    stream->Close();
    return;
  }
  stream->ArmKeepAlive();
}

void Gateway::Impl::StreamTask(net::Request& request, const Writer& writer, const Principal& who) {
  const auto id = VisibleTask(request, writer, who);
  if (!id) return;
  std::uint32_t from = 0;
  if (const auto last = request.Header("Last-Event-ID")) {
    std::uint32_t index = 0;
    const auto [end, error] = std::from_chars(last->data(), last->data() + last->size(), index);
    if (error != std::errc() || end != last->data() + last->size() || index == UINT32_MAX)
      return SendError(
          *writer, FailField("Last-Event-ID", "Last-Event-ID is \"{}\"; the id of a token event is needed",
                             last->substr(0, 64)));
    from = index + 1;
  }
  BeginTokenStream(*id, from, writer, "");
}

void Gateway::Impl::AnswerWhenDone(const TaskId& id, double seconds, const Writer& writer,
                                   const std::string& warning) {
  auto poll = std::make_shared<LongPoll>();
  poll->writer = writer;
  const auto answer = [self = weak_from_this(), poll, id, warning](const pool::TaskView* view) {
    if (poll->answered) return;
    poll->answered = true;
    poll->limit.Cancel();
    if (view != nullptr) {
      SendJson(*poll->writer, 200, RenderTask(*view), warning);
    } else if (const auto gateway = self.lock()) {
      const auto now = gateway->deps_.pool.Get(id);
      if (now.has_value()) {
        SendJson(*poll->writer, 200, RenderTask(*now), warning);
      } else {
        SendError(*poll->writer, now.error());
      }
      gateway->deps_.loop.Post([poll] { poll->watch.reset(); });
      return;
    }
    if (const auto gateway = self.lock()) gateway->deps_.loop.Post([poll] { poll->watch.reset(); });
  };
  // The listener must not keep the poll alive by itself: the poll owns the watch that owns the listener.
  poll->watch =
      deps_.pool.WatchTask(id, 0, [answer, weak = std::weak_ptr(poll)](const pool::TaskEvent& event) {
        if (const auto* final = std::get_if<pool::FinalEvent>(&event); final != nullptr && !weak.expired())
          answer(&final->view);
      });
  if (!poll->watch) return answer(nullptr);
  poll->limit = deps_.loop.RunAfter(FromSeconds(seconds), [answer] { answer(nullptr); });
  writer->OnGone([weak = std::weak_ptr(poll), loop = &deps_.loop] {
    const auto gone = weak.lock();
    if (!gone || gone->answered) return;
    gone->answered = true;
    gone->limit.Cancel();
    loop->Post([gone] { gone->watch.reset(); });
  });
}

}  // namespace altlas::gateway
