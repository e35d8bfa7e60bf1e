// platform::OutputCapture. The loop thread opens pipes and sends commands; one capture thread owns
// everything else.
#include "logs/capture.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "logs/archiver.hpp"
#include "logs/stream_writer.hpp"
#include "platform/output_pipes.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;
using platform::NativeHandle;
using platform::no_handle;

constexpr std::array streams = {Stream::out, Stream::err};
constexpr std::size_t peek_bytes = 256 * 1024;
constexpr std::size_t max_open_files = 512;
// A turn that moves less than this per stream is followed by a pause in which the pipes fill.
constexpr std::size_t worthwhile_bytes = 32 * 1024;
constexpr Duration fill_pause = std::chrono::microseconds{300};
// When stopping: how much of a stream that never ends is still taken.
constexpr std::size_t last_bytes = 4 * 1024 * 1024;

using HandlePair = std::array<NativeHandle, 2>;
constexpr HandlePair no_handles = {no_handle, no_handle};

struct Command {
    enum class Kind : std::uint8_t { open, end_run, close, stop };
    Kind kind = Kind::stop;
    std::uint64_t daemon = 0;
    std::shared_ptr<const fs::path> dir{};
    HandlePair pipes = no_handles;  // Reading ends to take over.
    platform::CaptureSettings settings{};
};

// Everything that happens on the capture thread.
class CaptureThread {
  public:
    CaptureThread(platform::OutputPipes& pipes, const platform::Clock& clock)
        : pipes_(pipes), tools_{pipes, archiver_, clock, std::vector<char>(peek_bytes), {}} {
        thread_ = std::thread([this] { run(); });
    }

    ~CaptureThread() {
        post({.kind = Command::Kind::stop});
        thread_.join();
    }

    CaptureThread(const CaptureThread&) = delete;
    CaptureThread& operator=(const CaptureThread&) = delete;

    // [any thread]
    void post(Command command) {
        {
            const std::lock_guard lock(mutex_);
            commands_.push_back(std::move(command));
        }
        pipes_.wake();
    }

  private:
    struct Entry {
        std::unique_ptr<StreamWriter> writer{};
        bool active = false;    // Stands in active_.
        bool complete = false;  // Complete the last line when the pipe is empty.
    };

    void run();
    bool obey_commands();
    void open(const Command& command);
    void activate(std::uint64_t token, bool complete);
    std::size_t pump_active();
    void drain_all();
    void limit_open_files(std::uint64_t token);
    Entry* find(std::uint64_t token);

    platform::OutputPipes& pipes_;
    Archiver archiver_;
    WriterTools tools_;
    std::unordered_map<std::uint64_t, Entry> streams_;  // By token.
    std::vector<std::uint64_t> active_;      // Streams that may have bytes in their pipes.
    std::vector<std::uint64_t> open_files_;  // Tokens, the least recently used first.

    std::mutex mutex_;
    std::vector<Command> commands_;
    std::thread thread_;
};

std::uint64_t token_of(std::uint64_t daemon, Stream stream) {
    return daemon * 2 + static_cast<std::uint64_t>(stream);
}

void CaptureThread::run() {
    std::vector<platform::PipeEvent> events;
    for (;;) {
        pipes_.wait(events, active_.empty());
        for (const platform::PipeEvent& event : events) activate(event.token, event.hung_up);
        if (!obey_commands()) break;
        const std::size_t turn_streams = active_.size();
        const std::size_t moved = pump_active();
        if (moved > 0 && moved < worthwhile_bytes * turn_streams) pipes_.pause(fill_pause);
    }
    drain_all();
}

bool CaptureThread::obey_commands() {
    std::vector<Command> commands;
    {
        const std::lock_guard lock(mutex_);
        commands.swap(commands_);
    }
    for (const Command& command : commands) {
        if (command.kind == Command::Kind::stop) return false;
        if (command.kind == Command::Kind::open) open(command);
        for (const Stream stream : streams) {
            const std::uint64_t token = token_of(command.daemon, stream);
            if (command.kind == Command::Kind::end_run) activate(token, true);
            if (command.kind != Command::Kind::close) continue;
            if (Entry* entry = find(token)) {
                while (entry->writer->has_bytes() && entry->writer->pump() > 0) {
                }
            }
            streams_.erase(token);
            std::erase(open_files_, token);
        }
    }
    return true;
}

void CaptureThread::open(const Command& command) {
    for (const Stream stream : streams) {
        const std::uint64_t token = token_of(command.daemon, stream);
        auto& writer = streams_[token].writer;
        const NativeHandle pipe = command.pipes[static_cast<std::size_t>(stream)];
        if (!writer) {
            writer = std::make_unique<StreamWriter>(tools_, command.dir, stream, pipe);
        } else if (pipe != no_handle) {
            writer->replace_pipe(pipe);
        }
        if (pipe != no_handle) {
            if (auto added = pipes_.add(pipe, token); !added) log::error(added.error().message);
        }
        writer->apply(command.settings);
        std::erase(open_files_, token);
    }
}

CaptureThread::Entry* CaptureThread::find(std::uint64_t token) {
    const auto it = streams_.find(token);
    return it == streams_.end() ? nullptr : &it->second;
}

void CaptureThread::activate(std::uint64_t token, bool complete) {
    Entry* entry = find(token);
    if (entry == nullptr) return;
    entry->complete |= complete;
    if (!std::exchange(entry->active, true)) active_.push_back(token);
}

// What arrives after the look into the pipe is reported again.
std::size_t CaptureThread::pump_active() {
    std::size_t moved = 0;
    const std::vector<std::uint64_t> turn = std::exchange(active_, {});
    for (const std::uint64_t token : turn) {
        Entry* entry = find(token);
        if (entry == nullptr) continue;
        moved += entry->writer->pump();
        if (entry->writer->has_bytes()) {
            active_.push_back(token);
        } else {
            entry->active = false;
            if (std::exchange(entry->complete, false)) {
                entry->writer->complete_line();
                entry->writer->close_file();
            }
        }
        if (entry->writer->is_file_open()) limit_open_files(token);
    }
    return moved;
}

void CaptureThread::limit_open_files(std::uint64_t token) {
    if (!open_files_.empty() && open_files_.back() == token) return;
    std::erase(open_files_, token);
    open_files_.push_back(token);
    if (open_files_.size() <= max_open_files) return;
    if (Entry* oldest = find(open_files_.front())) oldest->writer->close_file();
    open_files_.erase(open_files_.begin());
}

void CaptureThread::drain_all() {
    for (auto& [token, entry] : streams_) {
        StreamWriter& writer = *entry.writer;
        std::size_t taken = 0;
        while (writer.has_bytes() && taken < last_bytes) taken += writer.pump();
        writer.complete_line();
    }
    streams_.clear();
}

class LogCapture final : public platform::OutputCapture {
  public:
    LogCapture(fs::path logs_dir, std::unique_ptr<platform::OutputPipes> pipes,
               const platform::Clock& clock)
        : logs_dir_(std::move(logs_dir)), pipes_(std::move(pipes)), thread_(*pipes_, clock) {}

    ~LogCapture() override {
        for (auto& [name, side] : daemons_) close_writers(side);
    }

    Result<platform::CaptureHandles> open(const std::string& daemon,
                                          const platform::CaptureSettings& settings) override;

    void handles_used(const std::string& daemon) override {
        if (const auto it = daemons_.find(daemon); it != daemons_.end()) close_writers(it->second);
    }

    void run_ended(const std::string& daemon) override {
        const auto it = daemons_.find(daemon);
        if (it == daemons_.end()) return;
        close_writers(it->second);
        thread_.post({.kind = Command::Kind::end_run, .daemon = it->second.number});
    }

    // A daemon of that name that is added later gets new pipes; one that still writes into the old
    // ones is not heard any more.
    void close(const std::string& daemon) override {
        const auto it = daemons_.find(daemon);
        if (it == daemons_.end()) return;
        close_writers(it->second);
        thread_.post({.kind = Command::Kind::close, .daemon = it->second.number});
        std::error_code ignored;
        for (const Stream stream : streams) fs::remove(pipe_path(*it->second.dir, stream), ignored);
        daemons_.erase(it);
    }

  private:
    struct Side {
        std::uint64_t number = 0;  // Never reused.
        std::shared_ptr<const fs::path> dir;
        HandlePair readers = no_handles;  // The capture thread's; only looked at here.
        HandlePair writers = no_handles;
    };

    void close_writers(Side& side) {
        for (NativeHandle& writer : side.writers) pipes_->close(std::exchange(writer, no_handle));
    }
    Result<void> open_pipes(Side& side, Command& command);
    Result<NativeHandle> open_reader(const Side& side, Stream stream);

    fs::path logs_dir_;
    std::unique_ptr<platform::OutputPipes> pipes_;
    std::unordered_map<std::string, Side> daemons_;
    std::uint64_t last_number_ = 0;
    CaptureThread thread_;  // Last: it ends before what it uses.
};

Result<platform::CaptureHandles> LogCapture::open(const std::string& daemon,
                                                  const platform::CaptureSettings& settings) {
    const auto known = daemons_.find(daemon);
    Side side;
    if (known != daemons_.end()) {
        side = known->second;
        close_writers(side);
        known->second.writers = no_handles;
    } else {
        side.number = ++last_number_;
        side.dir = std::make_shared<const fs::path>(logs_dir_ / daemon);
    }
    Command command{
        .kind = Command::Kind::open, .daemon = side.number, .dir = side.dir, .settings = settings};
    if (auto opened = open_pipes(side, command); !opened) {
        for (const NativeHandle pipe : command.pipes) pipes_->close(pipe);
        close_writers(side);
        return opened.error().with("cannot capture the output of " + daemon);
    }
    const platform::CaptureHandles handles = {side.writers[0], side.writers[1]};
    daemons_[daemon] = side;
    thread_.post(std::move(command));
    return handles;
}

Result<void> LogCapture::open_pipes(Side& side, Command& command) {
    for (const Stream stream : streams) {
        const auto i = static_cast<std::size_t>(stream);
        const fs::path path = pipe_path(*side.dir, stream);
        if (side.readers[i] == no_handle || !pipes_->is_at(side.readers[i], path)) {
            auto reader = open_reader(side, stream);
            if (!reader) return reader.error();
            command.pipes[i] = side.readers[i] = *reader;
        }
        auto writer = pipes_->open_writer(path);
        if (!writer) return writer.error();
        side.writers[i] = *writer;
    }
    return {};
}

Result<NativeHandle> LogCapture::open_reader(const Side& side, Stream stream) {
    const fs::path path = pipe_path(*side.dir, stream);
    auto reader = pipes_->open_reader(path);
    if (reader || reader.error().code != ErrorCode::not_found) return reader;
    std::error_code ignored;
    fs::create_directories(*side.dir, ignored);
    fs::permissions(*side.dir, fs::perms::owner_all, ignored);
    return pipes_->open_reader(path);
}

}  // namespace

std::unique_ptr<platform::OutputCapture> make_capture(fs::path logs_dir,
                                                      const platform::Clock& clock) {
    auto pipes = platform::make_output_pipes();
    if (!pipes) {
        log::error(pipes.error().message);
        return nullptr;
    }
    return std::make_unique<LogCapture>(std::move(logs_dir), *std::move(pipes), clock);
}

}  // namespace syspulse::logs
