// What is left of work for a worker when nobody wants it any more.
#include <gtest/gtest.h>

#include <syspulse/plugin.hpp>

#include <utility>
#include <vector>

namespace syspulse::sdk {
namespace {

// A host whose workers and loop do what is asked when the test says so.
struct Host {
    using Calls = std::vector<std::pair<void (*)(void*), void*>>;

    static Host& of(const sysp_host* host) { return *static_cast<Host*>(host->impl); }
    Host() {
        raw.size = sizeof raw;
        raw.impl = this;
        raw.run = [](const sysp_host* host, void (*fn)(void*), void* data) {
            of(host).work.emplace_back(fn, data);
            return sysp_status{SYSP_OK};
        };
        raw.post = [](const sysp_host* host, void (*fn)(void*), void* data) {
            of(host).posted.emplace_back(fn, data);
            return sysp_status{SYSP_OK};
        };
    }
    void run_all() {
        for (Calls* calls : {&work, &posted}) {
            for (const auto& [fn, data] : std::exchange(*calls, {})) fn(data);
        }
    }

    sysp_host raw{};
    Calls work;
    Calls posted;
};

TEST(Offload, begins_once_a_worker_comes_to_it_and_tells_the_end) {
    Host host;
    bool worked = false;
    bool done = false;
    const Offload offload = Offload::start(
        &host.raw, [&] { worked = true; },
        [&](const Error* failure) { done = failure == nullptr; });
    EXPECT_FALSE(offload.begun());
    host.run_all();
    EXPECT_TRUE(worked);
    EXPECT_TRUE(done);
    EXPECT_TRUE(offload.begun());
}

TEST(Offload, does_not_begin_what_was_dropped_meanwhile) {
    Host host;
    bool worked = false;
    bool done = false;
    Offload offload = Offload::start(
        &host.raw, [&] { worked = true; }, [&](const Error*) { done = true; });
    offload.reset();
    host.run_all();
    EXPECT_FALSE(worked);
    EXPECT_FALSE(done);
}

}  // namespace
}  // namespace syspulse::sdk
