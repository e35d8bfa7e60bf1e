#include "logs/capture_thread.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/log.hpp"

namespace syspulse::logs {
namespace {

using platform::NativeHandle;
using platform::no_handle;

constexpr std::size_t max_open_files = 512;
// A turn that moves less than this per stream is followed by a pause in which the pipes fill.
constexpr std::size_t worthwhile_bytes = 32 * 1024;
constexpr Duration fill_pause = std::chrono::microseconds{120};
// How long streams that wait for room on the disk are left alone, when there are no others.
constexpr Duration full_pause = std::chrono::milliseconds{50};
// The files of a stream that is opened are put in order when none was opened for so long: while
// hundreds of daemons start, their processes need the CPUs more. Whoever writes is served at once,
// but for this pause.
constexpr Duration starting_pause = std::chrono::milliseconds{5};
constexpr std::size_t in_order_per_turn = 16;
// While streams have bytes, which some have for ever.
constexpr std::size_t in_order_beside_others = 2;
// How much is waited for, or taken at the end, of a stream that never ends.
constexpr std::size_t last_bytes = 4 * 1024 * 1024;

std::uint64_t token_of(std::uint64_t daemon, Stream stream) {
    return daemon * 2 + static_cast<std::uint64_t>(stream);
}

}  // namespace

Result<void> create_pipe(platform::OutputPipes& pipes, const std::filesystem::path& dir,
                         Stream stream) {
    std::error_code ignored;
    if (std::filesystem::create_directories(dir, ignored))
        std::filesystem::permissions(dir, std::filesystem::perms::owner_all, ignored);
    return pipes.create(pipe_path(dir, stream));
}

void remove_pipes(platform::OutputPipes& pipes, const std::filesystem::path& dir) {
    for (const Stream stream : streams) pipes.remove(pipe_path(dir, stream));
}

CaptureThread::CaptureThread(platform::OutputPipes& pipes, const platform::Clock& clock)
    : pipes_(pipes), tools_{pipes, archiver_, lines_, clock} {
    thread_ = std::thread([this] { run(); });
}

CaptureThread::~CaptureThread() {
    post({.kind = Command::Kind::stop});
    thread_.join();
}

void CaptureThread::post(Command command) {
    {
        const std::lock_guard lock(mutex_);
        commands_.push_back(std::move(command));
        if (commands_.size() > 1) return;  // Whoever put the first one woke the thread.
    }
    pipes_.wake();
}

void CaptureThread::run() {
    pipes_.begin_serving();
    std::vector<platform::PipeEvent> events;
    for (;;) {
        pipes_.wait(events, active_.empty() && fresh_.empty());
        for (const platform::PipeEvent& event : events) activate(event.token, event.hung_up);
        if (!obey_commands()) break;
        const std::size_t turn_streams = active_.size();
        const std::size_t moved = pump_active();
        tell_waiters();
        if (moved > 0 && moved < worthwhile_bytes * turn_streams) pipes_.pause(fill_pause);
        if (moved == 0 && all_wait()) pipes_.pause(full_pause);
        const bool more_may_be_opened = std::exchange(opened_, false);
        if (!active_.empty()) {
            put_some_in_order(in_order_beside_others);
        } else if (more_may_be_opened) {
            pipes_.pause(starting_pause);
        } else {
            put_some_in_order(in_order_per_turn);
        }
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
        if (command.kind == Command::Kind::prepare) prepare(command);
        if (command.kind == Command::Kind::unprepare) remove_pipes(pipes_, *command.dir);
        if (command.kind == Command::Kind::open) open(command);
        for (const Stream stream : streams) {
            const std::uint64_t token = token_of(command.daemon, stream);
            Entry* const entry = find(token);
            if (command.kind == Command::Kind::tell && entry != nullptr) put_in_order(*entry);
            if (command.kind == Command::Kind::end_run) activate(token, true);
            if (command.kind == Command::Kind::tell) activate(token, false);
        }
        if (command.kind == Command::Kind::tell)
            waiters_.push_back({command.daemon, command.done, taken(command.daemon) + last_bytes});
        if (command.kind == Command::Kind::count) count_lines(command);
        if (command.kind == Command::Kind::close) close(command.daemon);
    }
    return true;
}

void CaptureThread::prepare(const Command& command) {
    for (const Stream stream : streams) {
        static_cast<void>(create_pipe(pipes_, *command.dir, stream).has_value());
        StreamWriter writer(tools_, command.dir, stream, no_handle);
        writer.use(command.settings);
        writer.put_in_order();
    }
}

void CaptureThread::open(const Command& command) {
    for (const Stream stream : streams) {
        const std::uint64_t token = token_of(command.daemon, stream);
        Entry& entry = streams_[token];
        auto& writer = entry.writer;
        NativeHandle pipe = no_handle;
        if (command.has_pipe[static_cast<std::size_t>(stream)]) {
            pipe = pipes_.receive();
            if (pipe == no_handle)
                log::error("the output pipe for " + log_path(*command.dir, stream).string() +
                           " is lost: too many descriptors are open; start the daemon again");
        }
        if (!writer) {
            writer.emplace(tools_, command.dir, stream, pipe, command.meter);
        } else if (pipe != no_handle) {
            writer->replace_pipe(pipe, last_bytes);
        }
        if (pipe != no_handle) {
            if (auto added = pipes_.add(pipe, token); !added) log::error(added.error().message);
        }
        writer->use(command.settings);
        if (!std::exchange(entry.fresh, true)) fresh_.push_back(token);
    }
    opened_ = true;
}

void CaptureThread::put_in_order(Entry& entry) {
    if (std::exchange(entry.fresh, false)) entry.writer->put_in_order();
}

void CaptureThread::put_some_in_order(std::size_t most) {
    for (std::size_t i = 0; i < most && !fresh_.empty(); ++i) {
        if (Entry* const entry = find(fresh_.front())) put_in_order(*entry);
        std::erase(open_files_, fresh_.front());
        fresh_.pop_front();
    }
}

void CaptureThread::count_lines(const Command& command) {
    for (const Stream stream : streams) {
        if (Entry* entry = find(token_of(command.daemon, stream))) entry->writer->count_lines();
    }
    lines_.when_counted(command.done);
}

// Whoever still writes, as fast as it is read, holds up nobody.
void CaptureThread::close(std::uint64_t daemon) {
    for (const Stream stream : streams) {
        const std::uint64_t token = token_of(daemon, stream);
        if (Entry* entry = find(token)) entry->writer->pump_at_most(last_bytes);
        streams_.erase(token);
        std::erase(open_files_, token);
    }
}

std::uint64_t CaptureThread::taken(std::uint64_t daemon) {
    std::uint64_t sum = 0;
    for (const Stream stream : streams) {
        const Entry* entry = find(token_of(daemon, stream));
        if (entry != nullptr) sum += entry->taken;
    }
    return sum;
}

void CaptureThread::tell_waiters() {
    std::erase_if(waiters_, [&](Waiter& waiter) {
        const bool has_more = std::ranges::any_of(streams, [&](Stream stream) {
            const Entry* entry = find(token_of(waiter.daemon, stream));
            return entry != nullptr && entry->active && !entry->waits;
        });
        if (has_more && taken(waiter.daemon) < waiter.most) return false;
        waiter.done();
        return true;
    });
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
        if (entry->fresh && entry->writer->has_bytes()) put_in_order(*entry);
        const std::size_t taken = entry->writer->pump();
        moved += taken;
        entry->taken += taken;
        const bool more = entry->writer->has_bytes();
        entry->waits = more && taken == 0;
        if (more) {
            active_.push_back(token);
        } else {
            entry->active = false;
            if (std::exchange(entry->complete, false)) {
                entry->writer->complete_line();
                entry->writer->rest();
            }
        }
        if (entry->writer->is_file_open()) limit_open_files(token);
    }
    return moved;
}

bool CaptureThread::all_wait() const {
    return !active_.empty() && std::ranges::all_of(active_, [this](std::uint64_t token) {
        const auto it = streams_.find(token);
        return it != streams_.end() && it->second.waits;
    });
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
        put_in_order(entry);
        entry.writer->pump_at_most(last_bytes);
        entry.writer->complete_line();
    }
    streams_.clear();
    tell_waiters();
}

}  // namespace syspulse::logs
