// The pipes that daemons write their output to. A pipe has a stable name in the file system and
// survives the manager: daemons hold it open in a way that makes writing wait, not fail, while
// nobody reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "platform/event_loop.hpp"
#include "platform/output_file.hpp"
#include "platform/owned_handle.hpp"

namespace syspulse::platform {

struct PipeEvent {
    std::uint64_t token = 0;
    bool hung_up = false;  // The last writer has gone; bytes may still be in the pipe.
};

// Holds the ends of pipes for the process that comes after this one, where a process that ends
// takes its pipes along. [any thread]
class PipeHolder {
  public:
    struct Ends {
        OwnedHandle reader;
        OwnedHandle writer;
    };
    virtual ~PipeHolder() = default;
    // Handles are borrowed; false if they are not held.
    virtual bool hold(const std::filesystem::path& path, NativeHandle reader,
                      NativeHandle writer) = 0;
    virtual std::optional<Ends> find(const std::filesystem::path& path) = 0;
    virtual void drop(const std::filesystem::path& path) = 0;
};

// The reading ends that one thread serves.
class OutputPipes {
  public:
    virtual ~OutputPipes() = default;

    // Does nothing if it is there already. [any thread]
    virtual Result<void> create(const std::filesystem::path& path) = 0;
    // With its name, and what is held for it; whoever has it open keeps that. [any thread]
    virtual void remove(const std::filesystem::path& path) = 0;
    virtual Result<NativeHandle> open_reader(const std::filesystem::path& path) = 0;
    // The end that a child inherits as its stdout. Refused while the process still has descriptors
    // left for everything else. [any thread]
    virtual Result<NativeHandle> open_writer(const std::filesystem::path& path) = 0;
    // Lets this user open the pipe by name, too, as far as this process may arrange that. [any
    // thread]
    virtual void give(NativeHandle pipe, std::uint32_t user) = 0;
    // The same for both ends of a pipe; of no other pipe while one of them is open. [any thread]
    virtual FileId id_of(NativeHandle pipe) const = 0;
    virtual void close(NativeHandle pipe) noexcept = 0;  // [any thread]
    virtual void wake() noexcept = 0;                    // Makes wait() return. [any thread]
    // Gives a reading end to the serving thread, which calls receive() once for each, in the same
    // order. Closes `pipe` in any case; waits while the serving thread lags far behind. [loop
    // thread]
    virtual Result<void> hand_over(NativeHandle pipe) = 0;
    // How many reading ends the serving thread can hold. [any thread]
    virtual std::size_t capacity() const = 0;

    // Called once by the serving thread before anything else. Where the system allows, its
    // descriptors no longer count against the limit of the other threads.
    virtual void begin_serving() = 0;
    // no_handle if it was lost on its way.
    virtual NativeHandle receive() = 0;

    // Reports the pipe with `token` each time bytes arrive or the last writer leaves, once per
    // change: whoever is told reads until nothing is available. Ends with close().
    virtual Result<void> add(NativeHandle pipe, std::uint64_t token) = 0;
    // Replaces `events` with what happened; waits for something to happen if `block`.
    virtual void wait(std::vector<PipeEvent>& events, bool block) = 0;
    // Lets pipes fill for a moment: far fewer turns for daemons that write line by line.
    virtual void pause(Duration length) = 0;

    virtual std::size_t available(NativeHandle pipe) const = 0;
    // False only if it is certain that nobody holds a writing end.
    virtual bool has_writers(NativeHandle pipe) const = 0;
    // Gives a busy pipe more room, where the system allows.
    virtual void enlarge(NativeHandle pipe) = 0;
    // Copies what comes first and leaves it in the pipe, so that it outlives this process.
    virtual Result<std::size_t> peek(NativeHandle pipe, std::span<char> into) = 0;
    // Moves up to `size` bytes into the file at `offset` without passing through memory of this
    // process. A failure leaves in the pipe what did not reach the file.
    virtual Result<std::size_t> move_to(NativeHandle pipe, OutputFile& file, std::uint64_t offset,
                                        std::size_t size) = 0;
    virtual std::size_t discard(NativeHandle pipe, std::size_t size) = 0;
};

// The serving thread keeps `kept`, if it is one, in its table of descriptors. `holder` outlives the
// pipes, and is asked where it is needed; null: there is none.
Result<std::unique_ptr<OutputPipes>> make_output_pipes(NativeHandle kept = no_handle,
                                                       PipeHolder* holder = nullptr);

}  // namespace syspulse::platform
