// Which files may run inside the manager or say what it runs: those that nobody else could have
// written.
#include "platform/file_trust.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace syspulse::platform {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FileTrust : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "trust-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = fs::canonical(pattern);
        directory_ = root_ / "plugins";
        fs::create_directory(directory_);
        file_ = directory_ / "a.so";
        std::ofstream(file_) << "x";
        set_mode(directory_, 0755);
        set_mode(file_, 0644);
    }
    void TearDown() override { fs::remove_all(root_); }

    static void set_mode(const fs::path& path, mode_t mode) {
        ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    }

    std::string plugin_refusal() const {
        const auto trusted = trusted_file(file_);
        return trusted ? "trusted" : trusted.error().message;
    }
    std::string spec_refusal() const {
        const auto checked = check_spec_file(file_);
        return checked ? "accepted" : checked.error().message;
    }

    fs::path root_;
    fs::path directory_;
    fs::path file_;
};

TEST_F(FileTrust, accepts_what_only_its_owner_can_change) {
    EXPECT_EQ(plugin_refusal(), "trusted");
    EXPECT_EQ(spec_refusal(), "accepted");
    fs::create_symlink(file_, root_ / "link.so");
    EXPECT_EQ(*trusted_file(root_ / "link.so"), file_);
}

TEST_F(FileTrust, refuses_a_file_that_everybody_may_write) {
    set_mode(file_, 0646);
    EXPECT_THAT(plugin_refusal(), HasSubstr("may write it; run chmod go-w on it"));
    EXPECT_THAT(spec_refusal(), HasSubstr("everybody may write it; run chmod o-w on it"));
}

TEST_F(FileTrust, leaves_a_group_its_spec_files_but_not_its_plugins) {
    set_mode(file_, 0664);
    EXPECT_THAT(plugin_refusal(), HasSubstr("may write it"));
    EXPECT_EQ(spec_refusal(), "accepted");
}

TEST_F(FileTrust, refuses_a_directory_in_which_others_can_replace_the_file) {
    set_mode(directory_, 0777);
    const std::string where = "its directory " + directory_.string();
    EXPECT_THAT(plugin_refusal(), HasSubstr(where + ": group or others may replace files in it"));
    EXPECT_THAT(spec_refusal(), HasSubstr(where + ": everybody may replace files in it"));
    set_mode(directory_, 01777);
    EXPECT_EQ(plugin_refusal(), "trusted") << "the sticky bit leaves each user his own files";
    EXPECT_EQ(spec_refusal(), "accepted");
}

TEST_F(FileTrust, trusts_no_group_with_a_directory_of_plugins) {
    set_mode(directory_, 0775);
    EXPECT_THAT(plugin_refusal(), HasSubstr("its directory " + directory_.string() +
                                            ": group or others may replace files in it"));
    EXPECT_EQ(spec_refusal(), "accepted");
    set_mode(directory_, 01775);
    EXPECT_EQ(plugin_refusal(), "trusted");
    set_mode(directory_, 0755);
    set_mode(root_, 02775);
    EXPECT_THAT(plugin_refusal(), HasSubstr("its directory " + root_.string() + ": group"));
}

TEST_F(FileTrust, looks_at_all_directories_above) {
    set_mode(root_, 0777);
    EXPECT_THAT(plugin_refusal(), HasSubstr("its directory " + root_.string()));
}

TEST_F(FileTrust, refuses_what_belongs_to_another_user) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    ASSERT_EQ(::chown(file_.c_str(), 12345, 0), 0);
    EXPECT_THAT(plugin_refusal(), HasSubstr("it belongs to user 12345, expected root"));
    EXPECT_EQ(spec_refusal(), "accepted") << "whoever names a spec file vouches for its owner";
    ASSERT_EQ(::chown(file_.c_str(), 0, 0), 0);
    ASSERT_EQ(::chown(directory_.c_str(), 12345, 0), 0);
    EXPECT_THAT(plugin_refusal(), HasSubstr("its directory " + directory_.string()));
}

TEST_F(FileTrust, says_nothing_about_a_spec_file_that_is_not_there) {
    EXPECT_TRUE(check_spec_file(root_ / "none.yaml").has_value());
    EXPECT_TRUE(check_spec_file("/dev/null").has_value());
    EXPECT_FALSE(trusted_file(root_ / "none.so").has_value());
    EXPECT_THAT(trusted_file(directory_).error().message, HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace syspulse::platform
