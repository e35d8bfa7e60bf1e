// Plugins on the C++ layer that throw wherever they can: a blocking checker, an asynchronous one or
// a driver, chosen at build time. What a checker throws is named by the target of the check.
#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <syspulse/plugin.hpp>

namespace {

namespace sdk = syspulse::sdk;

struct Odd {};  // Not derived from std::exception.

[[maybe_unused]] void throw_something(const std::string& what) {
    if (what == "error") throw sdk::Error{SYSP_E_DENIED, "an error of the layer"};
    if (what == "odd") throw Odd{};
    throw std::runtime_error("a runtime error");
}

struct Blocking {
    static constexpr const char* name = "blocking";
    static constexpr const char* summary = "Throws";
    static sdk::Schema schema() { return {}; }
    explicit Blocking(const sdk::Config& config) {
        if (config.has("/create")) throw Odd{};
    }
    sdk::Result check(const sdk::Check& check) const {
        throw_something(check.target);
        return sdk::Result::pass();
    }
};

class Asynchronous : public sdk::AsyncChecker {
  public:
    static constexpr const char* name = "asynchronous";
    static constexpr const char* summary = "Throws";
    static sdk::Schema schema() { return {}; }
    using AsyncChecker::AsyncChecker;
    ~Asynchronous() override {
        if (pipe_[0] >= 0) close(pipe_[0]);
        if (pipe_[1] >= 0) close(pipe_[1]);
    }
    void start(sdk::Completion& completion, const sdk::CheckRequest& request) override {
        if (request.target == "drop") return;
        if (request.target == "drop-later") {
            completion_ = std::move(completion);
            timer_ = io().timer(std::chrono::nanoseconds{0}, [this] { completion_ = {}; });
        } else if (request.target == "before") {
            timer_ = io().timer(std::chrono::hours{1}, [] {});
            throw std::runtime_error("before");
        } else if (request.target == "half-way") {
            completion_ = std::move(completion);
            timer_ = io().timer(std::chrono::hours{1}, [] {});
            throw std::runtime_error("half-way");
        } else if (request.target == "callback") {
            completion_ = std::move(completion);
            if (pipe2(pipe_, O_CLOEXEC) != 0) throw sdk::Error::os("cannot make a pipe");
            watch_ = io().watch(pipe_[1], SYSP_IO_WRITE, [](std::uint32_t) { throw Odd{}; });
        } else {
            throw_something(request.target);
        }
    }
    void cancel() override {
        timer_.reset();
        watch_.reset();
        completion_.fail(sdk::Error::cancelled());
        throw Odd{};
    }

  private:
    int pipe_[2] = {-1, -1};
    sdk::Completion completion_;
    sdk::Watch watch_;
    sdk::Timer timer_;
};

class ThrowingDriver : public sdk::Driver {
  public:
    static constexpr const char* name = "throwing";
    static constexpr const char* summary = "Throws";
    static constexpr std::uint32_t enforces = 0;
    static sdk::Schema schema() { return {}; }
    static sdk::Schema process_schema() { return {}; }
    using Driver::Driver;
    ~ThrowingDriver() noexcept(false) { throw Odd{}; }
    sdk::Spawned spawn(const sdk::SpawnRequest&) { throw Odd{}; }
    sdk::Spawned recover(const sdk::RecoverRequest&) { throw std::runtime_error("recover"); }
    void signal(sysp_proc, std::int32_t, std::int32_t) {
        throw sdk::Error{SYSP_E_DENIED, "signal"};
    }
    bool inspect(sysp_proc) { throw Odd{}; }
    sysp_stats stats(sysp_proc) { throw Odd{}; }
    void release(sysp_proc) { throw Odd{}; }
};

// Starts nothing; its answers come later, or never. The program says how.
class LaterDriver : public sdk::Driver {
  public:
    static constexpr const char* name = "later";
    static constexpr const char* summary = "Answers starts later";
    static constexpr std::uint32_t enforces = 0;
    static sdk::Schema schema() { return {}; }
    static sdk::Schema process_schema() { return {}; }
    explicit LaterDriver(const sdk::Config& config) : Driver(config), io_(config.host()) {}

    void spawn(sdk::SpawnRequest request, sdk::StartAnswer&& answer) {
        const std::string& how = request.argv.front();
        if (how == "drop") return;
        if (how == "refuse") throw sdk::Error{SYSP_E_DENIED, "refused"};
        if (how == "half-way") {
            const sdk::StartAnswer taken = std::move(answer);
            throw sdk::Error{SYSP_E_DENIED, "half-way"};
        }
        answer_.emplace(std::move(answer));
        if (how == "never") return;
        timer_ = io_.timer(std::chrono::nanoseconds{0}, [this, proc = request.proc] {
            exits()->exited(proc, SYSP_EXIT_CODE, 4);
            answer_->started({4711, "token", {}, false});
            answer_.reset();
        });
    }
    void cancel(sysp_op op) {
        if (answer_ && answer_->op() == op) answer_->failed(sdk::Error::cancelled());
        throw Odd{};
    }
    sdk::Spawned recover(const sdk::RecoverRequest&) { throw std::runtime_error("recover"); }
    void signal(sysp_proc, std::int32_t, std::int32_t) {}
    bool inspect(sysp_proc) { return true; }
    void release(sysp_proc) {}

  private:
    sdk::Io io_;
    sdk::Timer timer_;
    std::optional<sdk::StartAnswer> answer_;
};

}  // namespace

SYSPULSE_PLUGIN("org.example.thrower", "1.0.0", "example", THROWER);
