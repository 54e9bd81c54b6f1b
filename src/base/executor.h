// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>

namespace altlas {

// Runs a function later, on the thread that owns the receiving component, in the order of the posts.
// Thread-safe, never runs the function inside the call, never blocks. The binding of a component to its
// thread: modules that finish work on a thread of their own hand the result back through it.
using Executor = std::function<void(std::function<void()>)>;

}  // namespace altlas
