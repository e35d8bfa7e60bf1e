#include "http/multi.hpp"

#include <algorithm>
#include <utility>

namespace syspulse::plugins::http {
namespace {

constexpr std::uint64_t ns_per_ms = 1'000'000;

sdk::Error out_of_memory() {
    return {SYSP_E_INTERNAL, "cannot set up libcurl: out of memory"};
}

}  // namespace

std::shared_ptr<Multi> Multi::of_this_loop(const std::string& ca_file) {
    thread_local std::map<std::string, std::weak_ptr<Multi>> all;
    std::erase_if(all, [](const auto& entry) { return entry.second.expired(); });
    auto& known = all[ca_file];
    auto multi = known.lock();
    if (!multi) known = multi = std::make_shared<Multi>();
    return multi;
}

Multi::Multi() : handle_(curl().multi_init()) {
    if (handle_ == nullptr) throw out_of_memory();
    curl().multi_setopt(handle_, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
    curl().multi_setopt(handle_, CURLMOPT_SOCKETDATA, this);
    curl().multi_setopt(handle_, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
    curl().multi_setopt(handle_, CURLMOPT_TIMERDATA, this);
    // Each check makes a connection of its own.
    curl().multi_setopt(handle_, CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING});
}

Multi::~Multi() {
    curl().multi_cleanup(handle_);
}

bool Multi::has(const Client* client) const {
    return std::find(clients_.begin(), clients_.end(), client) != clients_.end();
}

void Multi::add(CURL* easy, Client& client) {
    curl().easy_setopt(easy, CURLOPT_PRIVATE, &client);
    clients_.push_back(&client);
    if (curl().multi_add_handle(handle_, easy) != CURLM_OK) {
        std::erase(clients_, &client);
        throw out_of_memory();
    }
    if (!timer_) arm();
}

void Multi::remove(CURL* easy, Client& client) noexcept {
    curl().multi_remove_handle(handle_, easy);
    std::erase(clients_, &client);
    // A libcurl that ends connections at leisure may go on with the socket; its timer does then.
    std::erase_if(watches_, [&](const auto& entry) { return entry.second.client == &client; });
    if (timer_client_ == &client) arm();
}

int Multi::on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*) {
    auto& multi = *static_cast<Multi*>(self);
    if (what == CURL_POLL_REMOVE) {
        multi.watches_.erase(fd);
        return 0;
    }
    void* found = nullptr;
    curl().easy_getinfo(easy, CURLINFO_PRIVATE, &found);
    auto* const client = static_cast<Client*>(found);
    if (!multi.has(client)) return 0;  // A handle of libcurl's own.
    // Anything but 0 would end every request of this handle, and all to come.
    sdk::detail::report_thrown(
        [&] { multi.watch(*client, fd, what); },
        [&](const sdk::Error& why) { multi.refusals_.emplace_back(client, why); });
    return 0;
}

void Multi::watch(Client& client, curl_socket_t fd, int what) {
    std::uint32_t interest = 0;
    if ((what & CURL_POLL_IN) != 0) interest |= SYSP_IO_READ;
    if ((what & CURL_POLL_OUT) != 0) interest |= SYSP_IO_WRITE;
    if (const auto known = watches_.find(fd); known != watches_.end()) {
        known->second.watch.rewatch(interest);
        return;
    }
    auto made = client.io().watch(fd, interest, [this, fd](std::uint32_t ready) {
        const int events = ((ready & SYSP_IO_READ) != 0 ? CURL_CSELECT_IN : 0) |
                           ((ready & SYSP_IO_WRITE) != 0 ? CURL_CSELECT_OUT : 0) |
                           ((ready & SYSP_IO_ERROR) != 0 ? CURL_CSELECT_ERR : 0);
        drive(fd, events);
    });
    watches_.emplace(fd, Watched{std::move(made), &client});
}

int Multi::on_timer(CURLM*, long timeout_ms, void* self) {
    auto& multi = *static_cast<Multi*>(self);
    multi.due_ns_.reset();
    if (timeout_ms >= 0 && !multi.clients_.empty()) {
        multi.due_ns_ = multi.clients_.front()->io().now_ns() +
                        static_cast<std::uint64_t>(timeout_ms) * ns_per_ms;
    }
    multi.arm();
    return 0;
}

void Multi::arm() {
    timer_.reset();
    timer_client_ = nullptr;
    if (!due_ns_ || clients_.empty()) return;
    Client* const client = clients_.front();
    sdk::detail::report_thrown(
        [&] {
            const std::uint64_t now = client->io().now_ns();
            const std::chrono::nanoseconds left{*due_ns_ > now ? *due_ns_ - now : 0};
            timer_ = client->io().timer(left, [this] { drive_due(); });
            timer_client_ = client;
        },
        [&](const sdk::Error& why) { refusals_.emplace_back(client, why); });
}

void Multi::drive_due() {
    timer_.reset();
    timer_client_ = nullptr;
    due_ns_.reset();
    drive(CURL_SOCKET_TIMEOUT, 0);
}

void Multi::drive(curl_socket_t fd, int events) {
    const auto alive = shared_from_this();  // The last check of all may end here.
    int running = 0;
    curl().multi_socket_action(handle_, fd, events, &running);
    int left = 0;
    while (const CURLMsg* message = curl().multi_info_read(handle_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        void* client = nullptr;
        curl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &client);
        static_cast<Client*>(client)->over(code);
    }
    for (const auto& [client, why] : std::exchange(refusals_, {})) {
        if (has(client)) client->refused(why);
    }
}

}  // namespace syspulse::plugins::http
