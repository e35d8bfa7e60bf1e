// A program with a C++ library of its own, as a release is one, and plugins that bring the system's
// along, as a third party's do: neither sees the other's.
#include <gtest/gtest.h>
#include <link.h>

#include <sstream>
#include <stdexcept>
#include <string>

#include "support/fake_plugin_host.hpp"

namespace syspulse::testing {
namespace {

bool is_loaded(const char* library) {
    struct Search {
        std::string name;
        bool found;
    } search{library, false};
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            auto& wanted = *static_cast<Search*>(data);
            wanted.found =
                wanted.found || std::string(info->dlpi_name).find(wanted.name) != std::string::npos;
            return 0;
        },
        &search);
    return search.found;
}

// Streams, locales and exceptions are what a C++ library has tables for.
std::string what_the_program_throws() {
    try {
        std::ostringstream text;
        text << 1.5 << " of the program";
        throw std::runtime_error(text.str());
    } catch (const std::exception& error) {
        return error.what();
    }
}

TEST(Runtimes, of_the_program_and_of_a_foreign_plugin_do_not_meet) {
    ASSERT_FALSE(is_loaded("libstdc++.so"));
    FakePluginHost checker{THROWER_BLOCKING_PLUGIN};
    FakePluginHost driver{THROWER_DRIVER_PLUGIN};
    EXPECT_TRUE(is_loaded("libstdc++.so"));
    EXPECT_EQ(checker.check("runtime", 60000).message, "a runtime error");
    EXPECT_EQ(checker.check("odd", 60000).message, "unknown exception");
    EXPECT_EQ(driver.recover(1, "run", "token").message, "recover");
    EXPECT_EQ(what_the_program_throws(), "1.5 of the program");
}

}  // namespace
}  // namespace syspulse::testing
