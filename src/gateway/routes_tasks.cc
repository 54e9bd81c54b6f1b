// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "gateway/gateway_impl.h"

namespace altlas::gateway {
namespace {

constexpr std::int64_t kMaxPage = 200;
constexpr std::int64_t kDefaultPage = 50;

Result<std::int64_t> ParseWhole(std::string_view name, std::string_view text, std::int64_t low,
                                std::int64_t high) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high)
    return FailField(std::string(name), "{} is \"{}\"; an integer from {} to {} is needed", name,
                     text.substr(0, 64), low, high);
  return value;
}

Status ReadFilter(const std::string& name, const std::string& value, store::TaskFilter& filter) {
  if (name == "status") {
    filter.status = store::ParseTaskStatus(value);
    if (!filter.status)
      return FailField("status", "status is \"{}\"; use queued, running, completed, failed or canceled",
                       value.substr(0, 64));
  } else if (name == "type") {
    const auto types = config::KnownTaskTypes();
    if (std::find(types.begin(), types.end(), value) == types.end())
      return FailField("type", "type is \"{}\"; use one of {}", value.substr(0, 64), fmt::join(types, ", "));
    filter.type = value;
  } else if (name == "model") {
    filter.model = value;
  } else if (name == "priority") {
    filter.priority_name = value;
  } else if (name == "limit") {
    ALTLAS_TRY(const auto limit, ParseWhole("limit", value, 1, kMaxPage));
    filter.limit = static_cast<std::size_t>(limit);
  } else if (name == "before") {
    const auto id = TaskId::Parse(value);
    if (!id || id->is_nil())
      return FailField("before", "before is \"{}\"; the value of next_before of the page before is needed",
                       value.substr(0, 64));
    filter.before = *id;
  } else {
    return FailField(name.substr(0, 64),
                     "unknown parameter \"{}\"; use status, type, model, priority, limit or before",
                     name.substr(0, 64));
  }
  return {};
}

}  // namespace

void Gateway::Impl::GetTask(net::Request& request, const Writer& writer, const Principal& who) {
  auto wait =
      ParseWait(request.Query("wait"),
                std::chrono::duration<double>(deps_.config.current().config.server.limits.wait_time).count());
  if (!wait.has_value()) return SendError(*writer, wait.error());
  const auto explain = ParseFlag("explain", request.Query("explain"));
  if (!explain.has_value()) return SendError(*writer, explain.error());
  std::string warning;
  constexpr std::string_view kKnown[] = {"wait", "explain"};
  if (RefuseUnknown(request, kKnown, {}, writer, &warning)) return;
  const auto visible = VisibleTask(request, writer, who);
  if (!visible) return;
  const auto& id = visible->record.id;
  if (*wait && **wait > 0) return AnswerWhenDone(id, **wait, *explain, who.key_id, writer, warning);
  const auto view = deps_.pool.Get(id, *explain);
  if (!view.has_value()) return SendError(*writer, view.error());
  SendJson(*writer, 200, RenderTask(*view), warning);
}

void Gateway::Impl::ListTasks(net::Request& request, const Writer& writer, const Principal& who) {
  store::TaskFilter filter;
  filter.limit = kDefaultPage;
  for (const auto& [name, value] : request.QueryPairs()) {
    if (auto status = ReadFilter(name, value, filter); !status.has_value())
      return SendError(*writer, status.error());
  }
  if (!who.scopes.Has(store::Scope::kAdmin)) filter.key_id = who.key_id;
  auto page = deps_.store.reader().List(filter);
  if (!page.has_value()) return SendError(*writer, page.error());
  JsonWriter out;
  out.BeginObject().Key("tasks").BeginArray();
  for (auto& record : page->tasks) {
    // The live table knows better than the disk where a task is.
    const auto live = deps_.pool.LiveView(record.id);
    WriteTask(out, live ? *live : pool::ViewOfStored(std::move(record)));
  }
  out.EndArray().Key("next_before");
  if (page->next) {
    out.String(page->next->ToString());
  } else {
    out.Null();
  }
  SendJson(*writer, 200, out.EndObject().text());
}

void Gateway::Impl::DeleteTask(net::Request& request, const Writer& writer, const Principal& who) {
  std::string warning;
  if (RefuseUnknown(request, {}, {}, writer, &warning)) return;
  const auto view = VisibleTask(request, writer, who);
  if (!view) return;
  const auto& id = view->record.id;
  if (!store::IsFinal(view->record.status)) {
    deps_.pool.Cancel(id, "canceled by request", [writer, warning](Result<pool::TaskView> ended) {
      if (!ended.has_value()) return SendError(*writer, ended.error());
      SendJson(*writer, 200, RenderTask(*ended), warning);
    });
    return;
  }
  deps_.store.tasks().DeleteTask(id, [writer, id, warning](Status status) {
    if (!status.has_value()) return SendError(*writer, status.error());
    JsonWriter out;
    out.BeginObject().Key("task_id").String(id.ToString()).Key("deleted").Bool(true).EndObject();
    SendJson(*writer, 200, out.text(), warning);
  });
}

}  // namespace altlas::gateway
