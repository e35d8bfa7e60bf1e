// platform::OutputCapture. The loop thread opens pipes and sends commands; capture threads own
// everything else. One is enough until its descriptors are used up.
#include "logs/capture.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "logs/capture_thread.hpp"
#include "platform/output_pipes.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;
using platform::NativeHandle;
using platform::no_handle;

using HandlePair = std::array<NativeHandle, streams.size()>;
constexpr HandlePair no_handles = {no_handle, no_handle};

class LogCapture final : public platform::OutputCapture {
  public:
    LogCapture(fs::path logs_dir, const platform::Clock& clock, NativeHandle kept,
               platform::PipeHolder* holder)
        : logs_dir_(std::move(logs_dir)), clock_(clock), kept_(kept), holder_(holder) {}

    // Before anything else.
    Result<void> start() {
        const auto first = add_shard();
        return first ? Result<void>() : first.error();
    }

    ~LogCapture() override {
        for (auto& [name, side] : daemons_) close_writers(side);
    }

    void prepare(const std::string& daemon, const platform::CaptureSettings& settings) override;
    Result<platform::CaptureHandles> open(const std::string& daemon,
                                          const platform::CaptureSettings& settings) override;

    bool has_pipes(const std::string& daemon) const override {
        std::error_code ignored;
        return daemons_.contains(daemon) || std::ranges::any_of(streams, [&](Stream stream) {
                   return fs::exists(pipe_path(logs_dir_ / daemon, stream), ignored);
               });
    }

    void handles_used(const std::string& daemon) override {
        if (const auto it = daemons_.find(daemon); it != daemons_.end()) close_writers(it->second);
    }

    void run_ended(const std::string& daemon) override {
        const auto it = daemons_.find(daemon);
        if (it == daemons_.end()) return;
        close_writers(it->second);
        it->second.shard->thread.post(
            {.kind = Command::Kind::end_run, .daemon = it->second.number});
    }

    void when_written(const std::string& daemon, std::function<void()> done) override {
        const auto it = daemons_.find(daemon);
        if (it == daemons_.end()) return done();
        it->second.shard->thread.post(
            {.kind = Command::Kind::tell, .daemon = it->second.number, .done = std::move(done)});
    }

    platform::OutputCount count(const std::string& daemon) const override {
        const auto it = daemons_.find(daemon);
        if (it == daemons_.end()) return {};
        const OutputMeter& meter = *it->second.meter;
        return {meter.bytes.load(), meter.dropped_bytes.load()};
    }

    void count_lines(const std::string& daemon, std::function<void(std::uint64_t)> done) override {
        const auto it = daemons_.find(daemon);
        if (it == daemons_.end()) return done(0);
        it->second.shard->thread.post(
            {.kind = Command::Kind::count,
             .daemon = it->second.number,
             .done = [meter = it->second.meter, done = std::move(done)] { done(meter->lines); }});
    }

    // A daemon of that name that is added later gets new pipes; one that still writes into the old
    // ones is not heard any more.
    void close(const std::string& daemon) override {
        const auto it = daemons_.find(daemon);
        if (it == daemons_.end()) {
            shards_.front()->thread.post(
                {.kind = Command::Kind::unprepare,
                 .dir = std::make_shared<const KeptPath>(logs_dir_ / daemon)});
            return;
        }
        remove_pipes(*it->second.shard->pipes, *it->second.dir);
        close_writers(it->second);
        it->second.shard->thread.post({.kind = Command::Kind::close, .daemon = it->second.number});
        --it->second.shard->daemons;
        daemons_.erase(it);
    }

  private:
    // As many daemons as one thread has descriptors for.
    struct Shard {
        Shard(std::unique_ptr<platform::OutputPipes> served, const platform::Clock& clock)
            : pipes(std::move(served)), thread(*pipes, clock) {}
        std::unique_ptr<platform::OutputPipes> pipes;
        std::size_t daemons = 0;
        CaptureThread thread;  // Last: it ends before what it uses.
    };
    struct Side {
        std::uint64_t number = 0;  // Never reused.
        Shard* shard = nullptr;
        std::shared_ptr<const KeptPath> dir;
        std::array<platform::FileId, streams.size()> readers{};  // Pipes that the thread has.
        HandlePair writers = no_handles;
        std::shared_ptr<OutputMeter> meter = std::make_shared<OutputMeter>();
        std::optional<platform::CaptureSettings> settings;
    };

    void close_writers(Side& side) {
        for (NativeHandle& writer : side.writers)
            shards_.front()->pipes->close(std::exchange(writer, no_handle));
    }
    Result<Side*> side_of(const std::string& daemon);
    Result<Shard*> shard_with_room();
    Result<Shard*> add_shard();
    Result<void> open_pipes(Side& side, Command& command);
    Result<NativeHandle> open_writer(const Side& side, Stream stream);

    fs::path logs_dir_;
    const platform::Clock& clock_;
    NativeHandle kept_;
    platform::PipeHolder* holder_;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::unordered_map<std::string, Side> daemons_;
    std::uint64_t last_number_ = 0;
};

// Left to the thread, because thousands may be added at once. A start that overtakes it finds less
// done and does the rest.
void LogCapture::prepare(const std::string& daemon, const platform::CaptureSettings& settings) {
    shards_.front()->thread.post({.kind = Command::Kind::prepare,
                                  .dir = std::make_shared<const KeptPath>(logs_dir_ / daemon),
                                  .settings = settings});
}

Result<platform::CaptureHandles> LogCapture::open(const std::string& daemon,
                                                  const platform::CaptureSettings& settings) {
    const auto found = side_of(daemon);
    if (!found) return found.error().with("cannot capture the output of " + daemon);
    Side& side = **found;
    close_writers(side);
    Command command{.kind = Command::Kind::open,
                    .daemon = side.number,
                    .dir = side.dir,
                    .settings = settings,
                    .meter = side.meter};
    const auto opened = open_pipes(side, command);
    const bool new_pipes = std::ranges::any_of(command.has_pipe, std::identity{});
    if (new_pipes || side.settings != settings) {
        side.settings = settings;
        side.shard->thread.post(std::move(command));
    }
    if (!opened) {
        close_writers(side);
        return opened.error().with("cannot capture the output of " + daemon);
    }
    return platform::CaptureHandles{side.writers[0], side.writers[1]};
}

Result<LogCapture::Side*> LogCapture::side_of(const std::string& daemon) {
    const auto known = daemons_.find(daemon);
    if (known != daemons_.end()) return &known->second;
    const auto shard = shard_with_room();
    if (!shard) return shard.error();
    Side side;
    side.number = ++last_number_;
    side.shard = *shard;
    side.dir = std::make_shared<const KeptPath>(logs_dir_ / daemon);
    ++side.shard->daemons;
    return &daemons_.emplace(daemon, std::move(side)).first->second;
}

Result<LogCapture::Shard*> LogCapture::shard_with_room() {
    for (const auto& shard : shards_) {
        if ((shard->daemons + 1) * streams.size() <= shard->pipes->capacity()) return shard.get();
    }
    return add_shard();
}

Result<LogCapture::Shard*> LogCapture::add_shard() {
    auto pipes = platform::make_output_pipes(kept_, holder_);
    if (!pipes) return pipes.error();
    try {
        return shards_.emplace_back(std::make_unique<Shard>(*std::move(pipes), clock_)).get();
    } catch (const std::system_error& failed) {  // Where a limit leaves no thread.
        return Error{ErrorCode::internal,
                     "cannot start a thread for log capture: " + failed.code().message()};
    }
}

// A pipe that somebody has removed or replaced is given up for the one that is there now.
Result<void> LogCapture::open_pipes(Side& side, Command& command) {
    platform::OutputPipes& pipes = *side.shard->pipes;
    for (const Stream stream : streams) {
        const auto i = static_cast<std::size_t>(stream);
        auto writer = open_writer(side, stream);
        if (!writer) return writer.error();
        side.writers[i] = *writer;
        if (command.settings.user) pipes.give(*writer, *command.settings.user);
        const platform::FileId id = pipes.id_of(*writer);
        if (id == side.readers[i]) continue;
        auto reader = pipes.open_reader(pipe_path(*side.dir, stream));
        if (!reader) return reader.error();
        if (auto handed = pipes.hand_over(*reader); !handed) return handed;
        command.has_pipe[i] = true;
        side.readers[i] = id;
    }
    return {};
}

Result<NativeHandle> LogCapture::open_writer(const Side& side, Stream stream) {
    platform::OutputPipes& pipes = *side.shard->pipes;
    const fs::path path = pipe_path(*side.dir, stream);
    auto writer = pipes.open_writer(path);
    if (writer || writer.error().code != ErrorCode::not_found) return writer;
    if (auto made = create_pipe(pipes, *side.dir, stream); !made) return made.error();
    return pipes.open_writer(path);
}

}  // namespace

Result<std::unique_ptr<platform::OutputCapture>> make_capture(fs::path logs_dir,
                                                              const platform::Clock& clock,
                                                              NativeHandle kept,
                                                              platform::PipeHolder* holder) {
    auto capture = std::make_unique<LogCapture>(std::move(logs_dir), clock, kept, holder);
    if (auto started = capture->start(); !started) return started.error();
    return std::unique_ptr<platform::OutputCapture>(std::move(capture));
}

}  // namespace syspulse::logs
