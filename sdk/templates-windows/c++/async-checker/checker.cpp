// The checker @NAME@: healthy when a server of this machine sends a greeting that begins as expected. All of it
// runs on the host's loop, so that one thread carries thousands of checks; nothing here may block.
#include <winsock2.h>
#include <syspulse/plugin.hpp>
#include <windows.h>

namespace sdk = syspulse::sdk;
class @CLASS@ : public sdk::AsyncChecker {
  public:
    static constexpr const char* name = "@NAME@";
    static constexpr const char* summary = "Reads the greeting of a server";
    static sdk::Schema schema() { return sdk::Schema{}.string("greeting", ""); }
    explicit @CLASS@(const sdk::Config& config) : AsyncChecker(config), greeting_(config.str("/greeting")) {}
    ~@CLASS@() override { close_socket(); }

    void start(sdk::Completion& completion, const sdk::CheckRequest& request) override {
        WSADATA versions;
        WSAStartup(MAKEWORD(2, 2), &versions);  // Costs nothing after the first time.
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(request.target.c_str(), nullptr, 10)));
        if (address.sin_port == 0) throw sdk::Error{SYSP_E_CONFIG, "the target must be a port number"};
        socket_ = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
        if (socket_ == INVALID_SOCKET) throw failure("cannot make a socket");
        u_long not_blocking = 1;
        ioctlsocket(socket_, static_cast<long>(FIONBIO), &not_blocking);
        if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
            WSAGetLastError() != WSAEWOULDBLOCK)
            throw failure("cannot connect");
        completion_ = std::move(completion);  // From here on the answer is due; dropping it is reported.
        watch_ = io().watch(static_cast<sysp_handle>(socket_), SYSP_IO_READ, [this](std::uint32_t) { readable(); });
        deadline_ = io().timer(request.timeout, [this, limit = request.timeout] { finish(sdk::timed_out(limit)); });
    }
    void cancel() override {
        close_socket();
        completion_.fail(sdk::Error::cancelled());
    }

  private:
    static sdk::Error failure(const std::string& what) {
        const int code = WSAGetLastError();
        return sdk::Error::win32(what + " (Winsock error " + std::to_string(code) + ")", code, false);
    }
    void readable() {
        char text[256];
        const int size = recv(socket_, text, sizeof text, 0);
        if (size == 0) return finish(sdk::Result::fail("it hung up"));
        if (size < 0) return finish(sdk::Result::fail(failure("no greeting").what()));
        const std::string got(text, static_cast<std::size_t>(size));
        const bool greets = got.substr(0, greeting_.size()) == greeting_;
        finish(greets ? sdk::Result::pass(got) : sdk::Result::fail("it said: " + got));
    }
    void finish(const sdk::Result& result) {
        close_socket();
        completion_.done(result);
    }
    void close_socket() {
        watch_.reset();
        deadline_.reset();
        if (socket_ != INVALID_SOCKET) closesocket(std::exchange(socket_, INVALID_SOCKET));
    }
    std::string greeting_;
    SOCKET socket_ = INVALID_SOCKET;
    sdk::Completion completion_;
    sdk::Watch watch_;
    sdk::Timer deadline_;
};

SYSPULSE_PLUGIN("com.example.@NAME@", "0.1.0", "Example", sdk::async_checker<@CLASS@>());
