// A server of a few lines for tests of the checker `http`: one connection after the other, one
// request for each. Over TCP on the loopback, with TLS, or on a Unix socket.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "support/tls_identity.hpp"

namespace syspulse::testing {

class HttpServer {
  public:
    // Answers every request with the same bytes; an empty answer means silence.
    explicit HttpServer(std::string answer) : HttpServer(constant(std::move(answer)), nullptr) {}
    HttpServer(std::string answer, const TlsIdentity& identity)
        : HttpServer(constant(std::move(answer)), &identity) {}
    // What it answers depends on the request.
    using Answers = std::function<std::string(const std::string& request)>;
    explicit HttpServer(Answers answers) : HttpServer(std::move(answers), nullptr) {}
    // On a Unix socket at the path.
    static std::unique_ptr<HttpServer> at(const std::string& path, std::string answer) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        EXPECT_LT(path.size(), sizeof address.sun_path);
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        std::unique_ptr<HttpServer> made{new HttpServer{constant(std::move(answer)), NotYet{}}};
        made->listen(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address);
        made->begin();
        return made;
    }
    ~HttpServer() {
        ::shutdown(fd_, SHUT_RDWR);  // Wakes the accept.
        if (thread_.joinable()) thread_.join();
        ::close(fd_);
    }
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    const std::string& url() const { return url_; }
    // The last request as it came.
    std::string request() const {
        const std::lock_guard lock{mutex_};
        return request_;
    }

  private:
    struct NotYet {};

    static Answers constant(std::string answer) {
        if (answer.empty()) return {};
        return [answer = std::move(answer)](const std::string&) { return answer; };
    }
    HttpServer(Answers answers, const TlsIdentity* identity)
        : HttpServer(std::move(answers), NotYet{}) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        listen(AF_INET, raw, size);
        EXPECT_EQ(::getsockname(fd_, raw, &size), 0);
        url_ = (identity != nullptr ? "https" : "http") + std::string("://127.0.0.1:") +
               std::to_string(ntohs(address.sin_port)) + "/";
        if (identity != nullptr) {
            tls_.reset(SSL_CTX_new(TLS_server_method()));
            identity->use_in(tls_.get());
        }
        begin();
    }
    HttpServer(Answers answers, NotYet) : answers_(std::move(answers)) {}

    void listen(int family, const sockaddr* address, socklen_t size) {
        fd_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::bind(fd_, address, size), 0);
        EXPECT_EQ(::listen(fd_, 16), 0);
    }
    void begin() {
        if (answers_) thread_ = std::thread([this] { serve(); });
    }
    void serve() {
        // A client that has gone is no reason to end the test.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        for (int client; (client = ::accept(fd_, nullptr, nullptr)) >= 0;) {
            if (tls_) {
                serve_tls(client);
            } else {
                std::array<char, 4096> request;
                const auto size = ::read(client, request.data(), request.size());
                const auto answer = answer_to(request.data(), size);
                (void)!::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
            }
            ::close(client);
        }
    }
    void serve_tls(int client) {
        const std::unique_ptr<SSL, void (*)(SSL*)> ssl{SSL_new(tls_.get()), &SSL_free};
        SSL_set_fd(ssl.get(), client);
        if (SSL_accept(ssl.get()) != 1) return;  // The client did not like the certificate.
        std::array<char, 4096> request;
        const int size = SSL_read(ssl.get(), request.data(), static_cast<int>(request.size()));
        const auto answer = answer_to(request.data(), size);
        (void)SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
        (void)SSL_shutdown(ssl.get());
    }
    std::string answer_to(const char* data, ssize_t size) {
        const std::string request{data, size > 0 ? static_cast<std::size_t>(size) : 0};
        const std::lock_guard lock{mutex_};
        request_ = request;
        return answers_(request);
    }

    struct FreeContext {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };
    Answers answers_;
    std::string url_;
    std::unique_ptr<SSL_CTX, FreeContext> tls_;
    int fd_ = -1;
    mutable std::mutex mutex_;
    std::string request_;
    std::thread thread_;
};

// An answer with a status line, a body and, when given, further header lines.
inline std::string http_answer(const std::string& status, const std::string& body,
                               const std::string& extra = "") {
    return "HTTP/1.1 " + status + "\r\n" + extra +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace syspulse::testing
