// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/http.h"
#include "net/http_buffer.h"
#include "net/http_chunk.h"
#include "net/http_head.h"
#include "net/http_server.h"

namespace altlas::net {

class HttpSession;

// One request's answer. The session uses one object for all its requests as long as no handler keeps it.
class HttpExchange final : public ResponseWriter {
 public:
  explicit HttpExchange(std::shared_ptr<HttpShared> shared) : shared_(std::move(shared)) {}
  void Send(const Response& response) override;
  void BeginStream(const Response& head) override;
  bool Write(std::string_view bytes) override;
  void End() override;
  void OnGone(std::function<void()> function) override;

 private:
  friend class HttpSession;
  // kPending: nothing is answered yet, the handler (or who holds the writer) must act; kStreaming or kDone
  // may follow. kStreaming: the head is sent, pieces follow; kDone follows. kDone: complete or abandoned,
  // every call is ignored.
  enum class State { kPending, kStreaming, kDone };
  void Reset(HttpSession* session, const RequestHead& head, bool allow_origin);
  void AppendHead(std::string& out, const Response& response, bool with_length);
  void AppendPiece(std::string& out, std::string_view bytes) const;
  void FireGone();

  std::shared_ptr<HttpShared> shared_;
  HttpSession* session_ = nullptr;  // null once it has nothing to do with the connection any more
  State state_ = State::kDone;
  bool head_only_ = false;
  bool http10_ = false;
  bool keep_alive_ = false;
  bool no_body_ = false;  // of the answer that is being streamed
  bool gone_ = false;
  std::string allowed_origin_;
  std::function<void()> on_gone_;
};

// The server's side of one connection without its socket: bytes in, handler calls and bytes out. One request
// at a time: later ones wait in the buffer until its answer is complete. Not thread-safe, never blocks.
class HttpSession {
 public:
  // What is being waited for. kIdle: the first byte of a request. kHead, kBody: the rest of it. kHandling:
  // the handler's answer. kClosed: nothing; input is discarded, output is sent, then the connection ends.
  enum class Phase { kIdle, kHead, kBody, kHandling, kClosed };

  class Host {
   public:
    virtual ~Host() = default;
    // Bytes were added to the output from outside of the session's own calls.
    virtual void OutputReady() = 0;
    // Continue is to be called from the loop, soon.
    virtual void ContinueSoon() = 0;
    // Bytes of the output that the client has not taken.
    virtual std::size_t Backlog() const = 0;
  };

  // `output` is where answers are appended; the host sends and empties it.
  HttpSession(std::shared_ptr<HttpShared> shared, PeerInfo peer, bool secure, std::string& output,
              Host& host);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  // Requires wants_input(). The space stays valid until the next call of OnBytes. Empty where a request is
  // being answered and there is no memory for what its client sends meanwhile: not to be read from, until
  // wants_input() is true again.
  std::span<char> ReadSpace();
  void OnBytes(std::size_t bytes);
  // The client sends no more. What it asked for completely is still answered, then the connection ends.
  void OnEndOfInput();
  // Neither side works any more.
  void OnBroken();
  // Handles what is buffered: after output drained, or when ContinueSoon asked.
  void Continue();
  // The time for the phase is over: 408 in the middle of a request, a silent end between two.
  void OnTimeout();
  // Answers without reading anything, and ends.
  void Refuse(int status, const Error& error);
  // True where the handler dropped its writer: answered with 500.
  bool CheckAbandoned();

  bool wants_input() const;
  bool input_ended() const { return input_ended_; }
  // The connection must end without what is not sent yet: an answer broke off in its middle.
  bool aborted() const { return aborted_; }
  Phase phase() const { return phase_; }
  std::uint64_t requests() const { return requests_; }
  const PeerInfo& peer() const { return peer_; }

 private:
  friend class HttpExchange;
  void Run();
  bool Step();
  bool StepHead();
  bool AdmitBody();
  bool StepBody();
  bool StepChunked();
  void Dispatch(std::size_t head_size, std::size_t body_size, std::size_t raw_size);
  void FillRequest();
  HttpHeadVerdict JudgeHead();
  void BeginExchange();
  void RefuseHead(const HttpHeadVerdict& verdict);
  bool AnswerHere(const RequestHead& head);
  void Handle(Request& request);
  // No request can follow the one that is being answered.
  bool Last() const { return input_ended_ && buffer_.size() == 0; }
  void Done(bool keep_alive);
  void Abort();
  void ReleaseExchange();

  std::shared_ptr<HttpShared>
      shared_;  // shared with the server, its other sessions and writers held by handlers
  PeerInfo peer_;
  bool secure_;
  std::string& output_;
  Host& host_;
  HttpBuffer buffer_;
  HeadScanner scanner_;
  RequestHead head_;
  Request request_;
  std::optional<ChunkDecoder> chunks_;
  std::size_t head_size_ = 0;
  std::size_t decoded_ = 0;  // bytes of a chunked body, which stand right behind the head
  std::size_t body_wanted_ = 0;
  std::size_t body_limit_ = 0;
  std::shared_ptr<ResponseWriter>
      writer_;  // shared with the handler; as the type that handlers take, to spare a conversion
  HttpExchange* exchange_ = nullptr;  // the same object
  Phase phase_ = Phase::kIdle;
  std::uint64_t requests_ = 0;
  bool running_ = false;
  bool input_ended_ = false;
  bool continue_sent_ = false;
  bool buffer_full_ = false;
  bool aborted_ = false;
};

// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" for the seconds since 1970.
std::string FormatDateLine(std::int64_t unix_seconds);

}  // namespace altlas::net
