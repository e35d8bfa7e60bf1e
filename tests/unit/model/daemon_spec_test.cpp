// Names of daemons.
#include "model/daemon_spec.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace syspulse::model {
namespace {

TEST(DaemonSpec, names_of_letters_digits_and_four_marks_are_valid) {
    for (const std::string_view name : {"a", "0", "web", "web-1.blue_green@eu", "A.", "9-"}) {
        EXPECT_TRUE(is_valid_daemon_name(name)) << name;
    }
}

TEST(DaemonSpec, names_that_are_paths_options_or_foreign_are_invalid) {
    for (const std::string_view name :
         {"", "-a", ".a", "..", "_a", "@a", "a/b", "a b", "a\n", "caf\xc3\xa9"}) {
        EXPECT_FALSE(is_valid_daemon_name(name)) << name;
    }
}

TEST(DaemonSpec, name_has_at_most_128_characters) {
    EXPECT_TRUE(is_valid_daemon_name(std::string(128, 'a')));
    EXPECT_FALSE(is_valid_daemon_name(std::string(129, 'a')));
}

TEST(DaemonSpec, defaults_are_those_of_the_contract) {
    const DaemonSpec spec;
    EXPECT_EQ(spec.restart.kind, RestartPolicy::Kind::never);
    EXPECT_EQ(spec.stop_timeout, std::chrono::seconds{30});
    EXPECT_EQ(spec.log.max_size_bytes, 52'428'800U);
    EXPECT_EQ(spec.success_exit_codes.codes(), std::vector<std::uint32_t>{0});
    EXPECT_EQ(spec, DaemonSpec{});
}

TEST(DaemonSpec, zero_alone_is_what_success_means_whether_said_or_not) {
    using Codes = std::vector<std::uint32_t>;
    static_assert(sizeof(SuccessCodes) == sizeof(void*));
    EXPECT_EQ(SuccessCodes(Codes{0}), SuccessCodes());
    EXPECT_NE(SuccessCodes(Codes{0, 3}), SuccessCodes());
    EXPECT_EQ(SuccessCodes(Codes{3}).codes(), Codes{3});
}

}  // namespace
}  // namespace syspulse::model
