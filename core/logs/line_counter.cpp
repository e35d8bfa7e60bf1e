#include "logs/line_counter.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>
#include <utility>

namespace syspulse::logs {
namespace {

constexpr std::size_t files_waiting_max = 4;
constexpr std::size_t counted_bytes = 64 * 1024;

// Sums in bytes, which a compiler makes many at a time of: several times as fast as std::count.
std::uint64_t newlines_in(std::string_view text) {
    constexpr std::size_t lanes = 32;
    constexpr std::size_t rounds = 255;
    std::uint64_t count = 0;
    while (text.size() >= lanes) {
        std::array<std::uint8_t, lanes> sums{};
        const std::size_t steps = std::min(text.size() / lanes, rounds);
        for (std::size_t step = 0; step < steps; ++step) {
            const char* const at = text.data() + step * lanes;
            for (std::size_t lane = 0; lane < lanes; ++lane)
                sums[lane] = static_cast<std::uint8_t>(sums[lane] + (at[lane] == '\n' ? 1 : 0));
        }
        for (const std::uint8_t sum : sums) count += sum;
        text.remove_prefix(steps * lanes);
    }
    return count + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

LineCounter::~LineCounter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    news_.notify_all();
    if (thread_.joinable()) thread_.join();
    for (const Job& job : jobs_) {
        if (job.done) job.done();
    }
}

void LineCounter::add(platform::OutputFile file, std::uint64_t from, std::uint64_t to,
                      std::shared_ptr<OutputMeter> meter) {
    if (from >= to || !file) return;
    Job job{std::move(file), from, to, std::move(meter), {}};
    if (begin()) {
        const std::lock_guard lock(mutex_);
        if (jobs_.size() < files_waiting_max) {
            jobs_.push_back(std::move(job));
            news_.notify_one();
            return;
        }
    }
    count(job);
}

// False where a limit leaves no thread.
bool LineCounter::begin() {
    if (thread_.joinable()) return true;
    try {
        thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
        return false;
    }
    return true;
}

void LineCounter::when_counted(std::function<void()> done) {
    if (!begin()) return done();
    Job job;
    job.done = std::move(done);
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    news_.notify_one();
}

void LineCounter::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        news_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (stopping_) break;
        Job& job = jobs_.front();  // Others are only added behind it.
        lock.unlock();
        count(job);
        if (job.done) job.done();
        lock.lock();
        jobs_.pop_front();
    }
    // Elsewhere their handles mean other files.
    for (Job& job : jobs_) job.file.close();
}

void LineCounter::count(const Job& job) {
    std::array<char, counted_bytes> block;
    for (std::uint64_t at = job.from; at < job.to && !stopping_;) {
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), job.to - at));
        const auto got = job.file.read_at(at, std::span(block.data(), wanted));
        if (!got || *got == 0) return;
        const std::string_view text(block.data(), *got);
        job.meter->lines += newlines_in(text);
        at += *got;
    }
}

}  // namespace syspulse::logs
