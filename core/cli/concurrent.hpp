// Doing the same to many at once, so that a slow one does not hold up the others.
#pragma once

#include <cstddef>
#include <functional>

namespace syspulse::cli {

// Connections that one command may have open at the same time.
constexpr std::size_t max_parallel = 16;

// The same for requests that only wait; the manager takes 256 connections of all clients together.
constexpr std::size_t max_waiting = 128;

// Calls work(0) ... work(count - 1), each once, up to `parallel` at a time in threads of their own,
// and returns when all have. A single one runs on the calling thread.
void for_each_concurrently(std::size_t count, const std::function<void(std::size_t)>& work,
                           std::size_t parallel = max_parallel);

}  // namespace syspulse::cli
