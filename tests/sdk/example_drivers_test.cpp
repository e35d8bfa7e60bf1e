// The drivers that authors begin with, the template and the example `oci`, where the host or the
// manager fails them. What they do otherwise is seen from an installed prefix.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "support/driver_fixture.hpp"
#include "support/leftovers.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::testing {
namespace {

namespace fs = std::filesystem;

class TemplateDriver : public ::testing::Test {
  protected:
    TemplateDriver() { host_.process_options = {{"/nice", "0"}}; }

    FakePluginHost host_{TEMPLATE_DRIVER_PLUGIN};
    EndOfRuns end_of_runs_{host_};
};

Spawn sleeper(const std::string& run_id) {
    Spawn spawn = shell("sleep 100");
    spawn.run_id = run_id + '-' + std::to_string(::getpid());
    spawn.env.push_back("SYSPULSE_RUN_ID=" + spawn.run_id);
    return spawn;
}

TEST_F(TemplateDriver, finds_a_run_whose_token_nobody_has) {
    const Spawn spawn = sleeper("run-template");
    const Done started = host_.spawn(1, spawn);
    ASSERT_EQ(started.status, SYSP_OK) << started.message;
    host_.recreate();
    EXPECT_EQ(host_.recover(2, "no-such-run", "").status, SYSP_E_NOT_FOUND);
    const Done found = host_.recover(2, spawn.run_id, "");
    EXPECT_EQ(found.pid, started.pid) << found.message;
    EXPECT_EQ(found.token, started.token);
}

TEST_F(TemplateDriver, leaves_nothing_of_what_it_cannot_watch) {
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

// A runtime of this test's own: its containers do nothing, in the session of `run`, and `delete`
// ends them and says whose it was.
constexpr char runtime_script[] = R"sh(#!/bin/sh
here=${0%/*}
case $1 in
run)
  echo $$ >"$here/$4.new"
  mv "$here/$4.new" "$here/$4.pid"
  while :; do sleep 100; done
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
