// An output that may block, a terminal or a pipe, behind a thread of its own: whoever reads slowly
// or not at all holds up nobody.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "base/time.hpp"

namespace syspulse {

class BackgroundWriter {
  public:
    // Writes all of it, for as long as that takes. False: nobody will ever read it. [its thread]
    using Sink = std::function<bool(std::string_view text)>;

    // Text is taken while less than `capacity` bytes wait. `changed` is called after a write was
    // refused, once there is room for more, and when the output is gone; on the writer's thread,
    // from where it may call nothing of the writer. Fails where no thread can be started.
    static Result<std::unique_ptr<BackgroundWriter>> start(Sink sink, std::size_t capacity,
                                                           std::function<void()> changed);
    // Waits for nothing: a thread that is stuck in the sink stays behind, and what still waits is
    // lost. `changed` is not called any more.
    ~BackgroundWriter();
    BackgroundWriter(const BackgroundWriter&) = delete;
    BackgroundWriter& operator=(const BackgroundWriter&) = delete;

    // Takes all of the text or, without room, nothing. What is gone takes everything. [any thread]
    bool write(std::string_view text);
    bool is_gone() const;  // [any thread]
    // Waits until all is written; false when nothing was written for `patience`. [any thread]
    bool flush(Duration patience);

  private:
    struct State;
    explicit BackgroundWriter(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
};

}  // namespace syspulse
