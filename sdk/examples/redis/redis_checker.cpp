// The checker `redis`: healthy when the server answers PING, has the role that is wanted and
// finished loading. It speaks RESP on the host's loop and blocks nowhere; a host name is resolved
// on a worker.
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>
#include <syspulse/plugin.hpp>

#include "resp.hpp"

namespace sdk = syspulse::sdk;

namespace {

struct Addresses {
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> list{nullptr, &freeaddrinfo};
    std::string error;
};

// "host:port", "[ipv6]:port" or "host", with the port of Redis by default.
std::pair<std::string, std::string> split_target(const std::string& target) {
    const auto colon = target.rfind(':');
    const auto bracket = target.rfind(']');
    const bool has_port =
        colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
    std::string host = has_port ? target.substr(0, colon) : target;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return {host, has_port ? target.substr(colon + 1) : "6379"};
}

void resolve(const std::string& target, Addresses& found) {
    const auto [host, port] = split_target(target);
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    const int code =
        host.empty() ? EAI_NONAME : getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
    if (code != 0) found.error = "cannot resolve " + target + ": " + gai_strerror(code);
    if (code == 0) found.list.reset(list);
}

}  // namespace

class RedisChecker : public sdk::AsyncChecker {
  public:
    static constexpr const char* name = "redis";
    static constexpr const char* summary = "Asks a Redis server for PING and INFO";
    static sdk::Schema schema() {
        return sdk::Schema{}
            .add("username", sdk::Option::string().by_default("").describe("For servers with ACLs"))
            .add("password", sdk::Option::string().by_default("").secret())
            .add("role", sdk::Option::string().one_of({"any", "master", "slave"}).by_default("any"))
            .add("max_used_memory_bytes",
                 sdk::Option::integer().range(0, 1LL << 50).by_default(0).describe("0: any"));
    }

    explicit RedisChecker(const sdk::Config& config)
        : AsyncChecker(config),
          username_(config.str("/username")),
          password_(config.str("/password")),
          role_(config.str("/role")),
          most_memory_(config.i64("/max_used_memory_bytes")) {
        if (!username_.empty() && password_.empty())
            throw sdk::Error{SYSP_E_CONFIG, "/password: needed with /username"};
    }
    ~RedisChecker() override { release(); }

    void start(sdk::Completion& completion, const sdk::CheckRequest& request) override {
        target_ = request.target.empty() ? "127.0.0.1" : request.target;
        completion_ = std::move(completion);
        deadline_ = io().timer(request.timeout,
                               [this, limit = request.timeout] { finish(sdk::timed_out(limit)); });
        replies_ = {};
        awaited_ = {"PING", "INFO"};
        if (!password_.empty()) awaited_.insert(awaited_.begin(), "AUTH");
        auto found = std::make_shared<Addresses>();
        lookup_ = sdk::Offload::start(
            host(), [found, target = target_] { resolve(target, *found); },
            [this, found](const sdk::Error* failure) {
                if (failure != nullptr) return fail(*failure);
                if (!found->list) return finish(sdk::Result::fail(found->error));
                connect_to(*found->list);
            });
    }
    void cancel() override {
        release();
        completion_.fail(sdk::Error::cancelled());
    }

  private:
    void connect_to(const addrinfo& address) {
        socket_ = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (socket_ < 0) return fail(sdk::Error::os("cannot make a socket"));
        if (connect(socket_, address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS)
            return unreachable(errno);
        watch_ = io().watch(socket_, SYSP_IO_WRITE, [this](std::uint32_t) { connected(); });
    }
    void connected() {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return unreachable(error);
        std::string text;
        if (!password_.empty()) {
            text += redis::command(username_.empty()
                                       ? std::vector<std::string>{"AUTH", password_}
                                       : std::vector<std::string>{"AUTH", username_, password_});
        }
        text += redis::command({"PING"}) + redis::command({"INFO"});
        // A fresh connection takes these few bytes at once.
        if (send(socket_, text.data(), text.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(text.size()))
            return unreachable(errno);
        watch_.reset();  // A handle has one watch at a time.
        watch_ = io().watch(socket_, SYSP_IO_READ, [this](std::uint32_t) { readable(); });
    }
    void readable() {
        char text[16 * 1024];
        const auto size = read(socket_, text, sizeof text);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size < 0) return unreachable(errno);
        if (size == 0) return finish(sdk::Result::fail(target_ + " closed the connection"));
        replies_.add({text, static_cast<std::size_t>(size)});
        redis::Reply reply;
        for (;;) {
            switch (replies_.next(reply)) {
                case redis::Replies::State::more:
                    return;
                case redis::Replies::State::garbage:
                    return finish(
                        sdk::Result::fail(target_ + " does not speak the Redis protocol"));
                case redis::Replies::State::reply:
                    break;
            }
            const std::string asked = awaited_.front();
            awaited_.erase(awaited_.begin());
            if (reply.type == '-') return finish(sdk::Result::fail(asked + ": " + reply.text));
            if (awaited_.empty()) return judge(reply.text);
        }
    }
    void judge(const std::string& info) {
        const auto number = [&](const char* key) {
            return std::strtod(redis::info_value(info, key).value_or("0").c_str(), nullptr);
        };
        const auto role = redis::info_value(info, "role").value_or("unknown");
        const double memory = number("used_memory");
        auto result = sdk::Result::pass(
            "Redis " + redis::info_value(info, "redis_version").value_or("?") + ", " + role);
        if (number("loading") != 0) result = sdk::Result::fail("it is loading its data");
        if (role_ != "any" && role != role_)
            result = sdk::Result::fail("its role is " + role + ", expected " + role_);
        if (most_memory_ > 0 && memory > static_cast<double>(most_memory_)) {
            result = sdk::Result::fail("it uses " + std::to_string(static_cast<long long>(memory)) +
                                       " bytes, allowed are " + std::to_string(most_memory_));
        }
        result.metrics = {{"used_memory_bytes", memory},
                          {"connected_clients", number("connected_clients")}};
        finish(result);
    }
    void unreachable(int error) {
        finish(sdk::Result::fail("cannot reach " + target_ + ": " + std::strerror(error)));
    }
    void fail(const sdk::Error& error) {
        release();
        completion_.fail(error);
    }
    void finish(const sdk::Result& result) {
        release();
        completion_.done(result);
    }
    void release() {
        lookup_.reset();
        watch_.reset();
        deadline_.reset();
        if (socket_ >= 0) close(std::exchange(socket_, -1));
    }

    std::string username_, password_, role_;
    std::int64_t most_memory_;
    std::string target_;
    std::vector<std::string> awaited_;  // What the next replies answer, in order.
    redis::Replies replies_;
    int socket_ = -1;
    sdk::Completion completion_;
    sdk::Offload lookup_;
    sdk::Watch watch_;
    sdk::Timer deadline_;
};

SYSPULSE_PLUGIN("org.syspulse.example.redis", "1.0.0", "syspulse examples",
                sdk::async_checker<RedisChecker>());
