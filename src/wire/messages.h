// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "base/task_id.h"
#include "wire/frame.h"

// What manager and worker say to each other: values without behaviour, and their encoding.
// docs/formats/wire.md describes the bytes and the conversation. Kinds of fields, and what is checked on both
// sides:
// clang-format off
//   name               1 to 256 bytes of UTF-8 without control characters
//   text               valid UTF-8 up to its limit; the sender repairs and cuts it rather than fail
//   bytes              anything up to its limit
//   seconds and rates  finite, not negative
//   list               a count up to its limit, then the items
// clang-format on
namespace altlas::wire {

// What the messages mean; raised when a message changes. Both sides refuse another number with a reason.
inline constexpr std::uint32_t kProtocolVersion = 1;

inline constexpr std::uint32_t kMaxNameBytes = 256;
inline constexpr std::uint32_t kMaxTextBytes = 4096;  // a reason, an error's text, a line to print
inline constexpr std::uint32_t kMaxPathBytes = 4096;
inline constexpr std::uint32_t kMaxSecretBytes = 128;
inline constexpr std::uint32_t kMaxJsonBytes = 32u << 20;  // a request or a result
inline constexpr std::uint32_t kMaxPieceBytes = 1u << 20;  // text of one Token message
inline constexpr std::uint32_t kMaxTokenIds = 1u << 20;    // ids in LeaseGrant::emitted
inline constexpr std::uint32_t kMaxModels = 256;
inline constexpr std::uint32_t kMaxLeases = 16384;         // leases that one worker may hold
inline constexpr std::uint32_t kMaxProfilePhases = 128;    // of one model in a ProfileReport
inline constexpr std::uint32_t kMaxProfileOperators = 64;  // in a ProfileReport

// Names one lease: a task may be leased again after a loss, then with a higher attempt.
struct LeaseKey {
  TaskId task;
  std::uint32_t attempt = 0;
  auto operator<=>(const LeaseKey&) const = default;
};

// Generic packets, usable on every link.

// Nothing but a sign of life.
struct KeepAlive {
  bool operator==(const KeepAlive&) const = default;
};
// A one-byte answer to whatever was asked last; 0 means yes.
struct StatusAnswer {
  std::uint8_t status = 0;
  bool operator==(const StatusAnswer&) const = default;
};
// A line that the receiver writes to its log.
struct PrintLine {
  std::string text;
  bool operator==(const PrintLine&) const = default;
};

// worker -> manager, the first message of a connection.
struct Hello {
  struct HeldLease {
    LeaseKey lease;
    bool finished =
        false;  // its LeaseDone or LeaseFailed was not acknowledged and comes again after the Welcome
    bool operator==(const HeldLease&) const = default;
  };
  std::uint32_t protocol = kProtocolVersion;
  std::string program_version;  // name; "0.1.0"
  std::string device;           // name; "gpu_0"
  std::string token;  // bytes up to kMaxSecretBytes; from the environment variable ALTLAS_WORKER_TOKEN
  std::uint32_t pid = 0;
  std::uint64_t instance = 0;     // random, one a process: tells two processes with one pid apart
  std::vector<HeldLease> leases;  // empty unless this is a reconnection
  bool operator==(const Hello&) const = default;
};

struct ModelSpec {
  std::string name;                   // name; what requests call it
  std::string folder;                 // bytes up to kMaxPathBytes; the Hugging Face folder
  std::string dtype = "float32";      // name; float32, bfloat16, float16: one per model in the whole pool
  std::uint64_t kv_budget_bytes = 0;  // memory for the KV cache; 0: the worker chooses
  std::uint32_t max_context = 0;      // tokens; 0: what the model has
  bool operator==(const ModelSpec&) const = default;
};

// manager -> worker, the answer to a Hello that it accepts. A worker that is adopted gets it too.
struct Welcome {
  std::uint32_t protocol = kProtocolVersion;
  std::string program_version;  // name
  std::vector<ModelSpec> models;
  std::uint32_t threads = 0;  // for computing inside one operation; 0: the cores it may use
  std::uint32_t max_batch =
      1;  // the most leases it will ever run at once; the worker may offer fewer (Ready)
  std::uint32_t heartbeat_interval_ms = 500;
  std::uint64_t orphan_ms = 60'000;  // without a manager for so long, the worker exits
  bool operator==(const Welcome&) const = default;
};

// worker -> manager, one of these two for each model of the Welcome, then Ready.
struct ModelReady {
  std::string name;                   // name
  std::string family;                 // name; "llama"
  std::string dtype;                  // name; as in ModelSpec
  std::uint64_t memory_bytes = 0;     // held once it is loaded, before the first lease
  std::uint64_t kv_budget_bytes = 0;  // the most that its KV cache takes
  double load_seconds = 0;
  std::uint64_t parameters = 0;
  std::uint32_t context_length = 0;  // tokens
  std::uint32_t vocabulary = 0;      // tokens
  bool operator==(const ModelReady&) const = default;
};
struct ModelFailed {
  std::string name;  // name
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // text
  bool operator==(const ModelFailed&) const = default;
};
struct Ready {
  std::uint32_t slots = 1;  // leases that it runs at once, at most the first Welcome's max_batch
  std::uint32_t threads = 1;
  std::uint64_t memory_used_bytes = 0;
  std::uint64_t memory_total_bytes = 0;
  bool operator==(const Ready&) const = default;
};

// manager -> worker: do this. The worker answers with exactly one LeaseDone or LeaseFailed, and keeps it
// until the LeaseDoneAck.
struct LeaseGrant {
  LeaseKey lease;
  std::string type;                    // name; "text_generation"
  std::string model;                   // name
  std::string request;                 // bytes up to kMaxJsonBytes; the canonical JSON object
  bool stream = false;                 // send Token messages
  std::vector<std::uint32_t> emitted;  // token ids of an earlier attempt: continue after them
  bool operator==(const LeaseGrant&) const = default;
};
// manager -> worker: stop that one. Answered by LeaseFailed(canceled), or LeaseDone where that was under way
// already.
struct LeaseCancel {
  LeaseKey lease;
  bool operator==(const LeaseCancel&) const = default;
};
// worker -> manager, for a lease with `stream`: one message a token, in order, without gaps or repeats within
// a connection, beginning with those of LeaseGrant::emitted in the pieces of the earlier attempt. `text` may
// lag behind the id by an incomplete character, or by what may become a stop string; what is still held back
// at the end comes in a message of its own without an id. After a reconnection they come again from the first
// of the answer.
struct Token {
  LeaseKey lease;
  std::uint32_t index = 0;         // position of the id in the whole answer; without one: of the next
  std::vector<std::uint32_t> ids;  // one or none
  std::string text;                // bytes up to kMaxPieceBytes
  bool operator==(const Token&) const = default;
};
struct LeaseDone {
  LeaseKey lease;
  std::string result;  // bytes up to kMaxJsonBytes; one JSON object
  double seconds = 0;  // measured from taking the lease to its end
  std::uint32_t prompt_tokens = 0;
  std::uint32_t generated_tokens = 0;
  bool operator==(const LeaseDone&) const = default;
};
// worker -> manager. Three meanings of `code`:
//   kUnavailable  given back unharmed: the worker takes nothing any more and is leaving. It gives back all
//                 that it holds and says Goodbye; where it does not within ten seconds, the manager ends it
//                 and starts another. The task is as it was, its tokens so far stand, and it goes to another
//                 worker; this counts against nobody. A task's own failure never has this code, and such an
//                 answer never has `worker_at_fault`.
//   kCanceled     the answer to LeaseCancel.
//   any other     the task failed. With `worker_at_fault` it is tried elsewhere, and the loss is counted.
struct LeaseFailed {
  LeaseKey lease;
  ErrorCode code = ErrorCode::kInternal;
  std::string message;           // text
  bool worker_at_fault = false;  // the task may succeed elsewhere, this worker may not
  bool operator==(const LeaseFailed&) const = default;
};
// manager -> worker: the outcome (done or failed) is durable, forget it.
struct LeaseDoneAck {
  LeaseKey lease;
  bool operator==(const LeaseDoneAck&) const = default;
};

// worker -> manager every heartbeat_interval_ms, answered by KeepAlive. `steps` grows whenever anything
// advances (a decoding step, a chunk of a prompt, a part of a model loaded): where it stands still while
// leases run, the worker hangs.
struct Heartbeat {
  std::uint64_t sequence = 0;
  std::uint32_t running = 0;  // leases in the batch
  std::uint32_t waiting = 0;  // leases taken, not started
  std::uint64_t steps = 0;    // since the process started
  std::uint64_t tokens = 0;   // generated since the process started
  std::uint64_t memory_used_bytes = 0;
  double tokens_per_second = 0;  // over the last few seconds
  bool operator==(const Heartbeat&) const = default;
};

// manager -> worker: take nothing new, finish what runs within `deadline_ms` (0: no limit), then say Goodbye
// and exit.
struct Drain {
  std::uint64_t deadline_ms = 0;
  bool operator==(const Drain&) const = default;
};

// Either side, its last message. The numbers are on the wire.
enum class GoodbyeReason : std::uint8_t {
  kShutdown = 0,      // asked to stop
  kDrained = 1,       // all leases are finished
  kRefused = 2,       // token, device or conversation wrong: do not come back
  kWrongVersion = 3,  // another program or protocol version: do not come back
  kOrphaned = 4,      // no manager for the orphan time
  kReconfigured = 5,  // the Welcome differs from the one it was loaded with
  kFault = 6,         // the worker cannot go on (device error)
};
std::string_view GoodbyeReasonName(GoodbyeReason reason);
struct Goodbye {
  GoodbyeReason reason = GoodbyeReason::kShutdown;
  std::string text;  // text
  bool operator==(const Goodbye&) const = default;
};

// manager -> worker, once it is Ready: watch for a while where the time goes, then say it in one
// ProfileReport with the same id. Of several that come while one is under way, the last is answered after it.
struct ProfileAsk {
  std::uint64_t id = 0;
  std::uint32_t duration_ms = 1000;  // the worker takes 10 ms to 60 s of it
  std::uint32_t operators =
      0;  // so many of the costliest are told, at most kMaxProfileOperators; 0: none watched
  bool operator==(const ProfileAsk&) const = default;
};

// worker -> manager: what happened between a ProfileAsk and now. A connection that ends takes it along.
struct ProfileReport {
  // The steps of one phase that computed from `size_from` to `size_to` tokens each (0 to 0: not known), so
  // that steps of equal work are compared, whatever the load.
  struct Phase {
    std::string name;  // name; "queue", "prefill", "decode", "detokenise"
    std::uint32_t size_from = 0;
    std::uint32_t size_to = 0;
    std::uint64_t count = 0;
    std::uint64_t tokens = 0;  // computed in these steps
    double sum_seconds = 0;
    double median_seconds = 0;            // of a step
    double p95_seconds = 0;               // of a step
    double median_seconds_per_token = 0;  // 0 where the sizes are not known
    bool operator==(const Phase&) const = default;
  };
  struct Model {
    std::string name;                 // name; as in ModelSpec
    std::uint64_t requests = 0;       // that joined the running batch
    std::uint64_t prompt_tokens = 0;  // computed
    std::uint64_t generated_tokens = 0;
    std::vector<Phase> phases;  // up to kMaxProfilePhases, the most frequent
    bool operator==(const Model&) const = default;
  };
  // Of the steps that were sampled, operators inside others included.
  struct Operator {
    std::string name;  // name; "altlas::attend"
    std::uint64_t count = 0;
    double sum_seconds = 0;
    bool operator==(const Operator&) const = default;
  };
  std::uint64_t id = 0;
  double seconds = 0;                   // the sample's length
  double processor_seconds = 0;         // of all threads of the process meanwhile
  std::uint64_t memory_peak_bytes = 0;  // the most that was resident since the process started
  double operator_sampling = 0;         // the share of operators that was timed; 0: none
  std::vector<Model> models;            // those that did something
  std::vector<Operator> operators;      // by their sums, the largest first
  bool operator==(const ProfileReport&) const = default;
};

using Message = std::variant<KeepAlive, StatusAnswer, PrintLine, Hello, Welcome, ModelReady, ModelFailed,
                             Ready, LeaseGrant, LeaseCancel, Token, LeaseDone, LeaseDoneAck, LeaseFailed,
                             Heartbeat, Drain, Goodbye, ProfileAsk, ProfileReport>;

// The type number of a frame that holds this message, and its name ("lease_grant") for logs and errors.
std::uint16_t MessageType(const Message& message);
std::string_view MessageName(std::uint16_t type);  // "unknown" where no message has it

// Appends the message as one frame. kTooLarge or kInvalidArgument, naming message and field, where a field
// breaks its limit; `out` is then as it was.
Status AppendMessage(std::string& out, const Message& message);
Result<std::string> EncodeMessage(const Message& message);

// The message in a frame. kUnsupported: a type or protocol version that this program does not know; kCorrupt:
// bytes that break the format (too short, too long, a field past its limit or with a forbidden value), naming
// message and field.
Result<Message> DecodeMessage(const FrameView& frame);

// The one table between error codes and bytes on the wire. Unknown bytes are read as empty.
std::uint8_t ErrorCodeToByte(ErrorCode code);
std::optional<ErrorCode> ErrorCodeFromByte(std::uint8_t byte);

}  // namespace altlas::wire

template <>
struct std::hash<altlas::wire::LeaseKey> {
  std::size_t operator()(const altlas::wire::LeaseKey& key) const noexcept {
    return std::hash<altlas::Uuid>()(key.task) + key.attempt * 0x9e3779b97f4a7c15ULL;
  }
};
