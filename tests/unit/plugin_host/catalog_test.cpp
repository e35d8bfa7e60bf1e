#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

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

std::string broken(const std::string& name) {
    return refusal(fs::path(BROKEN_PLUGINS) / (name + ".so"));
}

std::string good_plugin() {
    std::ifstream source(fs::path(GOOD_PLUGINS) / "fake_checker.so", std::ios::binary);
    return {std::istreambuf_iterator<char>(source), {}};
}

// A folder of its own for files that must not be plugins.
class Folder {
  public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "syspulse-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { fs::remove_all(path_); }
    const fs::path& path() const { return path_; }
    fs::path write(const std::string& name, const std::string& content) const {
        std::ofstream(path_ / name) << content;
        return path_ / name;
    }

  private:
    fs::path path_;
};

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
                AllOf(HasSubstr("magic.so"), HasSubstr("magic: expected 1347639635, got 7")));
}

TEST(PluginCatalog, a_wrong_size_is_named) {
    EXPECT_THAT(broken("size"), AllOf(HasSubstr("size.so"), HasSubstr("size: expected 72 bytes"),
                                      HasSubstr("got 4")));
}

TEST(PluginCatalog, a_wrong_major_is_named) {
    EXPECT_THAT(broken("major"),
                AllOf(HasSubstr("major.so"), HasSubstr("abi_major: expected 1, got 2")));
    EXPECT_THAT(broken("other_abi"), HasSubstr("built for ABI 7"));
}

TEST(PluginCatalog, a_later_minor_is_named) {
    EXPECT_THAT(broken("minor"),
                AllOf(HasSubstr("minor.so"),
                      HasSubstr("abi_minor: expected at most 0, got 9; it needs ABI 1.9")));
}

TEST(PluginCatalog, a_schema_outside_of_the_subset_is_named) {
    EXPECT_THAT(broken("poisoned"),
                AllOf(HasSubstr("poisoned.so"), HasSubstr("config_schema: unknown keyword")));
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
    ASSERT_TRUE(catalog.load_file(folder / "sound.so", check_schema));
    const auto second = catalog.load_file(folder / "twin.so", check_schema);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message,
                AllOf(HasSubstr("twin.so"), HasSubstr("its id org.example.broken is the one of"),
                      HasSubstr("sound.so")));
}

TEST(PluginCatalog, the_first_of_two_plugins_with_one_kind_wins) {
    PluginCatalog catalog;
    const fs::path folder(BROKEN_PLUGINS);
    ASSERT_TRUE(catalog.load_file(folder / "rival.so", check_schema));
    const auto second = catalog.load_file(folder / "sound.so", check_schema);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message,
                HasSubstr("checker broken is provided by plugin org.example.rival already"));
    ASSERT_TRUE(catalog.load_file(folder / "rival.so", check_schema));
    EXPECT_EQ(catalog.plugins().size(), 2U);
}

TEST(PluginCatalog, a_directory_is_refused) {
    const Folder folder;
    fs::create_directory(folder.path() / "directory.so");
    EXPECT_THAT(refusal(folder.path() / "directory.so"),
                AllOf(HasSubstr("directory.so"), HasSubstr("not a regular file")));
    EXPECT_THAT(refusal(folder.path() / "missing.so"), HasSubstr("No such file"));
}

TEST(PluginCatalog, an_empty_file_is_refused) {
    const Folder folder;
    EXPECT_THAT(refusal(folder.write("empty.so", "")),
                HasSubstr("file size: expected at least 64 bytes, got 0"));
    EXPECT_THAT(refusal(folder.write("text.so", std::string(100, 'x'))),
                AllOf(HasSubstr("text.so"), HasSubstr("file type: expected a shared object")));
}

TEST(PluginCatalog, a_truncated_file_is_refused_wherever_it_is_cut) {
    const Folder folder;
    const std::string whole = good_plugin();
    for (const std::size_t size : {64UL, 500UL, 4096UL}) {
        EXPECT_THAT(refusal(folder.write("cut.so", whole.substr(0, size))),
                    AllOf(HasSubstr("cut.so"), HasSubstr("file size: expected at least"),
                          HasSubstr("got " + std::to_string(size) + ": it is truncated")));
    }
}

TEST(PluginCatalog, a_file_for_another_architecture_is_refused) {
    const Folder folder;
    std::string foreign = good_plugin();
    constexpr std::size_t machine_at = 18;  // e_machine in the ELF header.
    foreign[machine_at] = '\xF3';           // RISC-V.
    foreign[machine_at + 1] = '\0';
    EXPECT_THAT(refusal(folder.write("foreign.so", foreign)),
                AllOf(HasSubstr("foreign.so"), HasSubstr("architecture: expected"),
                      HasSubstr("got riscv (243)")));
}

TEST(PluginCatalog, refuses_a_file_that_others_may_write) {
    const Folder folder;
    const fs::path copy = folder.path() / "copy.so";
    fs::copy_file(fs::path(GOOD_PLUGINS) / "fake_checker.so", copy);
    fs::permissions(copy, fs::perms::others_write, fs::perm_options::add);
    EXPECT_THAT(refusal(copy), HasSubstr("chmod go-w"));
    fs::permissions(copy, fs::perms::others_write, fs::perm_options::remove);
    fs::permissions(copy, fs::perms::group_write, fs::perm_options::add);
    EXPECT_THAT(refusal(copy), HasSubstr("group or others may write it"));
    fs::permissions(copy, fs::perms::group_write, fs::perm_options::remove);
    fs::create_symlink(copy, folder.path() / "link.so");
    EXPECT_EQ(refusal(folder.path() / "link.so"), "");
}

}  // namespace
}  // namespace syspulse::plugin_host
