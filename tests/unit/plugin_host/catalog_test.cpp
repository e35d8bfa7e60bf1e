#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "platform/library_file.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::plugin_host {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Result<void> check_schema(std::string_view text) {
    if (text != "poison") return {};
    return Error{ErrorCode::invalid_argument, "unknown keyword"};
}

std::string refusal(const fs::path& file) {
    PluginCatalog catalog;
    const auto loaded = catalog.load_file(file, check_schema);
    return loaded ? "" : loaded.error().message;
}

std::string file_of(const std::string& name) {
    return name + std::string(platform::library_extension);
}

std::string broken(const std::string& name) {
    return refusal(fs::path(BROKEN_PLUGINS) / file_of(name));
}

TEST(PluginCatalog, lists_the_kinds_of_good_plugins) {
    PluginCatalog catalog;
    catalog.load_directory(GOOD_PLUGINS, check_schema);
    ASSERT_EQ(catalog.plugins().size(), 2U);
    EXPECT_EQ(catalog.plugins()[1].id, "org.example.fake-driver");
    EXPECT_EQ(catalog.plugins()[1].version, "1.2.3");
    EXPECT_THAT(catalog.names(KindType::checker), ElementsAre("probe"));
    ASSERT_NE(catalog.driver("fake"), nullptr);
    EXPECT_EQ(catalog.driver("fake")->enforces, std::uint32_t{limit_memory});
    EXPECT_EQ(catalog.driver("probe"), nullptr);
}

TEST(PluginCatalog, accepts_a_directory_that_does_not_exist) {
    PluginCatalog catalog;
    catalog.load_directory("/nonexistent/plugins", check_schema);
    EXPECT_TRUE(catalog.plugins().empty());
}

TEST(PluginCatalog, lists_broken_plugins_with_their_errors_beside_sound_ones) {
    PluginCatalog catalog;
    catalog.load_directory(BROKEN_PLUGINS, check_schema);
    EXPECT_EQ(catalog.plugins().size(), 15U);
    EXPECT_NE(catalog.checker("broken"), nullptr);
    const auto loaded = [](const PluginInfo& plugin) { return plugin.loaded(); };
    EXPECT_EQ(std::count_if(catalog.plugins().begin(), catalog.plugins().end(), loaded), 3);
}

TEST(PluginCatalog, a_sound_plugin_is_taken) {
    EXPECT_EQ(broken("sound"), "");
}

TEST(PluginCatalog, a_wrong_magic_is_named) {
    EXPECT_THAT(broken("magic"),
                AllOf(HasSubstr(file_of("magic")), HasSubstr("magic: expected 1347639635, got 7")));
}

TEST(PluginCatalog, a_wrong_size_is_named) {
    EXPECT_THAT(broken("size"), AllOf(HasSubstr(file_of("size")),
                                      HasSubstr("size: expected 72 bytes"), HasSubstr("got 4")));
}

TEST(PluginCatalog, a_wrong_major_is_named) {
    EXPECT_THAT(broken("major"),
                AllOf(HasSubstr(file_of("major")), HasSubstr("abi_major: expected 1, got 2")));
    EXPECT_THAT(broken("other_abi"), HasSubstr("built for ABI 7"));
}

TEST(PluginCatalog, a_later_minor_is_named) {
    EXPECT_THAT(broken("minor"),
                AllOf(HasSubstr(file_of("minor")),
                      HasSubstr("abi_minor: expected at most 0, got 9; it needs ABI 1.9")));
}

TEST(PluginCatalog, a_schema_outside_of_the_subset_is_named) {
    EXPECT_THAT(broken("poisoned"),
                AllOf(HasSubstr(file_of("poisoned")), HasSubstr("config_schema: unknown keyword")));
}

TEST(PluginCatalog, wrong_names_and_slots_are_named) {
    EXPECT_THAT(broken("id"), HasSubstr("no spaces please"));
    EXPECT_THAT(broken("kind_name"), HasSubstr("kinds[0].name: expected"));
    EXPECT_THAT(broken("twin_kinds"), HasSubstr("kinds[1].name: expected a name of its own"));
    EXPECT_THAT(broken("no_slot"), HasSubstr("vtbl.start: expected a function, got NULL"));
    EXPECT_THAT(broken("no_plugin"), HasSubstr("does not export syspulse_plugin_v1"));
}

TEST(PluginCatalog, the_first_of_two_plugins_with_one_id_wins) {
    PluginCatalog catalog;
    const fs::path folder(BROKEN_PLUGINS);
    ASSERT_TRUE(catalog.load_file(folder / file_of("sound"), check_schema));
    const auto second = catalog.load_file(folder / file_of("twin"), check_schema);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, AllOf(HasSubstr(file_of("twin")),
                                              HasSubstr("its id org.example.broken is the one of"),
                                              HasSubstr(file_of("sound"))));
}

TEST(PluginCatalog, the_first_of_two_plugins_with_one_kind_wins) {
    PluginCatalog catalog;
    const fs::path folder(BROKEN_PLUGINS);
    ASSERT_TRUE(catalog.load_file(folder / file_of("rival"), check_schema));
    const auto second = catalog.load_file(folder / file_of("sound"), check_schema);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message,
                HasSubstr("checker broken is provided by plugin org.example.rival already"));
    ASSERT_TRUE(catalog.load_file(folder / file_of("rival"), check_schema));
    EXPECT_EQ(catalog.plugins().size(), 2U);
}

}  // namespace
}  // namespace syspulse::plugin_host
