// The thread that moves the output of daemons from their pipes into their log files. Everything
// that blocks on a disk happens here.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "logs/archiver.hpp"
#include "logs/stream_writer.hpp"
#include "platform/output_capture.hpp"
#include "platform/output_pipes.hpp"

namespace syspulse::logs {

// The directory included. [any thread]
Result<void> create_pipe(platform::OutputPipes& pipes, const std::filesystem::path& dir,
                         Stream stream);

void remove_pipes(platform::OutputPipes& pipes, const std::filesystem::path& dir);  // [any thread]

constexpr std::array streams = {Stream::out, Stream::err};

struct Command {
    enum class Kind : std::uint8_t { prepare, unprepare, open, end_run, tell, count, close, stop };
    Kind kind = Kind::stop;
    std::uint64_t daemon = 0;
    std::shared_ptr<const KeptPath> dir{};
    // Which streams have a new reading end, to be received in this order.
    std::array<bool, streams.size()> has_pipe{};
    platform::CaptureSettings settings{};
    std::shared_ptr<OutputMeter> meter{};  // Of the daemon; with `open`.
    // With `tell`: what has been written by now is in files. With `count`: its lines are counted.
    std::function<void()> done{};
};

class CaptureThread {
  public:
    // Both outlive the thread.
    CaptureThread(platform::OutputPipes& pipes, const platform::Clock& clock);
    // Takes what is in the pipes first.
    ~CaptureThread();
    CaptureThread(const CaptureThread&) = delete;
    CaptureThread& operator=(const CaptureThread&) = delete;

    // [any thread]
    void post(Command command);

  private:
    struct Entry {
        std::optional<StreamWriter> writer{};
        bool active = false;      // Stands in active_.
        bool waits = false;       // Has bytes, and its disk no room.
        bool complete = false;    // Complete the last line when the pipe is empty.
        bool fresh = false;       // Its files are yet to be put in order.
        std::uint64_t taken = 0;  // Bytes, in turns.
    };

    // Waits to be told that the streams of a daemon are in their files.
    struct Waiter {
        std::uint64_t daemon = 0;
        std::function<void()> done;
        std::uint64_t most = 0;  // Of what is taken of both streams, it waits for no more.
    };

    void run();
    bool obey_commands();
    void prepare(const Command& command);
    void open(const Command& command);
    void count_lines(const Command& command);
    void close(std::uint64_t daemon);
    void tell_waiters();
    std::uint64_t taken(std::uint64_t daemon);
    void activate(std::uint64_t token, bool complete);
    void put_in_order(Entry& entry);
    void put_some_in_order(std::size_t most);
    std::size_t pump_active();
    bool all_wait() const;
    void drain_all();
    void limit_open_files(std::uint64_t token);
    Entry* find(std::uint64_t token);

    platform::OutputPipes& pipes_;
    Archiver archiver_;
    LineCounter lines_;
    WriterTools tools_;
    std::unordered_map<std::uint64_t, Entry> streams_;  // By token.
    std::vector<std::uint64_t> active_;  // Streams that may have bytes in their pipes.
    std::vector<Waiter> waiters_;
    std::deque<std::uint64_t> fresh_;        // Tokens; some are put in order already.
    bool opened_ = false;                    // In this turn.
    std::vector<std::uint64_t> open_files_;  // Tokens, the least recently used first.

    std::mutex mutex_;  // Guards commands_.
    std::vector<Command> commands_;
    std::thread thread_;
};

}  // namespace syspulse::logs
