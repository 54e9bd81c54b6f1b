// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>

#include "net/io_loop.h"
#include "net/timer_heap.h"

// For the sources of net alone: nobody else includes Asio.
namespace altlas::net {

namespace asio = boost::asio;
// The concrete executor: any_io_executor costs an indirect call and an allocation for each operation.
using LoopExecutor = asio::io_context::executor_type;
// One type for TCP and Unix sockets.
using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, LoopExecutor>;
using Descriptor = asio::posix::basic_stream_descriptor<LoopExecutor>;
using Resolver = asio::ip::basic_resolver<asio::ip::tcp, LoopExecutor>;

struct IoLoop::Native {
  // One thread runs the loop and touches its sockets; only posts come from others, so that the reactor needs
  // no locks.
  asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  SystemClock clock;
  Descriptor timer_fd{context.get_executor()};
  std::shared_ptr<TimerHeap> timers;  // shared with no one; weak in the Timer values
  asio::basic_signal_set<LoopExecutor> signals{context.get_executor()};
  std::function<void(int)> on_signal;

  void WaitForTimers();
  void WaitForSignal();
};

}  // namespace altlas::net
