// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "gateway/gateway_impl.h"
#include "net/http_client.h"

namespace altlas::gateway {
namespace {

constexpr Duration kKeepAlive = std::chrono::seconds(15);

Error KeyRevoked(const TaskId& id) {
  return Fail(ErrorCode::kUnauthenticated,
              "the API key was revoked while this request waited for task {}; the task itself goes on",
              id.ToString());
}

// What waits for a task on behalf of a request: owned by its writer's OnGone, which the end of the answer
// and the client's leaving both let go. What it owns itself knows it weakly.
struct Waiting : std::enable_shared_from_this<Waiting> {
  explicit Waiting(net::IoLoop& l) : loop(l) {}
  net::IoLoop& loop;
  std::unique_ptr<pool::Watch> watch;
  std::unique_ptr<OpenWaits::Ticket> ticket;
  net::IoLoop::Timer timer;
  bool ended = false;

  // True for the first call, which alone may answer.
  bool End() {
    if (std::exchange(ended, true)) return false;
    timer.Cancel();
    // Deferred: the watch may be what is calling.
    loop.Post([keep = shared_from_this()] {
      keep->watch.reset();
      keep->ticket.reset();
    });
    return true;
  }
};

// One open event stream.
struct TokenStream final : Waiting {
  TokenStream(net::IoLoop& l, Writer w) : Waiting(l), writer(std::move(w)) {}
  Writer writer;

  void Write(std::string_view event, std::string_view id, std::string_view data) {
    std::string text;
    net::AppendSseEvent(text, event, id, data);
    WriteText(text);
  }
  void WriteText(std::string_view text) {
    if (!ended && !writer->Write(text)) End();
  }
  void ArmKeepAlive() {
    timer = loop.RunAfter(kKeepAlive, [weak = weak_from_this()] {
      const auto stream = std::static_pointer_cast<TokenStream>(weak.lock());
      if (!stream || stream->ended) return;
      if (stream->writer->Write(": still here\n\n")) {
        stream->ArmKeepAlive();
      } else {
        stream->End();
      }
    });
  }
  void EndWith(const Error& error) {
    Write("error", "", net::FormatErrorBody(error));
    if (End()) writer->End();
  }
  void On(const pool::TaskEvent& event) {
    if (ended) return;
    if (const auto* token = std::get_if<pool::TokenEvent>(&event)) {
      JsonWriter out;
      out.BeginObject().Key("index").Unsigned(token->index).Key("text").String(token->text).EndObject();
      return Write("token", fmt::format("{}", token->index), out.text());
    }
    // The empty id makes a client forget the last one, whose token is yet to come again.
    if (std::holds_alternative<pool::ResetEvent>(event)) return WriteText("event: reset\nid:\ndata: {}\n\n");
    const auto& view = std::get<pool::FinalEvent>(event).view;
    Write(view.record.status == store::TaskStatus::kCompleted ? "done" : "error", "", RenderTask(view));
    if (End()) writer->End();
  }
};

}  // namespace

void Gateway::Impl::BeginTokenStream(const TaskId& id, std::uint32_t from_index, const Uuid& key,
                                     const Writer& writer, const std::string& warning) {
  // A new task was on its way to the disk since the key was looked at.
  if (deps_.keys.IsRevoked(key)) return SendError(*writer, KeyRevoked(id));
  auto stream = std::make_shared<TokenStream>(deps_.loop, writer);
  const auto task = id.ToString();
  const auto location = "/api/v1/task/" + task;
  std::vector<net::HeaderField> headers = {
      {"Cache-Control", "no-store"}, {"X-Task-Id", task}, {"Location", location}};
  if (!warning.empty()) headers.push_back({"Warning", warning});
  writer->BeginStream(
      {.status = 200, .content_type = "text/event-stream; charset=utf-8", .headers = headers});
  writer->OnGone([stream] { stream->End(); });
  stream->watch =
      deps_.pool.WatchTask(id, from_index, [weak = std::weak_ptr(stream)](const pool::TaskEvent& event) {
        if (const auto open = weak.lock()) open->On(event);
      });
  if (!stream->watch)
    return stream->EndWith(Fail(ErrorCode::kNotFound, "task {} was deleted meanwhile", task));
  if (!key.is_nil()) {
    stream->ticket = waits_.Add(key, [weak = std::weak_ptr(stream), id] {
      if (const auto open = weak.lock()) open->EndWith(KeyRevoked(id));
    });
  }
  stream->ArmKeepAlive();
}

void Gateway::Impl::StreamTask(net::Request& request, const Writer& writer, const Principal& who) {
  std::string warning;
  if (RefuseUnknown(request, {}, {}, writer, &warning)) return;
  const auto task = VisibleTask(request, writer, who);
  if (!task) return;
  std::uint32_t from = 0;
  // Empty is what a client has after a reset.
  if (const auto last = request.Header("Last-Event-ID"); last && !last->empty()) {
    std::uint32_t index = 0;
    const auto [end, error] = std::from_chars(last->data(), last->data() + last->size(), index);
    if (error != std::errc() || end != last->data() + last->size() || index == UINT32_MAX)
      return SendError(
          *writer, FailField("Last-Event-ID", "Last-Event-ID is \"{}\"; the id of a token event is needed",
                             last->substr(0, 64)));
    from = index + 1;
  }
  BeginTokenStream(task->record.id, from, who.key_id, writer, warning);
}

void Gateway::Impl::AnswerWhenDone(const TaskId& id, double seconds, bool explain, const Uuid& key,
                                   const Writer& writer, const std::string& warning) {
  if (deps_.keys.IsRevoked(key)) return SendError(*writer, KeyRevoked(id));
  const auto poll = std::make_shared<Waiting>(deps_.loop);
  const std::weak_ptr<Waiting> weak = poll;
  // As it stands now: the time is over, or the task is gone.
  const auto answer_now = [weak, id, explain, writer, warning, self = weak_from_this()] {
    const auto open = weak.lock();
    const auto gateway = self.lock();
    if (!open || !open->End() || !gateway) return;
    const auto view = gateway->deps_.pool.Get(id, explain);
    if (!view.has_value()) return SendError(*writer, view.error());
    SendJson(*writer, 200, RenderTask(*view), warning);
  };
  poll->watch = deps_.pool.WatchTask(id, 0, [weak, writer, warning](const pool::TaskEvent& event) {
    const auto* final = std::get_if<pool::FinalEvent>(&event);
    if (final == nullptr) return;
    if (const auto open = weak.lock(); open && open->End())
      SendJson(*writer, 200, RenderTask(final->view), warning);
  });
  if (!poll->watch) return answer_now();
  if (!key.is_nil()) {
    poll->ticket = waits_.Add(key, [weak, id, writer] {
      if (const auto open = weak.lock(); open && open->End()) SendError(*writer, KeyRevoked(id));
    });
  }
  poll->timer = deps_.loop.RunAfter(FromSeconds(seconds), answer_now);
  writer->OnGone([poll] { poll->End(); });
}

}  // namespace altlas::gateway
