#include "base/background_writer.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "base/detached_thread.hpp"

namespace syspulse {
namespace {

// Little enough that a slow reader is seen to make progress.
constexpr std::size_t bytes_per_write = 16 * 1024;

}  // namespace

// Shared with the thread, which may outlive the writer.
struct BackgroundWriter::State {
    State(Sink output, std::size_t most, std::function<void()> tell)
        : sink(std::move(output)), capacity(most), changed(std::move(tell)) {}

    void run();

    const Sink sink;
    const std::size_t capacity;

    std::mutex mutex;  // Guards what follows.
    std::condition_variable news;
    std::function<void()> changed;
    std::string waiting;
    std::size_t pieces = 0;  // Written so far.
    bool writing = false;
    bool refused = false;
    bool gone = false;
    bool closed = false;
};

void BackgroundWriter::State::run() {
    std::unique_lock lock(mutex);
    for (;;) {
        news.wait(lock, [this] { return closed || !waiting.empty(); });
        if (closed) return;
        const std::size_t size = std::min(waiting.size(), bytes_per_write);
        const std::string piece = waiting.substr(0, size);
        waiting.erase(0, size);
        writing = true;
        lock.unlock();
        const bool done = sink(piece);
        lock.lock();
        writing = false;
        ++pieces;
        if (!done) {
            gone = true;
            waiting.clear();
        }
        const bool room = refused && waiting.size() < capacity / 2;
        if (room) refused = false;
        if ((room || gone) && changed) changed();
        news.notify_all();
        if (gone) return;
    }
}

Result<std::unique_ptr<BackgroundWriter>> BackgroundWriter::start(Sink sink, std::size_t capacity,
                                                                  std::function<void()> changed) {
    auto state = std::make_shared<State>(std::move(sink), capacity, std::move(changed));
    try {
        start_detached([state] { state->run(); });
    } catch (const std::system_error& failed) {
        return Error{ErrorCode::internal,
                     "cannot start a thread for output: " + failed.code().message()};
    }
    return std::unique_ptr<BackgroundWriter>(new BackgroundWriter(std::move(state)));
}

BackgroundWriter::~BackgroundWriter() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->closed = true;
        state_->changed = nullptr;
    }
    state_->news.notify_all();
}

bool BackgroundWriter::write(std::string_view text) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->gone) return true;
        if (state_->waiting.size() >= state_->capacity) {
            state_->refused = true;
            return false;
        }
        state_->waiting += text;
    }
    state_->news.notify_all();
    return true;
}

bool BackgroundWriter::is_gone() const {
    const std::lock_guard lock(state_->mutex);
    return state_->gone;
}

bool BackgroundWriter::flush(Duration patience) {
    std::unique_lock lock(state_->mutex);
    const auto is_empty = [this] { return state_->waiting.empty() && !state_->writing; };
    while (!is_empty()) {
        const std::size_t before = state_->pieces;
        const bool moved = state_->news.wait_for(
            lock, patience, [&] { return is_empty() || state_->pieces != before; });
        if (!moved) return false;
    }
    return true;
}

}  // namespace syspulse
