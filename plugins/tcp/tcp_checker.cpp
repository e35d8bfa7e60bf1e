// The checker `tcp`: healthy when a connection to host:port is accepted.
#include <sys/socket.h>
#include <syspulse/plugin.hpp>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/unique_fd.hpp"
#include "tcp/target.hpp"

namespace syspulse::plugins::tcp {
namespace {

// One check. Destroying it releases everything; a resolver that is still busy finds it gone.
class Attempt : public std::enable_shared_from_this<Attempt> {
  public:
    Attempt(const sysp_host* host, const sdk::Io& io, sdk::Completion completion, Target target)
        : host_(host), io_(io), completion_(std::move(completion)), target_(std::move(target)) {}

    void start(std::chrono::milliseconds timeout) {
        deadline_ = io_.timer(timeout, [this, timeout] { finish(sdk::timed_out(timeout)); });
        addresses_ = numeric_addresses(target_);
        if (addresses_.empty()) {
            resolve_on_worker();
        } else {
            connect_next();
        }
    }
    void cancel() {
        release();
        completion_.fail(sdk::Error::cancelled());
    }

  private:
    struct Lookup {
        const sysp_host* host;
        std::weak_ptr<Attempt> attempt;  // Locked on [main] only.
        Target target;
        std::vector<Address> addresses;
        std::string error;
    };

    void resolve_on_worker() {
        std::unique_ptr<Lookup> lookup{new Lookup{host_, weak_from_this(), target_, {}, {}}};
        const auto status = host_->run(host_, &Attempt::look_up, lookup.get());
        if (status != SYSP_OK) {
            release();
            completion_.fail({status, "cannot resolve " + target_.host + ": all workers are busy"});
            return;
        }
        (void)lookup.release();
    }
    static void SYSP_CALL look_up(void* raw) {
        auto* lookup = static_cast<Lookup*>(raw);
        lookup->addresses = resolve(lookup->target, lookup->error);
        // A refused post leaks the lookup: its weak reference may only be dropped on [main].
        (void)lookup->host->post(lookup->host, &Attempt::resolved, lookup);
    }
    static void SYSP_CALL resolved(void* raw) {
        const std::unique_ptr<Lookup> lookup{static_cast<Lookup*>(raw)};
        const auto attempt = lookup->attempt.lock();
        if (!attempt || !attempt->completion_) return;
        attempt->addresses_ = std::move(lookup->addresses);
        attempt->last_error_ = "cannot resolve " + lookup->target.host + ": " + lookup->error;
        attempt->connect_next();
    }

    void connect_next() {
        for (; next_ < addresses_.size(); ++next_) {
            const Address& address = addresses_[next_];
            const auto* raw = reinterpret_cast<const sockaddr*>(&address.storage);
            watch_.reset();
            socket_ =
                UniqueFd{::socket(raw->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
            if (!socket_) {
                note_error(errno);
            } else if (::connect(socket_.get(), raw, address.length) == 0) {
                finish(sdk::Result::pass("connected"));
                return;
            } else if (errno == EINPROGRESS) {
                watch_ =
                    io_.watch(socket_.get(), SYSP_IO_WRITE, [this](std::uint32_t) { connected(); });
                return;
            } else {
                note_error(errno);
            }
        }
        finish(sdk::Result::fail(last_error_));
    }
    void connected() {
        int error = 0;
        socklen_t size = sizeof error;
        if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
        if (error == 0) {
            finish(sdk::Result::pass("connected"));
            return;
        }
        note_error(error);
        ++next_;
        connect_next();
    }
    void note_error(int error) {
        last_error_ = "cannot connect to " + target_.host + " port " + target_.port + ": " +
                      std::strerror(error);
    }
    void release() {
        watch_.reset();
        deadline_.reset();
        socket_.reset();
    }
    void finish(const sdk::Result& result) {
        release();
        completion_.done(result);
    }

    const sysp_host* host_;
    const sdk::Io& io_;
    sdk::Completion completion_;
    Target target_;
    std::vector<Address> addresses_;
    std::size_t next_ = 0;
    std::string last_error_;
    UniqueFd socket_;
    sdk::Watch watch_;
    sdk::Timer deadline_;
};

class TcpChecker : public sdk::AsyncChecker {
  public:
    static constexpr const char* name = "tcp";
    static constexpr const char* summary = "Connects to host:port";
    static sdk::Schema schema() { return {}; }

    using AsyncChecker::AsyncChecker;

    void start(sdk::Completion& completion, const sdk::CheckRequest& request) override {
        auto target = parse_target(request.target);
        if (!target) {
            throw sdk::Error{SYSP_E_CONFIG, "cannot check '" + request.target +
                                                "': the target must be host:port or [ipv6]:port"};
        }
        attempt_ =
            std::make_shared<Attempt>(host(), io(), std::move(completion), std::move(*target));
        attempt_->start(request.timeout);
    }
    void cancel() override {
        if (attempt_) attempt_->cancel();
    }

  private:
    std::shared_ptr<Attempt> attempt_;
};

}  // namespace
}  // namespace syspulse::plugins::tcp

SYSPULSE_PLUGIN("syspulse.tcp", "0.1.0", "syspulse",
                syspulse::sdk::async_checker<syspulse::plugins::tcp::TcpChecker>());
