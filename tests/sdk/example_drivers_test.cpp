// The drivers that authors begin with, the template and the example `oci`, where the host or the
// manager fails them. What they do otherwise is seen from an installed prefix.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "support/driver_fixture.hpp"
#include "support/leftovers.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::testing {
namespace {

namespace fs = std::filesystem;

struct Template {
    std::string name;
    std::string file;
};

// SYSPULSE_TEMPLATE_DRIVER is the file of one more, of a language that this build has no compiler
// for.
std::vector<Template> templates() {
    std::vector<Template> all{{"cpp", TEMPLATE_DRIVER_PLUGIN}, {"c", TEMPLATE_C_DRIVER_PLUGIN}};
    const char* other = std::getenv("SYSPULSE_TEMPLATE_DRIVER");
    if (other != nullptr) all.push_back({"other", other});
    return all;
}

class TemplateDriver : public ::testing::TestWithParam<Template> {
  protected:
    TemplateDriver() { host_.process_options = {{"/nice", "0"}}; }

    FakePluginHost host_{GetParam().file};
    EndOfRuns end_of_runs_{host_};
};

INSTANTIATE_TEST_SUITE_P(Languages, TemplateDriver, ::testing::ValuesIn(templates()),
                         [](const auto& one) { return one.param.name; });

Spawn sleeper(const std::string& run_id) {
    Spawn spawn = shell("sleep 100");
    spawn.run_id = run_id + '-' + std::to_string(::getpid());
    spawn.env.push_back("SYSPULSE_RUN_ID=" + spawn.run_id);
    return spawn;
}

TEST_P(TemplateDriver, finds_a_run_whose_token_nobody_has) {
    const Spawn spawn = sleeper("run-template");
    const Done started = host_.spawn(1, spawn);
    ASSERT_EQ(started.status, SYSP_OK) << started.message;
    host_.recreate();
    EXPECT_EQ(host_.recover(2, "no-such-run", "").status, SYSP_E_NOT_FOUND);
    const Done found = host_.recover(2, spawn.run_id, "");
    EXPECT_EQ(found.pid, started.pid) << found.message;
    EXPECT_EQ(found.token, started.token);
}

// It does not say whose it was, and stays for as long as nobody collects it.
TEST_P(TemplateDriver, has_no_doubt_of_a_dead_process) {
    const pid_t dead = ::fork();
    if (dead == 0) {
        ::setsid();
        ::_exit(0);
    }
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(dead), &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(host_.recover(1, "no-such-run", "").status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(::waitpid(dead, nullptr, 0), dead);
}

// The clock of start times has ticked between the two.
TEST_P(TemplateDriver, takes_the_first_of_the_sessions_of_a_run) {
    Spawn spawn = sleeper("run-sessions");
    spawn.argv = {"/bin/sh", "-c", "sleep 0.05; setsid sleep 100 & echo $!; exec sleep 100"};
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    spawn.stdio[1] = ends[1];
    const Done started = host_.spawn(1, spawn);
    ::close(ends[1]);
    std::array<char, 32> text{};
    EXPECT_GT(::read(ends[0], text.data(), text.size() - 1), 0);
    ::close(ends[0]);
    const auto other = static_cast<pid_t>(std::strtol(text.data(), nullptr, 10));
    EXPECT_TRUE(host_.run_until([&] { return ::getsid(other) == other; }));
    host_.recreate();
    EXPECT_EQ(host_.recover(2, spawn.run_id, "").pid, started.pid);
    (void)::kill(other, SIGKILL);
}

TEST_P(TemplateDriver, reaps_a_process_that_was_released_alive) {
    const Done done = host_.spawn(1, sleeper("run-template-released"));
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    host_.release(1);
    EXPECT_EQ(host_.inspect(1).status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(::kill(static_cast<pid_t>(done.pid), SIGKILL), 0);
    EXPECT_TRUE(host_.run_until([&] { return is_gone(static_cast<pid_t>(done.pid)); }));
    EXPECT_EQ(host_.watch_count(), 0U);
}

TEST_P(TemplateDriver, leaves_nothing_of_what_it_cannot_watch) {
    const std::size_t before = open_descriptors();
    host_.refuse_watches(true);
    EXPECT_EQ(host_.spawn(1, sleeper("run-template-unwatched")).status, SYSP_E_OS);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(open_descriptors(), before);
    host_.refuse_watches(false);
    const Spawn spawn = sleeper("run-template-recovered");
    const Done started = host_.spawn(1, spawn);
    host_.recreate();
    const std::size_t with_none = open_descriptors();
    host_.refuse_watches(true);
    EXPECT_EQ(host_.recover(2, spawn.run_id, started.token).status, SYSP_E_OS);
    host_.refuse_watches(false);
    EXPECT_EQ(open_descriptors(), with_none);
    EXPECT_EQ(host_.recover(3, spawn.run_id, started.token).pid, started.pid);
}

// So many descriptors are left at the most, until its end.
class FewDescriptors {
  public:
    explicit FewDescriptors(rlim_t left) {
        EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
        const int first_free = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
        EXPECT_GE(first_free, 0);
        ::close(first_free);
        const rlimit few{static_cast<rlim_t>(first_free) + left, before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    }
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;

  private:
    rlimit before_{};
};

// Its daemon would be started a second time beside it.
TEST_P(TemplateDriver, does_not_lose_a_process_for_want_of_descriptors) {
    const Spawn spawn = sleeper("run-template-descriptors");
    const Done started = host_.spawn(1, spawn);
    ASSERT_EQ(started.status, SYSP_OK) << started.message;
    sysp_proc proc = 1;
    for (rlim_t left = 0; left < 8; ++left) {
        for (const std::string& token : {started.token, std::string()}) {
            host_.recreate();
            Done found;
            {
                const FewDescriptors few(left);
                found = host_.recover(++proc, spawn.run_id, token);
            }
            EXPECT_NE(found.status, SYSP_E_NOT_FOUND) << left << " left, token: " << token;
            EXPECT_TRUE(found.status != SYSP_OK || found.pid == started.pid) << left << " left";
        }
    }
    host_.recreate();
    EXPECT_EQ(host_.recover(++proc, spawn.run_id, "").pid, started.pid);
}

// A runtime of this test's own: in its containers a process of the run sleeps, in the session of
// `run`, and `delete` ends them and says whose it was.
constexpr char runtime_script[] = R"sh(#!/bin/sh
here=${0%/*}
case $1 in
run)
  SYSPULSE_RUN_ID=${4#syspulse-} sleep 1000 &
  echo $$ >"$here/$4.new"
  mv "$here/$4.new" "$here/$4.pid"
  wait
  ;;
delete)
  kill -9 "-$(cat "$here/$3.pid")"
  echo "$3" >>"$here/deleted"
  ;;
esac
)sh";

class OciDriver : public ::testing::Test {
  protected:
    OciDriver() {
        const fs::path runtime = directory_.path() / "runtime";
        test::write_file(runtime, runtime_script);
        fs::permissions(runtime, fs::perms::owner_all);
        fs::create_directory(directory_.path() / "bundle");
        test::write_file(directory_.path() / "bundle/config.json", R"({"root":{"path":"rootfs"}})");
        host_.process_options = {{"/bundle", directory_.path() / "bundle"},
                                 {"/runtime", runtime},
                                 {"/state_dir", state_}};
    }
    // Started, and as far as the container is.
    Done start(sysp_proc proc, const Spawn& spawn) {
        const Done done = host_.spawn(proc, spawn);
        EXPECT_EQ(done.status, SYSP_OK) << done.message;
        const fs::path started = directory_.path() / ("syspulse-" + spawn.run_id + ".pid");
        EXPECT_TRUE(host_.run_until([&] { return fs::exists(started); }));
        return done;
    }
    std::vector<std::string> deleted() const {
        std::ifstream file(directory_.path() / "deleted");
        std::vector<std::string> ids;
        for (std::string id; std::getline(file, id);) ids.push_back(id);
        std::sort(ids.begin(), ids.end());
        return ids;
    }

    test::TemporaryDirectory directory_;
    fs::path state_ = directory_.path() / "state";
    // Its tokens have other lines than those that EndOfRuns takes for cgroups.
    struct EndOfContainers {
        const FakePluginHost& host;
        ~EndOfContainers() {
            for (const Done& run : host.started()) end_child(static_cast<pid_t>(run.pid));
        }
    };
    FakePluginHost host_{OCI_EXAMPLE_PLUGIN};
    EndOfContainers end_of_containers_{host_};
};

TEST_F(OciDriver, loses_none_of_two_kills_in_quick_succession) {
    const Spawn first = sleeper("run-a");
    const Spawn second = sleeper("run-b");
    start(1, first);
    start(2, second);
    host_.hold_workers();
    EXPECT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
    EXPECT_EQ(host_.signal(2, SYSP_SIG_KILL).status, SYSP_OK);
    host_.release_workers();
    EXPECT_TRUE(host_.wait_exit(2));
    EXPECT_TRUE(host_.wait_exit(1));
    const std::vector<std::string> both{"syspulse-" + first.run_id, "syspulse-" + second.run_id};
    EXPECT_TRUE(host_.run_until([&] { return deleted() == both; }));
    host_.release(1);
    host_.release(2);
    EXPECT_TRUE(fs::is_empty(state_));
}

TEST_F(OciDriver, shows_the_environment_of_a_daemon_to_nobody_else) {
    const Spawn spawn = sleeper("run-secret");
    start(1, spawn);
    struct stat folder {};
    ASSERT_EQ(::stat((state_ / ("syspulse-" + spawn.run_id)).c_str(), &folder), 0);
    EXPECT_EQ(folder.st_mode & 0777U, 0700U);
}

TEST_F(OciDriver, leaves_no_folder_of_a_start_that_fails) {
    host_.process_options["/runtime"] = directory_.path() / "no-such-runtime";
    EXPECT_EQ(host_.spawn(1, sleeper("run-nowhere")).status, SYSP_E_OS);
    EXPECT_TRUE(fs::is_empty(state_));
}

TEST_F(OciDriver, finds_a_run_whose_token_nobody_has) {
    const Spawn spawn = sleeper("run-oci");
    const Done started = start(1, spawn);
    host_.recreate();
    EXPECT_EQ(host_.recover(2, "no-such-run", "").status, SYSP_E_NOT_FOUND);
    const Done found = host_.recover(2, spawn.run_id, "");
    EXPECT_EQ(found.pid, started.pid) << found.message;
    EXPECT_EQ(found.token, started.token);
}

// Whose process has the user that the bundle says.
TEST_F(OciDriver, does_not_lose_a_container_of_another_user) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const Spawn spawn = sleeper("run-other-user");
    const std::string mark = "SYSPULSE_RUN_ID=" + spawn.run_id;
    const pid_t container = ::fork();
    if (container == 0) {
        constexpr uid_t nobody = 65534;
        if (::setsid() > 0 && ::setuid(nobody) == 0)
            ::execle("/bin/sleep", "sleep", "1000", nullptr,
                     std::array{mark.c_str(), static_cast<const char*>(nullptr)}.data());
        ::_exit(127);
    }
    EXPECT_TRUE(host_.run_until([&] {
        std::ifstream environ_file("/proc/" + std::to_string(container) + "/environ");
        std::string first;
        return std::getline(environ_file, first, '\0') && first == mark;
    }));
    const Done found = host_.recover(1, spawn.run_id, "");
    EXPECT_EQ(found.status, SYSP_OK) << found.message;
    EXPECT_EQ(found.pid, container);
    end_child(container);
}

TEST_F(OciDriver, reaps_a_runtime_that_was_released_alive) {
    const Done started = start(1, sleeper("run-released"));
    host_.release(1);
    EXPECT_EQ(host_.inspect(1).status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(::kill(-static_cast<pid_t>(started.pid), SIGKILL), 0);
    EXPECT_TRUE(host_.run_until([&] { return is_gone(static_cast<pid_t>(started.pid)); }));
    EXPECT_EQ(host_.watch_count(), 0U);
    EXPECT_TRUE(fs::is_empty(state_));
}

// Its daemon must not be started a second time beside it.
TEST_F(OciDriver, does_not_lose_a_container_that_outlives_its_runtime) {
    const Spawn spawn = sleeper("run-orphan");
    const Done started = start(1, spawn);
    host_.recreate();
    EXPECT_EQ(::kill(static_cast<pid_t>(started.pid), SIGKILL), 0);
    EXPECT_EQ(::waitpid(static_cast<pid_t>(started.pid), nullptr, 0), started.pid);
    const Done found = host_.recover(2, spawn.run_id, started.token);
    ASSERT_EQ(found.status, SYSP_OK) << found.message;
    EXPECT_NE(found.pid, started.pid);
    const auto exit = host_.wait_exit(2);
    EXPECT_TRUE(exit && exit->kind == SYSP_EXIT_LOST);
    EXPECT_EQ(host_.signal(2, SYSP_SIG_KILL).status, SYSP_OK);
    EXPECT_TRUE(host_.run_until([&] { return is_gone(static_cast<pid_t>(found.pid)); }));
    EXPECT_TRUE(host_.run_until([&] { return deleted().size() == 1; }));
    host_.release(2);
    EXPECT_TRUE(fs::is_empty(state_));
    EXPECT_EQ(host_.recover(3, spawn.run_id, started.token).status, SYSP_E_NOT_FOUND);
}

TEST_F(OciDriver, leaves_nothing_of_a_start_that_it_cannot_watch) {
    const std::size_t before = open_descriptors();
    const Spawn spawn = sleeper("run-oci-unwatched");
    host_.refuse_watches(true);
    EXPECT_EQ(host_.spawn(1, spawn).status, SYSP_E_OS);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(deleted(), std::vector<std::string>{"syspulse-" + spawn.run_id});
    EXPECT_TRUE(fs::is_empty(state_));
    EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace syspulse::testing
