// The requests in flight on one loop, as libcurl's multi handle sees them. It is shared, because
// libcurl keeps in it what is costly to make: the certificates of a CA file, parsed.
#pragma once

#include <syspulse/plugin.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/curl.hpp"

namespace syspulse::plugins::http {

// Everything is [main].
class Multi : public std::enable_shared_from_this<Multi> {
  public:
    // One request. Its watches are registered with its own instance's loop, and the timer of all
    // with the loop of one of them, as the host drops with an instance what that registered.
    class Client {
      public:
        virtual const sdk::Io& io() const = 0;
        // The request is over. May destroy the client, and begin others.
        virtual void over(CURLcode code) = 0;
        // The host refused what the request needs. As over().
        virtual void refused(const sdk::Error& why) = 0;

      protected:
        ~Client() = default;
    };

    // The one of the calling thread for this CA file; it lives as long as somebody keeps it. One
    // for each file, because libcurl keeps the certificates of the last file only.
    static std::shared_ptr<Multi> of_this_loop(const std::string& ca_file);

    Multi();
    ~Multi();
    Multi(const Multi&) = delete;
    Multi& operator=(const Multi&) = delete;

    // The client must stay until remove().
    void add(CURL* easy, Client& client);
    void remove(CURL* easy, Client& client) noexcept;

  private:
    struct Watched {
        sdk::Watch watch;
        Client* client;
    };

    static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*);
    static int on_timer(CURLM*, long timeout_ms, void* self);

    void watch(Client& client, curl_socket_t fd, int what);
    void arm();
    void drive(curl_socket_t fd, int events);
    void drive_due();
    bool has(const Client* client) const;

    CURLM* handle_ = nullptr;
    std::vector<Client*> clients_;
    std::map<curl_socket_t, Watched> watches_;
    std::optional<std::uint64_t> due_ns_;  // When libcurl wants to be called, on now_ns()'s clock.
    sdk::Timer timer_;
    Client* timer_client_ = nullptr;  // Whose loop the timer is on.
    // What a callback of libcurl could not do; told once libcurl has returned.
    std::vector<std::pair<Client*, sdk::Error>> refusals_;
};

}  // namespace syspulse::plugins::http
