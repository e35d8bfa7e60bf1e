// The checker `tcp`: healthy when a connection to host:port is accepted.
#include <syspulse/plugin.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tcp/target.hpp"

namespace syspulse::plugins::tcp {
namespace {

// One check. Destroying it releases everything; a resolver that is still busy finds it gone. It
// ends with its answer, and between two checks there is none: nothing touches it after an answer.
class Attempt {
  public:
    Attempt(const sysp_host* host, const sdk::Io& io, sdk::Completion completion, Target target,
            std::unique_ptr<Attempt>& owner)
        : host_(host),
          io_(io),
          completion_(std::move(completion)),
          target_(std::move(target)),
          owner_(owner) {}

    void start(std::chrono::milliseconds timeout) {
        deadline_ = io_.timer(timeout, [this, timeout] { out_of_time(timeout); });
        addresses_ = addresses_at_once(target_);
        if (addresses_.empty()) {
            resolve_on_worker();
        } else {
            connect_next();
        }
    }
    void cancel() {
        const std::unique_ptr<Attempt> last = std::move(owner_);
        release();
        completion_.fail(sdk::Error::cancelled());
    }

  private:
    struct Lookup {
        Target target;
        std::vector<Address> addresses;
        std::string error;
    };

    void resolve_on_worker() {
        const auto lookup = std::make_shared<Lookup>(Lookup{target_, {}, {}});
        try {
            lookup_ = sdk::Offload::start(
                host_, [lookup] { lookup->addresses = resolve(lookup->target, lookup->error); },
                [this, lookup](const sdk::Error* failure) { resolved(*lookup, failure); });
        } catch (const sdk::Error& error) {
            not_checked(error.code());
        }
    }
    void resolved(Lookup& lookup, const sdk::Error* failure) {
        addresses_ = std::move(lookup.addresses);
        last_error_ = "cannot resolve " + target_.host + ": " +
                      (failure != nullptr ? failure->what() : lookup.error);
        connect_next();
    }
    void out_of_time(std::chrono::milliseconds timeout) {
        if (lookup_ && !lookup_.begun()) {
            not_checked(SYSP_E_BUSY);
        } else {
            finish(sdk::timed_out(timeout));
        }
    }
    void not_checked(sysp_status status) {
        const std::unique_ptr<Attempt> last = std::move(owner_);
        release();
        completion_.fail({status, "cannot resolve " + target_.host + ": all workers are busy"});
    }

    void connect_next() {
        for (; next_ < addresses_.size(); ++next_) {
            watch_.reset();
            int error = 0;
            switch (socket_.connect(addresses_[next_], error)) {
                case Socket::Connect::done:
                    finish(sdk::Result::pass("connected"));
                    return;
                case Socket::Connect::pending:
                    watch_ = io_.watch(socket_.handle(), SYSP_IO_WRITE,
                                       [this](std::uint32_t) { connected(); });
                    return;
                case Socket::Connect::failed:
                    note_error(error);
            }
        }
        finish(sdk::Result::fail(last_error_));
    }
    void connected() {
        const int error = socket_.connect_error();
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
                      Socket::text_of(error);
    }
    void release() {
        lookup_.reset();
        watch_.reset();
        deadline_.reset();
        socket_.close();
    }
    void finish(const sdk::Result& result) {
        const std::unique_ptr<Attempt> last = std::move(owner_);
        release();
        completion_.done(result);
    }

    const sysp_host* host_;
    const sdk::Io& io_;
    sdk::Completion completion_;
    Target target_;
    std::unique_ptr<Attempt>& owner_;
    std::vector<Address> addresses_;
    std::size_t next_ = 0;
    std::string last_error_;
    sdk::Offload lookup_;
    Socket socket_;
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
        attempt_ = std::make_unique<Attempt>(host(), io(), std::move(completion),
                                             std::move(*target), attempt_);
        attempt_->start(request.timeout);
    }
    void cancel() override {
        if (attempt_) attempt_->cancel();
    }

  private:
    std::unique_ptr<Attempt> attempt_;
};

}  // namespace
}  // namespace syspulse::plugins::tcp

SYSPULSE_PLUGIN("syspulse.tcp", "0.1.0", "syspulse",
                syspulse::sdk::async_checker<syspulse::plugins::tcp::TcpChecker>());
