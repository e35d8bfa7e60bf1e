// The data directory on Windows: where it is, whose it is, and what is said of one that cannot be.
#include <windows.h>

#include <gmock/gmock.h>

#include <string>

#include "platform/data_dir.hpp"
#include "platform/this_process.hpp"
#include "platform/windows/windows_security.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::platform {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(DataDir, comes_from_flag_environment_or_the_users_local_data) {
    const auto none = [](std::string_view) { return std::optional<std::string>(); };
    const auto local = [](std::string_view name) -> std::optional<std::string> {
        if (name == "LOCALAPPDATA") return "C:\\Users\\u\\AppData\\Local";
        return std::nullopt;
    };
    EXPECT_EQ(resolve_data_dir("C:\\a\\..\\b\\", none)->directory, fs::path(L"C:\\b"));
    EXPECT_EQ(resolve_data_dir(std::nullopt, local)->directory,
              fs::path(L"C:\\Users\\u\\AppData\\Local\\syspulse"));
    EXPECT_THAT(resolve_data_dir(std::nullopt, none).error().message, HasSubstr("LOCALAPPDATA"));
    EXPECT_EQ(resolve_data_dir("C:\\\xc3\xa9", none)->directory, fs::path(L"C:\\\u00e9"));
}

TEST(DataDir, is_on_a_drive_and_never_another_directory_than_was_said) {
    const auto none = [](std::string_view) { return std::optional<std::string>(); };
    for (const char* path : {R"(\\server\share\d)", R"(\\?\C:\d)", "//server/share/d"}) {
        const auto refused = resolve_data_dir(path, none);
        ASSERT_FALSE(refused) << path << " became " << refused->directory;
        EXPECT_THAT(refused.error().message, HasSubstr("a drive of this machine"));
    }
}

TEST(DataDir, is_ours_alone_and_held_by_one_manager) {
    const test::TemporaryDirectory parent;
    const fs::path deep =
        parent.path() / L"with blank \u00e9" / std::wstring(100, L'd') / std::wstring(100, L'e');
    const DataPaths paths{deep};
    auto held = DataDirectory::open(paths);
    ASSERT_TRUE(held.has_value()) << held.error().message;
    EXPECT_TRUE(fs::is_directory(paths.logs()));
    const auto access = file_access(deep);
    ASSERT_TRUE(access.has_value());
    EXPECT_EQ(who_else_may(*access, FILE_WRITE_DATA | FILE_DELETE_CHILD), "");
    EXPECT_EQ(running_manager(paths)->value_or(0), process_id());
    const auto second = DataDirectory::open(paths);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::invalid_state);
    EXPECT_THAT(second.error().message, HasSubstr("pid " + std::to_string(process_id())));
    held = Error{ErrorCode::cancelled, "closed"};
    EXPECT_FALSE(running_manager(paths)->has_value());
    EXPECT_TRUE(DataDirectory::open(paths).has_value());
}

TEST(DataDir, that_is_a_file_says_so) {
    const test::TemporaryDirectory parent;
    const fs::path file = parent.path() / "file";
    test::write_file(file, "");
    for (const fs::path& chosen : {file, file / "inner"}) {
        const auto opened = DataDirectory::open(DataPaths{chosen});
        ASSERT_FALSE(opened.has_value());
        EXPECT_EQ(opened.error().message,
                  "cannot create the data directory " + file.string() +
                      ": it is a file, not a directory; choose another --data-dir");
    }
}

}  // namespace
}  // namespace syspulse::platform
