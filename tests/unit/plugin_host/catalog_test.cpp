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
    EXPECT_EQ(catalog.plugins().size(), 12U);
    EXPECT_NE(catalog.checker("broken"), nullptr);
    const auto loaded = [](const PluginInfo& plugin) { return plugin.loaded(); };
    EXPECT_EQ(std::count_if(catalog.plugins().begin(), catalog.plugins().end(), loaded), 1);
}

TEST(PluginCatalog, names_field_expected_and_got) {
    EXPECT_EQ(broken("sound"), "");
    EXPECT_THAT(broken("magic"),
                AllOf(HasSubstr("magic.so"), HasSubstr("magic: expected"), HasSubstr("got 7")));
    EXPECT_THAT(broken("minor"),
                HasSubstr("abi_minor: expected at most 0, got 9; it needs ABI 1.9"));
    EXPECT_THAT(broken("size"), HasSubstr("got 4"));
    EXPECT_THAT(broken("id"), HasSubstr("no spaces please"));
    EXPECT_THAT(broken("kind_name"), HasSubstr("kinds[0].name: expected"));
    EXPECT_THAT(broken("twin_kinds"), HasSubstr("kinds[1].name: expected a name of its own"));
    EXPECT_THAT(broken("no_slot"), HasSubstr("vtbl.start: expected a function, got NULL"));
    EXPECT_THAT(broken("poisoned"), HasSubstr("config_schema: unknown keyword"));
    EXPECT_THAT(broken("other_abi"), HasSubstr("built for ABI 7"));
    EXPECT_THAT(broken("no_plugin"), HasSubstr("does not export syspulse_plugin_v1"));
}

TEST(PluginCatalog, the_first_of_two_plugins_with_one_id_or_kind_wins) {
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

TEST(PluginCatalog, refuses_what_is_no_shared_object) {
    const Folder folder;
    EXPECT_THAT(refusal(folder.write("text.so", std::string(100, 'x'))),
                AllOf(HasSubstr("text.so"), HasSubstr("file type: expected a shared object")));
    EXPECT_THAT(refusal(folder.write("empty.so", "")),
                HasSubstr("file size: expected at least 64 bytes, got 0"));
    fs::create_directory(folder.path() / "directory.so");
    EXPECT_THAT(refusal(folder.path() / "directory.so"), HasSubstr("not a regular file"));
    EXPECT_THAT(refusal(folder.path() / "missing.so"), HasSubstr("No such file"));
}

TEST(PluginCatalog, refuses_what_is_cut_short_or_made_for_another_machine) {
    const Folder folder;
    std::ifstream source(fs::path(GOOD_PLUGINS) / "fake_checker.so", std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(source), {}};
    EXPECT_THAT(refusal(folder.write("cut.so", whole.substr(0, 4096))),
                AllOf(HasSubstr("cut.so"), HasSubstr("file size: expected at least"),
                      HasSubstr("got 4096: it is truncated")));
    std::string foreign = whole;
    constexpr std::size_t machine_at = 18;  // e_machine in the ELF header.
    foreign[machine_at] = '\xF3';           // RISC-V.
    foreign[machine_at + 1] = '\0';
    EXPECT_THAT(refusal(folder.write("foreign.so", foreign)),
                AllOf(HasSubstr("architecture: expected"), HasSubstr("got riscv (243)")));
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
