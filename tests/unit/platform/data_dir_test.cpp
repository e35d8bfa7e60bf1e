// The data directory: where it is, who may use it, and one manager at a time.
#include "platform/data_dir.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include "platform/linux/unique_fd.hpp"

namespace syspulse::platform {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

EnvironmentLookup environment(std::map<std::string, std::string> values) {
    return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
        const auto found = values.find(std::string(name));
        if (found == values.end()) return std::nullopt;
        return found->second;
    };
}

fs::path resolved(const std::optional<std::string>& flag,
                  std::map<std::string, std::string> values) {
    return resolve_data_dir(flag, environment(std::move(values)))->directory;
}

class DataDir : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "data-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
        paths_.directory = root_ / "data";
    }
    void TearDown() override { fs::remove_all(root_); }

    // Runs `body` in a child as an unprivileged user where this process is root; its exit code.
    template <class Body>
    static int in_child(Body body) {
        const pid_t child = fork();
        if (child == 0) _exit(body());
        int status = 0;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    fs::path root_;
    DataPaths paths_;
};

unsigned mode_of(const fs::path& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0U;
}

TEST(ResolveDataDir, prefers_flag_then_variable_then_home) {
    EXPECT_EQ(resolved("/flag", {{"SYSPULSE_DATA_DIR", "/variable"}, {"HOME", "/home/me"}}),
              "/flag");
    EXPECT_EQ(resolved({}, {{"SYSPULSE_DATA_DIR", "/variable"}, {"HOME", "/home/me"}}),
              "/variable");
    EXPECT_EQ(resolved({}, {{"HOME", "/home/me"}}), "/home/me/.syspulse");
    EXPECT_EQ(resolved("", {{"SYSPULSE_DATA_DIR", ""}, {"HOME", "/home/me"}}),
              "/home/me/.syspulse");
}

TEST(ResolveDataDir, gives_one_absolute_name_for_one_directory) {
    EXPECT_EQ(resolved("here", {}), fs::current_path() / "here");
    EXPECT_EQ(resolved("/a/./b/../c/", {}), "/a/c");
    EXPECT_EQ(resolved("/", {}), "/");
}

TEST(ResolveDataDir, says_what_to_give_without_a_home) {
    const auto paths = resolve_data_dir({}, environment({}));
    ASSERT_FALSE(paths.has_value());
    EXPECT_THAT(paths.error().message, HasSubstr("give --data-dir"));
}

TEST(DataPathsTest, all_follow_the_directory) {
    const DataPaths paths{"/d"};
    EXPECT_EQ(paths.registry(), "/d/syspulse.db");
    EXPECT_EQ(paths.socket(), "/d/syspulse.sock");
    EXPECT_EQ(paths.pid_file(), "/d/syspulse.pid");
    EXPECT_EQ(paths.logs_of("web"), "/d/logs/web");
}

TEST_F(DataDir, is_created_private_with_its_parents) {
    paths_.directory = root_ / "some" / "deep" / "data";
    const auto held = DataDirectory::open(paths_);
    ASSERT_TRUE(held.has_value()) << held.error().message;
    EXPECT_EQ(mode_of(paths_.directory), 0700U);
    EXPECT_EQ(mode_of(paths_.logs()), 0700U);
    EXPECT_EQ(mode_of(paths_.pid_file()), 0600U);
    EXPECT_EQ(held->paths().directory, paths_.directory);
}

TEST_F(DataDir, says_of_a_file_that_it_is_no_directory) {
    std::ofstream(paths_.directory) << "a file";
    const auto opened = DataDirectory::open(paths_);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr("Not a directory"));
    EXPECT_NE(opened.error().code, ErrorCode::already_exists);
}

TEST_F(DataDir, refuses_a_second_manager_and_names_the_first) {
    const auto first = DataDirectory::open(paths_);
    ASSERT_TRUE(first.has_value());
    const auto second = DataDirectory::open(paths_);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::invalid_state);
    EXPECT_THAT(second.error().message,
                HasSubstr("another manager (pid " + std::to_string(getpid()) + ") is running on " +
                          paths_.directory.native()));
}

TEST_F(DataDir, is_free_again_when_the_holder_is_gone_and_stale_pids_do_not_matter) {
    { const auto first = DataDirectory::open(paths_); }
    std::ofstream(paths_.pid_file()) << "999999999 and some rubbish that is longer\n";
    EXPECT_EQ(*running_manager(paths_), std::nullopt);
    const auto second = DataDirectory::open(paths_);
    ASSERT_TRUE(second.has_value());
    std::string text;
    std::getline(std::ifstream(paths_.pid_file()), text);
    EXPECT_EQ(text, std::to_string(getpid()));
    EXPECT_EQ(*running_manager(paths_), getpid());
}

TEST_F(DataDir, asking_for_the_manager_neither_takes_nor_drops_the_lock) {
    EXPECT_EQ(*running_manager(paths_), std::nullopt);
    const auto held = DataDirectory::open(paths_);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(*running_manager(paths_), getpid());
    EXPECT_FALSE(DataDirectory::open(paths_).has_value());
}

TEST_F(DataDir, the_lock_dies_with_a_killed_holder) {
    const int code = in_child([&] { return DataDirectory::open(paths_).has_value() ? 7 : 1; });
    EXPECT_EQ(code, 7);
    EXPECT_TRUE(DataDirectory::open(paths_).has_value());
}

TEST_F(DataDir, that_is_still_empty_is_closed_to_others) {
    ASSERT_EQ(mkdir(paths_.directory.c_str(), 0755), 0);
    ASSERT_TRUE(DataDirectory::open(paths_));
    EXPECT_EQ(std::filesystem::status(paths_.directory).permissions(),
              std::filesystem::perms::owner_all);
}

TEST_F(DataDir, with_something_in_it_keeps_the_rights_that_its_owner_gave) {
    ASSERT_EQ(mkdir(paths_.directory.c_str(), 0711), 0);
    ASSERT_EQ(mkdir((paths_.directory / "else").c_str(), 0700), 0);
    ASSERT_TRUE(DataDirectory::open(paths_));
    EXPECT_NE(std::filesystem::status(paths_.directory).permissions(),
              std::filesystem::perms::owner_all);
}

TEST_F(DataDir, that_others_can_write_to_is_refused_with_the_remedy) {
    fs::create_directory(paths_.directory);
    ASSERT_EQ(chmod(paths_.directory.c_str(), 0770), 0);
    const auto held = DataDirectory::open(paths_);
    ASSERT_FALSE(held.has_value());
    EXPECT_EQ(held.error().code, ErrorCode::permission_denied);
    EXPECT_THAT(held.error().message,
                HasSubstr("run: chmod 700 '" + paths_.directory.native() + "'"));
    EXPECT_EQ(mode_of(paths_.directory), 0770U);
}

TEST_F(DataDir, of_another_user_is_refused) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to make a stranger's directory";
    fs::create_directory(paths_.directory);
    ASSERT_EQ(chown(paths_.directory.c_str(), 12345, 12345), 0);
    const auto held = DataDirectory::open(paths_);
    ASSERT_FALSE(held.has_value());
    EXPECT_EQ(held.error().code, ErrorCode::permission_denied);
    EXPECT_THAT(held.error().message, HasSubstr("belongs to user 12345"));
}

TEST_F(DataDir, that_cannot_be_written_names_path_and_user) {
    fs::create_directory(paths_.directory);
    chmod(root_.c_str(), 0755);
    const int code = in_child([&] {
        if (geteuid() == 0 &&
            (chown(paths_.directory.c_str(), 12345, 12345) != 0 || setuid(12345) != 0))
            return 2;
        chmod(paths_.directory.c_str(), 0500);
        const auto held = DataDirectory::open(paths_);
        if (held || held.error().code != ErrorCode::permission_denied) return 3;
        const std::string user = "user " + std::to_string(geteuid());
        if (held.error().message.find(user) == std::string::npos) return 4;
        return held.error().message.find(paths_.directory.native()) == std::string::npos ? 5 : 0;
    });
    EXPECT_EQ(code, 0);
    chmod(paths_.directory.c_str(), 0700);
}

TEST_F(DataDir, that_is_a_file_is_refused) {
    std::ofstream(paths_.directory) << "x";
    EXPECT_FALSE(DataDirectory::open(paths_).has_value());
}

TEST_F(DataDir, missing_is_not_found_for_a_client) {
    EXPECT_EQ(check_data_dir(paths_.directory).error().code, ErrorCode::not_found);
}

sockaddr_un address_of(const SocketAddressPath& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.text().c_str(), sizeof address.sun_path - 1);
    return address;
}

TEST_F(DataDir, a_socket_below_a_long_path_is_bound_and_reached) {
    for (int i = 0; i < 4; ++i) paths_.directory /= std::string(60, 'd');
    ASSERT_TRUE(DataDirectory::open(paths_).has_value());
    const auto server = SocketAddressPath::of(paths_.socket());
    const auto client = SocketAddressPath::of(paths_.socket());
    ASSERT_TRUE(server.has_value() && client.has_value());
    EXPECT_LE(server->text().size(), 107U);
    EXPECT_EQ(server->shown(), paths_.socket().string());

    const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un bound = address_of(*server);
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&bound), sizeof bound), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    EXPECT_TRUE(fs::is_socket(paths_.socket()));
    const UniqueFd caller(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un target = address_of(*client);
    EXPECT_EQ(connect(caller.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target), 0);
}

TEST_F(DataDir, a_short_socket_path_is_used_as_it_is) {
    EXPECT_EQ(SocketAddressPath::of("/run/s.sock")->text(), "/run/s.sock");
    EXPECT_EQ(SocketAddressPath::of("/run/s.sock")->shown(), "/run/s.sock");
    EXPECT_EQ(SocketAddressPath::of("/" + std::string(106, 's'))->text().size(), 107U);
}

TEST_F(DataDir, a_socket_name_that_cannot_fit_is_refused) {
    const auto path = SocketAddressPath::of(root_ / std::string(150, 's'));
    ASSERT_FALSE(path.has_value());
    EXPECT_EQ(path.error().code, ErrorCode::invalid_argument);
}

TEST(UniqueFdTest, closes_once_and_moves) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    UniqueFd read_end(ends[0]);
    {
        UniqueFd first(ends[1]);
        UniqueFd second(std::move(first));
        EXPECT_FALSE(first);  // NOLINT: the moved-from state is what is tested.
        EXPECT_EQ(second.get(), ends[1]);
    }
    char byte = 0;
    EXPECT_EQ(read(read_end.get(), &byte, 1), 0);  // End of file: the write end is closed.
}

}  // namespace
}  // namespace syspulse::platform
