// What is no plugin at all, or could have been written by others: files as Linux has them.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "plugin_host/plugin_catalog.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::plugin_host {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string refusal(const fs::path& file) {
    PluginCatalog catalog;
    const auto loaded = catalog.load_file(file, {});
    return loaded ? "" : loaded.error().message;
}

std::string good_plugin() {
    std::ifstream source(fs::path(GOOD_PLUGINS) / "fake_checker.so", std::ios::binary);
    return {std::istreambuf_iterator<char>(source), {}};
}

// A folder of its own for files that must not be plugins.
class Folder {
  public:
    const fs::path& path() const { return directory_.path(); }
    fs::path write(const std::string& name, const std::string& content) const {
        test::write_file(path() / name, content);
        return path() / name;
    }

  private:
    test::TemporaryDirectory directory_;
};

TEST(PluginFile, a_directory_is_refused) {
    const Folder folder;
    fs::create_directory(folder.path() / "directory.so");
    EXPECT_THAT(refusal(folder.path() / "directory.so"),
                AllOf(HasSubstr("directory.so"), HasSubstr("not a regular file")));
    EXPECT_THAT(refusal(folder.path() / "missing.so"), HasSubstr("No such file"));
}

TEST(PluginFile, an_empty_file_is_refused) {
    const Folder folder;
    EXPECT_THAT(refusal(folder.write("empty.so", "")),
                HasSubstr("file size: expected at least 64 bytes, got 0"));
    EXPECT_THAT(refusal(folder.write("text.so", std::string(100, 'x'))),
                AllOf(HasSubstr("text.so"), HasSubstr("file type: expected a shared object")));
}

TEST(PluginFile, a_truncated_file_is_refused_wherever_it_is_cut) {
    const Folder folder;
    const std::string whole = good_plugin();
    for (const std::size_t size : {64UL, 500UL, 4096UL}) {
        EXPECT_THAT(refusal(folder.write("cut.so", whole.substr(0, size))),
                    AllOf(HasSubstr("cut.so"), HasSubstr("file size: expected at least"),
                          HasSubstr("got " + std::to_string(size) + ": it is truncated")));
    }
}

TEST(PluginFile, a_file_for_another_architecture_is_refused) {
    const Folder folder;
    std::string foreign = good_plugin();
    constexpr std::size_t machine_at = 18;  // e_machine in the ELF header.
    foreign[machine_at] = '\xF3';           // RISC-V.
    foreign[machine_at + 1] = '\0';
    EXPECT_THAT(refusal(folder.write("foreign.so", foreign)),
                AllOf(HasSubstr("foreign.so"), HasSubstr("architecture: expected"),
                      HasSubstr("got riscv (243)")));
}

TEST(PluginFile, refuses_a_file_that_others_may_write) {
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
