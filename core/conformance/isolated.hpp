// The plugin in a process of its own, below the real host of the manager.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conformance/case.hpp"
#include "conformance/programs.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::conformance {

// A directory with nothing but the plugin under test.
class PluginFolder {
  public:
    enum class Manner : std::uint8_t {
        link,
        copy
    };  // A link where there are any; only a copy can be replaced.

    explicit PluginFolder(const Case& c, Manner manner = Manner::link);
    ~PluginFolder();
    PluginFolder(const PluginFolder&) = delete;
    PluginFolder& operator=(const PluginFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    // Puts another build of the plugin in place of the file, as an installer does.
    bool replace() const;

  private:
    std::filesystem::path path_;
    std::filesystem::path file_;
};

// The manager's plugin host with that directory as its only one. Its runs are the kit's: they are
// numbered, and ended with it.
class Isolated : public platform::ProcessObserver, public platform::CheckObserver {
  public:
    struct Run {
        std::int64_t pid = 0;
        std::string run_id;
        std::string token;
        std::optional<std::string> failure;  // Of its start, or of being looked for.
        std::optional<ExitStatus> exit;
    };

    Isolated(Case& c, const PluginFolder& folder) : Isolated(c, folder.path()) {}
    Isolated(Case& c, const std::filesystem::path& folder);
    // As the manager ends a run: what is left of it is killed, then the driver may forget it. That
    // takes a driver's process that lives.
    ~Isolated() override;

    bool loaded() const;
    plugin_host::HostStatus status() const;
    platform::ProcessRunner& processes() { return host_->processes(); }

    // Runs the check until it is answered: see `report`.
    void check(const std::string& target);
    bool passes(const std::string& target);
    // Until it is up or has failed.
    Run& spawn(const Words& argv, std::uint64_t number = 1);
    Run& recover(const Run& other, std::uint64_t number = 1);
    Run& run(std::uint64_t number = 1) { return runs_[RunId{number}]; }
    // Has a fresh process take over from the present file.
    Result<void> reload();

    // Runs the loop until `reached`, or as long as the kit is patient; false in the latter case.
    bool until(const std::function<bool()>& reached);

    void spawned(RunId run, const platform::SpawnedProcess& process) override;
    void spawn_failed(RunId run, const Error& error) override;
    void recover_failed(RunId run, const Error& error) override;
    void exited(RunId run, const ExitStatus& status) override { runs_[run].exit = status; }
    void checked(CheckId, const platform::CheckReport& answer) override { report = answer; }

    std::optional<platform::CheckReport> report;

  private:
    std::string plugin_id() const { return host_->catalog().plugins().front().id; }

    Case& case_;
    std::unique_ptr<platform::Clock> clock_;
    std::unique_ptr<platform::EventLoop> loop_;
    std::map<RunId, Run> runs_;
    std::unique_ptr<plugin_host::PluginHost> host_;
    std::uint64_t checks_ = 0;
};

}  // namespace syspulse::conformance
