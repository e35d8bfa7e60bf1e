// The checker `command`: runs a shell command line in a session of its own; exit status 0 is
// healthy. Whatever the outcome, nothing of the command's process group outlives the check.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <syspulse/plugin.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "command/excerpt.hpp"
#include "common/child.hpp"
#include "common/pidfd.hpp"

extern char** environ;

namespace syspulse::plugins::command {
namespace {

class CommandChecker : public sdk::AsyncChecker {
  public:
    static constexpr const char* name = "command";
    static constexpr const char* summary = "Runs a shell command; exit status 0 is healthy";
    static sdk::Schema schema() { return {}; }

    using AsyncChecker::AsyncChecker;

    void start(sdk::Completion& completion, const sdk::CheckRequest& request) override {
        if (request.target.empty()) {
            throw sdk::Error{SYSP_E_CONFIG,
                             "cannot run the check: the target must be a command line"};
        }
        launch_shell(request);
        try {
            watch(request.timeout);
        } catch (...) {
            clean_up();
            throw;
        }
        completion_ = std::move(completion);
    }
    void cancel() override {
        if (!completion_) return;
        auto completion = std::move(completion_);
        clean_up();
        completion.fail(sdk::Error::cancelled());
    }

  private:
    void watch(std::chrono::milliseconds timeout) {
        deadline_ = io().timer(timeout, [this, timeout] { end(sdk::timed_out(timeout)); });
        exit_watch_ = io().watch(pidfd_.get(), SYSP_IO_READ, [this](std::uint32_t) { exited(); });
        output_watch_ = io().watch(output_.get(), SYSP_IO_READ, [this](std::uint32_t) {
            if (!read_output()) output_watch_.reset();
        });
    }
    // What only the manager should be told: a command could speak to the service manager in its
    // name.
    static bool of_the_manager(std::string_view entry) {
        constexpr std::array prefixes = {"SYSPULSE_", "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_"};
        return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view prefix) {
            return entry.substr(0, prefix.size()) == prefix;
        });
    }
    static std::vector<std::string> environment(const sdk::CheckRequest& request) {
        std::vector<std::string> env;
        for (char** entry = environ; *entry != nullptr; ++entry) {
            if (!of_the_manager(*entry)) env.emplace_back(*entry);
        }
        env.push_back("SYSPULSE_DAEMON=" + request.unit);
        if (request.pid > 0) env.push_back("SYSPULSE_PID=" + std::to_string(request.pid));
        return env;
    }
    void launch_shell(const sdk::CheckRequest& request) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
            throw sdk::Error::os("cannot make a pipe");
        output_ = UniqueFd{ends[0]};
        const UniqueFd writer{ends[1]};
        // O_NONBLOCK belongs to the end's open file, which the command would inherit.
        (void)::fcntl(writer.get(), F_SETFL, 0);
        const auto env = environment(request);
        std::vector<char*> envp;
        for (const auto& entry : env) envp.push_back(const_cast<char*>(entry.c_str()));
        envp.push_back(nullptr);
        std::array<std::string, 3> words = {"/bin/sh", "-c", request.target};
        const std::array<char*, 4> argv = {words[0].data(), words[1].data(), words[2].data(),
                                           nullptr};
        ChildPlan plan;
        plan.path = argv[0];
        plan.argv = argv.data();
        plan.env = envp.data();
        plan.stdio = {-1, writer.get(), writer.get()};
        Launch launched = launch(plan);
        if (launched.error != 0) throw sdk::Error::os("cannot run /bin/sh", launched.error);
        pid_ = launched.pid;
        pidfd_ = std::move(launched.pidfd);
        excerpt_ = {};
    }
    // Reads what is there, in bounded portions, so that a chatty command cannot hold the loop.
    // False at the end of the output.
    bool read_output() {
        std::array<char, 16384> chunk;
        const ssize_t count = ::read(output_.get(), chunk.data(), chunk.size());
        if (count > 0) excerpt_.append(chunk.data(), static_cast<std::size_t>(count));
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
    }
    void exited() {
        ExitInfo info;
        if (peek_child(pidfd_.get(), info) != ChildState::exited) return;
        // A pipe holds at most 64 KiB by default; what is in it now was written before the exit.
        for (int portion = 0; portion < 4; ++portion) (void)read_output();
        const std::string output = excerpt_.one_line();
        if (!info.by_signal && info.value == 0) {
            end(sdk::Result::pass(output));
            return;
        }
        const std::string how = info.by_signal ? "killed by signal " : "exit status ";
        end(sdk::Result::fail(how + std::to_string(info.value) +
                              (output.empty() ? "" : ": " + output)));
    }
    void end(sdk::Result result) {
        auto completion = std::move(completion_);
        clean_up();
        completion.done(result);
    }
    // The group is killed while its leader is a zombie at least, so that its number is still ours.
    void clean_up() {
        exit_watch_.reset();
        output_watch_.reset();
        deadline_.reset();
        if (pid_ > 0) {
            (void)signal_group(std::exchange(pid_, -1), SIGKILL);
            bury();
        }
        output_.reset();
    }
    // A killed process ends soon but not at once; it is reaped when its pidfd says so.
    void bury() {
        ExitInfo info;
        if (peek_child(pidfd_.get(), info) != ChildState::running) {
            reap_child(pidfd_.get());
            pidfd_.reset();
            return;
        }
        const int fd = pidfd_.get();
        Dying dying{std::move(pidfd_), {}};
        dying.watch = io().watch(fd, SYSP_IO_READ, [this, fd](std::uint32_t) { bury_one(fd); });
        dying_.push_back(std::move(dying));
    }
    void bury_one(int fd) {
        reap_child(fd);
        for (auto it = dying_.begin(); it != dying_.end(); ++it) {
            if (it->pidfd.get() != fd) continue;
            dying_.erase(it);
            return;
        }
    }

    struct Dying {
        UniqueFd pidfd;
        sdk::Watch watch;
    };

    sdk::Completion completion_;
    pid_t pid_ = -1;
    UniqueFd pidfd_;
    UniqueFd output_;
    Excerpt excerpt_;
    std::vector<Dying> dying_;
    sdk::Watch exit_watch_;
    sdk::Watch output_watch_;
    sdk::Timer deadline_;
};

}  // namespace
}  // namespace syspulse::plugins::command

SYSPULSE_PLUGIN("syspulse.command", "0.1.0", "syspulse",
                syspulse::sdk::async_checker<syspulse::plugins::command::CommandChecker>());
