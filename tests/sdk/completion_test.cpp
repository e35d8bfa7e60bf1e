// The duty to answer a check outlives an answer for which there is no memory.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <syspulse/plugin.hpp>

namespace {

thread_local bool memory_is_out = false;

}  // namespace

// Out of line: g++ takes free() of what its own operator gave for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
    void* const made = memory_is_out ? nullptr : std::malloc(size == 0 ? 1 : size);
    if (made == nullptr) throw std::bad_alloc();
    return made;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace syspulse::sdk {
namespace {

struct Heard {
    int results = 0;
    int errors = 0;
};

sysp_status SYSP_CALL check_done(const sysp_host* host, sysp_op, const sysp_check_result* result,
                                 const sysp_error*) {
    auto& heard = *static_cast<Heard*>(host->impl);
    ++(result != nullptr ? heard.results : heard.errors);
    return SYSP_OK;
}

TEST(Completion, still_answers_when_memory_ran_out_for_the_result) {
    Heard heard;
    sysp_host host{};
    host.size = sizeof host;
    host.impl = &heard;
    host.check_done = check_done;
    Result result = Result::pass("measured");
    result.metrics.emplace_back("used_bytes", 1.0);
    Completion completion{&host, 7};
    bool threw = false;
    memory_is_out = true;
    try {
        completion.done(result);
    } catch (const std::bad_alloc&) {
        threw = true;
    }
    memory_is_out = false;
    EXPECT_TRUE(threw);
    completion.fail(Error{SYSP_E_INTERNAL, "out of memory"});
    EXPECT_EQ(heard.results, 0);
    EXPECT_EQ(heard.errors, 1);
}

}  // namespace
}  // namespace syspulse::sdk
