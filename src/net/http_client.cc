// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <algorithm>
#include <deque>

#include "net/http.h"
#include "net/http_head.h"
#include "net/reply_reader.h"
#include "net/stream.h"

namespace altlas::net {
namespace {

bool MayRepeat(std::string_view method) { return method != "POST" && method != "PATCH"; }

std::string FormatCall(const HttpCall& call, const std::string& host) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", call.method, call.target, host);
  for (const auto& [name, value] : call.headers) text += name + ": " + value + "\r\n";
  if (!call.body.empty() || !MayRepeat(call.method) || call.method == "PUT") {
    text += fmt::format("Content-Length: {}\r\n", call.body.size());
  }
  return text + "\r\n" + call.body;
}

bool HoldsLineBreak(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Status CheckCall(const HttpCall& call) {
  const bool target_bad =
      call.target.empty() || call.target.find(' ') != std::string::npos || HoldsLineBreak(call.target);
  if (target_bad || HoldsLineBreak(call.method)) {
    return Fail(ErrorCode::kInvalidArgument,
                "the call's method or target holds a character it may not; percent-encode it");
  }
  for (const auto& [name, value] : call.headers) {
    if (name.empty() || !std::all_of(name.begin(), name.end(), IsTokenChar) || HoldsLineBreak(value)) {
      return Fail(ErrorCode::kInvalidArgument, "the header field '{}' holds a character it may not", name);
    }
  }
  return {};
}

}  // namespace

std::string_view HttpReply::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return {};
}

// Holds the kept connections. Calls refer to it weakly once it is gone.
class HttpClient::Impl : public std::enable_shared_from_this<HttpClient::Impl> {
 public:
  Impl(IoLoop& loop, HttpClientOptions options) : loop_(loop), options_(std::move(options)) {
    if (options_.host.empty()) {
      options_.host =
          options_.address.kind == Address::Kind::kUnix ? "localhost" : options_.address.ToString();
    }
  }
  std::unique_ptr<PendingCall> Begin(HttpCall call, HttpStreamCallbacks callbacks, bool streamed);
  std::unique_ptr<Stream> TakeIdle();
  void Keep(std::unique_ptr<Stream> stream);
  IoLoop& loop() { return loop_; }
  const HttpClientOptions& options() const { return options_; }
  std::vector<std::weak_ptr<PendingCall::Impl>> calls;  // in flight, to be ended with the client

 private:
  struct Idle {
    std::unique_ptr<Stream> stream;
    IoLoop::Timer expiry;
  };
  void DropIdle(const Stream* stream);
  IoLoop& loop_;
  HttpClientOptions options_;
  std::deque<Idle> idle_;
};

struct PendingCall::Impl : std::enable_shared_from_this<PendingCall::Impl> {
  Impl(std::weak_ptr<HttpClient::Impl> the_client, HttpCall the_call, HttpStreamCallbacks the_callbacks,
       bool is_streamed)
      : client(std::move(the_client)),
        call(std::move(the_call)),
        callbacks(std::move(the_callbacks)),
        streamed(is_streamed) {}

  void Begin(HttpClient::Impl& owner);
  void Connect(HttpClient::Impl& owner);
  void SendOn(std::unique_ptr<Stream> connected, HttpClient::Impl& owner);
  void OnBytes(std::string_view bytes);
  void OnClose(const Error& reason);
  void Finish(Status status);
  void Abandon();

  std::weak_ptr<HttpClient::Impl> client;  // weak: the client may be destroyed first
  HttpCall call;
  HttpStreamCallbacks callbacks;
  bool streamed;
  bool finished = false;
  bool reused = false;
  std::unique_ptr<PendingConnect> connecting;
  std::unique_ptr<Stream> stream;
  std::unique_ptr<ReplyReader> reader;
  IoLoop::Timer timeout;
  std::size_t max_body = 0;
  std::size_t received = 0;
};

std::unique_ptr<Stream> HttpClient::Impl::TakeIdle() {
  if (idle_.empty()) return nullptr;
  auto stream = std::move(idle_.back().stream);
  idle_.pop_back();
  return stream;
}

void HttpClient::Impl::Keep(std::unique_ptr<Stream> stream) {
  if (options_.idle_timeout <= Duration::zero() || idle_.size() >= options_.max_idle_connections ||
      stream->closed())
    return;
  const Stream* key = stream.get();
  // Whatever comes now belongs to no call: the connection is not to be used again.
  StreamCallbacks events;
  events.on_bytes = [this, key](std::string_view) { DropIdle(key); };
  events.on_close = [this, key](const Error&) { DropIdle(key); };
  stream->Start(std::move(events));
  auto expiry = loop_.RunAfter(options_.idle_timeout, [this, key] { DropIdle(key); });
  idle_.push_back({std::move(stream), std::move(expiry)});
}

void HttpClient::Impl::DropIdle(const Stream* stream) {
  std::erase_if(idle_, [stream](const Idle& idle) { return idle.stream.get() == stream; });
}

std::unique_ptr<PendingCall> HttpClient::Impl::Begin(HttpCall call, HttpStreamCallbacks callbacks,
                                                     bool streamed) {
  auto impl =
      std::make_shared<PendingCall::Impl>(weak_from_this(), std::move(call), std::move(callbacks), streamed);
  std::erase_if(calls, [](const auto& other) { return other.expired(); });
  calls.push_back(impl);
  impl->Begin(*this);
  return std::make_unique<PendingCall>(std::move(impl));
}

void PendingCall::Impl::Begin(HttpClient::Impl& owner) {
  max_body = owner.options().max_body_bytes;
  timeout = owner.loop().RunAfter(call.timeout.value_or(owner.options().timeout), [weak = weak_from_this()] {
    if (const auto self = weak.lock())
      self->Finish(
          Fail(ErrorCode::kTimeout, "no answer to {} {} in time", self->call.method, self->call.target));
  });
  // Posted, so that no callback runs inside the caller's call.
  owner.loop().Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    const auto owner = self == nullptr ? nullptr : self->client.lock();
    if (owner == nullptr || self->finished) return;
    if (auto checked = CheckCall(self->call); !checked) return self->Finish(std::move(checked));
    if (auto kept = owner->TakeIdle()) {
      self->reused = true;
      return self->SendOn(std::move(kept), *owner);
    }
    self->Connect(*owner);
  });
}

void PendingCall::Impl::Connect(HttpClient::Impl& owner) {
  reused = false;
  received = 0;
  StreamOptions options;
  options.connect_timeout = owner.options().connect_timeout;
  options.tls = owner.options().tls;
  options.max_queued_bytes = SIZE_MAX;
  connecting = ConnectStream(owner.loop(), owner.options().address, options,
                             [weak = weak_from_this()](auto connected) {
                               const auto self = weak.lock();
                               const auto owner = self == nullptr ? nullptr : self->client.lock();
                               if (owner == nullptr || self->finished) return;
                               if (!connected) return self->Finish(std::move(connected).error());
                               self->SendOn(std::move(*connected), *owner);
                             });
}

void PendingCall::Impl::SendOn(std::unique_ptr<Stream> connected, HttpClient::Impl& owner) {
  stream = std::move(connected);
  reader = std::make_unique<ReplyReader>(call.method == "HEAD", owner.options().max_header_bytes);
  StreamCallbacks events;
  events.on_bytes = [weak = weak_from_this()](std::string_view bytes) {
    if (const auto self = weak.lock()) self->OnBytes(bytes);
  };
  events.on_close = [weak = weak_from_this()](const Error& reason) {
    if (const auto self = weak.lock()) self->OnClose(reason);
  };
  stream->Start(std::move(events));
  if (auto written = stream->Write(FormatCall(call, owner.options().host)); !written)
    OnClose(written.error());
}

void PendingCall::Impl::OnBytes(std::string_view bytes) {
  if (finished) return;
  ReplyReader::Events events;
  events.on_head = [this](const HttpReply& head) {
    if (streamed) timeout.Cancel();  // it was for the head alone
    if (!finished && callbacks.on_head) callbacks.on_head(head);
  };
  events.on_body = [this](std::string_view piece) {
    received += piece.size();
    if (!streamed && received > max_body) {
      return Finish(Fail(ErrorCode::kTooLarge, "the answer is longer than {} bytes, the limit", max_body));
    }
    if (!finished && callbacks.on_body) callbacks.on_body(piece);
  };
  const auto fed = reader->Feed(bytes, events);
  if (finished) return;
  if (!fed) return Finish(fed.error());
  if (!reader->done()) return;
  if (!bytes.empty() || !reader->keep_alive()) stream->Close();
  Finish({});
}

void PendingCall::Impl::OnClose(const Error& reason) {
  if (finished) return;
  const auto owner = client.lock();
  if (reused && !reader->begun() && MayRepeat(call.method) && owner != nullptr) {
    stream.reset();
    return Connect(*owner);
  }
  auto end = reader->EndOfInput();
  if (!end && reader->begun()) return Finish(std::move(end));
  Finish(end ? Status() : Status(reason));
}

void PendingCall::Impl::Finish(Status status) {
  if (std::exchange(finished, true)) return;
  timeout.Cancel();
  const auto owner = client.lock();
  if (status && owner != nullptr && stream != nullptr) owner->Keep(std::move(stream));
  stream.reset();
  connecting.reset();
  const auto on_end = std::move(callbacks.on_end);
  if (on_end) on_end(std::move(status));
}

void PendingCall::Impl::Abandon() {
  finished = true;
  timeout.Cancel();
  connecting.reset();
  stream.reset();
}

PendingCall::~PendingCall() { impl_->Abandon(); }

HttpClient::HttpClient(IoLoop& loop, HttpClientOptions options)
    : impl_(std::make_shared<Impl>(loop, std::move(options))) {}

HttpClient::~HttpClient() {
  for (const auto& weak : impl_->calls) {
    if (const auto call = weak.lock()) call->Abandon();
  }
}

std::unique_ptr<PendingCall> HttpClient::CallStreamed(HttpCall call, HttpStreamCallbacks callbacks) {
  return impl_->Begin(std::move(call), std::move(callbacks), true);
}

std::unique_ptr<PendingCall> HttpClient::Call(HttpCall call, std::function<void(Result<HttpReply>)> done) {
  const auto gathered = std::make_shared<HttpReply>();  // shared by the three callbacks
  HttpStreamCallbacks callbacks;
  callbacks.on_head = [gathered](const HttpReply& head) { *gathered = head; };
  callbacks.on_body = [gathered](std::string_view piece) { gathered->body.append(piece); };
  callbacks.on_end = [gathered, done = std::move(done)](Status status) {
    if (!status) return done(std::move(status).error());
    done(std::move(*gathered));
  };
  return impl_->Begin(std::move(call), std::move(callbacks), false);
}

Result<HttpReply> CallBlocking(const HttpClientOptions& options, HttpCall call) {
  ALTLAS_TRY(const auto loop, IoLoop::Create());
  Result<HttpReply> result = Fail(ErrorCode::kInternal, "the call did not end");
  HttpClient client(*loop, options);
  const auto pending = client.Call(std::move(call), [&](Result<HttpReply> reply) {
    result = std::move(reply);
    loop->Stop();
  });
  loop->Run();
  return result;
}

Result<HttpReply> StreamBlocking(const HttpClientOptions& options, HttpCall call,
                                 const std::function<bool(std::string_view piece)>& on_body) {
  ALTLAS_TRY(const auto loop, IoLoop::Create());
  HttpReply reply;
  Status end;
  bool stopped = false;
  HttpClient client(*loop, options);
  HttpStreamCallbacks callbacks;
  callbacks.on_head = [&](const HttpReply& head) { reply = head; };
  callbacks.on_body = [&](std::string_view piece) {
    if (!stopped && !on_body(piece)) {
      stopped = true;
      loop->Stop();
    }
  };
  callbacks.on_end = [&](Status status) {
    if (!stopped) end = std::move(status);
    loop->Stop();
  };
  const auto pending = client.CallStreamed(std::move(call), std::move(callbacks));
  loop->Run();
  ALTLAS_TRY_VOID(std::move(end));
  return reply;
}

}  // namespace altlas::net
