// The driver `oci`: runs a daemon's command inside of an OCI bundle, with runc or another runtime
// of its command line. The bundle's config.json gives root, mounts and namespaces; command,
// environment, working directory and limits are the daemon's. `runc run` in the foreground stays
// the parent of the container: its exit is the container's.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <syspulse/plugin.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <list>
#include <nlohmann/json.hpp>
#include <sstream>

namespace sdk = syspulse::sdk;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// A pid alone proves nothing: it is given away again. Field 22 of /proc/PID/stat is when the
// process started.
std::string identity(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line, word, boot;
    std::getline(file, line);
    if (line.rfind(')') == std::string::npos) return {};
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    for (int at = 3; at <= 22; ++at) {
        fields >> word;
        if (at == 3 && word == "Z") return {};
    }
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
    return std::to_string(pid) + ' ' + word + ' ' + boot;
}

struct SpawnSetup {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    SpawnSetup() {
        posix_spawnattr_init(&attributes);
        posix_spawn_file_actions_init(&files);
        sigset_t all, none;
        sigfillset(&all);
        sigemptyset(&none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    }
    ~SpawnSetup() {
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&files);
    }
};

pid_t launch(const std::vector<std::string>& words, const sysp_handle* stdio) {
    SpawnSetup setup;
    for (int target = 0; target < 3; ++target) {
        if (stdio == nullptr || stdio[target] < 0) {
            posix_spawn_file_actions_addopen(&setup.files, target, "/dev/null", O_RDWR, 0);
        } else {
            posix_spawn_file_actions_adddup2(&setup.files, static_cast<int>(stdio[target]), target);
        }
    }
    posix_spawn_file_actions_addclosefrom_np(&setup.files, 3);
    auto argv = sdk::pointers(words);
    pid_t pid = -1;
    const int error =
        posix_spawnp(&pid, argv[0], &setup.files, &setup.attributes, argv.data(), environ);
    if (error != 0) throw sdk::Error::os("cannot run " + words.front(), error);
    return pid;
}

// The bundle's configuration with what the daemon's spec says.
json configuration(const sdk::SpawnRequest& request, const fs::path& bundle) {
    std::ifstream file(bundle / "config.json");
    if (!file) throw sdk::Error::os("cannot read " + (bundle / "config.json").string());
    json config = json::parse(file, nullptr, false);
    if (!config.is_object() || !config.contains("root") || !config["root"].contains("path"))
        throw sdk::Error{SYSP_E_CONFIG, "/bundle: " + (bundle / "config.json").string() +
                                            " is no OCI configuration"};
    config["root"]["path"] = (bundle / config["root"]["path"].get<std::string>()).string();
    json& process = config["process"];
    process["terminal"] = false;
    process["args"] = request.argv;
    process["env"] = request.env;
    if (!request.cwd.empty() || !process.contains("cwd"))
        process["cwd"] = request.cwd.empty() ? "/" : request.cwd;
    json& resources = config["linux"]["resources"];
    const auto& limits = request.limits;
    if ((limits.valid & SYSP_LIMIT_MEMORY) != 0) resources["memory"]["limit"] = limits.memory_bytes;
    if ((limits.valid & SYSP_LIMIT_PROCESSES) != 0) resources["pids"]["limit"] = limits.processes;
    if ((limits.valid & SYSP_LIMIT_CPU) != 0)
        resources["cpu"] = {{"period", 100000}, {"quota", limits.cpu_percent * 1000}};
    return config;
}

// For nobody else: the configuration has the daemon's environment.
void make_folder(const fs::path& folder) {
    fs::create_directories(folder.parent_path());
    if (mkdir(folder.c_str(), S_IRWXU) != 0)
        throw sdk::Error::os("cannot make the folder " + folder.string());
}

void write_configuration(const fs::path& path, const json& config) {
    std::ofstream file(path);
    file << config.dump() << std::flush;
    if (!file) throw sdk::Error::os("cannot write " + path.string());
}

// The process whose file in /proc is as wanted; 0: there is none. Where no file can be opened,
// nobody can say that.
template <class Wanted>
pid_t find_process(const char* name, Wanted&& wanted) {
    for (const auto& entry : fs::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / name);
        const int failure = errno;
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        if (!file && (failure == EMFILE || failure == ENFILE || failure == ENOMEM))
            throw sdk::Error::os("cannot look for processes", failure);
        if (wanted(text, entry.path()))
            return static_cast<pid_t>(std::strtol(entry.path().filename().c_str(), nullptr, 10));
    }
    return 0;
}

// Who was started with these words, whatever its program. The runtime has this driver's user; a
// process of another one may only say that it was started so.
pid_t find_runtime(const std::vector<std::string>& words) {
    std::string sought;
    for (const auto& word : words) sought += '\0' + word;
    sought += '\0';
    return find_process("cmdline", [&](const std::string& line, const fs::path& process) {
        struct stat owner;
        return line.size() >= sought.size() &&
               line.compare(line.size() - sought.size(), sought.size(), sought) == 0 &&
               stat(process.c_str(), &owner) == 0 && owner.st_uid == geteuid();
    });
}

// One of a run, which runtime and container are: configuration() gives them its environment. It may
// have any user, which the bundle's config.json and its user namespace choose.
pid_t find_survivor(const std::string& run_id) {
    const std::string sought = '\0' + ("SYSPULSE_RUN_ID=" + run_id) + '\0';
    return find_process("environ", [&](const std::string& environment, const fs::path&) {
        return ('\0' + environment).find(sought) != std::string::npos;
    });
}

}  // namespace

class OciDriver : public sdk::Driver {
  public:
    static constexpr const char* name = "oci";
    static constexpr const char* summary = "Runs daemons inside of OCI bundles";
    static constexpr std::uint32_t enforces =
        SYSP_LIMIT_MEMORY | SYSP_LIMIT_CPU | SYSP_LIMIT_PROCESSES;
    static sdk::Schema schema() { return {}; }
    static sdk::Schema process_schema() {
        return sdk::Schema{}
            .add("bundle", sdk::Option::string().length(1, 4096).pattern("/.*").describe(
                               "A folder with config.json"))
            .string("runtime", "runc")
            .add("state_dir", sdk::Option::string().pattern("/.*").by_default("/run/syspulse-oci"));
    }
    explicit OciDriver(const sdk::Config& config) : Driver(config), io_(config.host()) {}

    sdk::Spawned spawn(const sdk::SpawnRequest& request) {
        if (!request.user.empty())
            throw sdk::Error{SYSP_E_UNSUPPORTED, "the user is the bundle's: set it in config.json"};
        const json config = configuration(request, request.config.str("/bundle"));
        Container container = container_of(request.config, request.run_id);
        make_folder(container.folder);
        try {
            write_configuration(container.folder / "config.json", config);
            container.pid = launch(run_command(container), request.stdio);
            const std::string token = token_of(container);
            return adopt(request.proc, container, token);
        } catch (...) {
            undo(container);
            throw;
        }
    }
    sdk::Spawned recover(const sdk::RecoverRequest& request) {
        Container container = container_of(request.config, request.run_id);
        if (!request.token.empty()) read_token(request.token, container);
        // Without a token, as the manager died before it had one, the command line names the run.
        if (container.pid <= 1) container.pid = find_runtime(run_words(container));
        if (container.pid > 1) return adopt(request.proc, container, token_of(container));
        return take_over(request.proc, std::move(container));
    }
    void signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig) {
        const Container& container = find(proc);
        if (sig == SYSP_SIG_KILL) return remove(container);
        if (container.ended) return;
        // The runtime hands it on to the container's first process.
        const int number = sig == SYSP_SIG_TERMINATE ? SIGTERM
                           : sig == SYSP_SIG_RELOAD  ? SIGHUP
                                                     : os_sig;
        if (syscall(SYS_pidfd_send_signal, container.pidfd.get(), number, nullptr, 0) != 0 &&
            errno != ESRCH)
            throw sdk::Error::os("cannot signal the container");
    }
    bool inspect(sysp_proc proc) const { return containers_.count(proc) > 0; }
    void release(sysp_proc proc) {
        if (!inspect(proc)) return;
        auto container = containers_.extract(proc);
        if (container.mapped().ended) {
            std::error_code ignored;
            fs::remove_all(container.mapped().folder, ignored);
        }
        // Collected now, so that its number is not given away before; one that lives is when it
        // ends.
        if (waitpid(container.mapped().pid, nullptr, WNOHANG) == 0)
            released_.insert(std::move(container));
    }

  private:
    static constexpr const char* id_prefix = "syspulse-";  // With the run's id behind it.

    struct Container {
        std::string runtime, id;
        fs::path folder;
        pid_t pid = -1;
        sdk::Fd pidfd;
        bool ended = false;
        sdk::Watch watch;
    };
    Container& find(sysp_proc proc) {
        if (!inspect(proc)) throw sdk::Error{SYSP_E_NOT_FOUND, "unknown container"};
        return containers_.at(proc);
    }
    static Container container_of(const sdk::Config& config, const std::string& run_id) {
        Container container;
        container.runtime = config.str("/runtime");
        container.id = id_prefix + run_id;
        container.folder = fs::path(config.str("/state_dir")) / container.id;
        return container;
    }
    static std::vector<std::string> run_words(const Container& container) {
        return {"run", "--bundle", container.folder.string(), container.id};
    }
    static std::vector<std::string> run_command(const Container& container) {
        auto words = run_words(container);
        words.insert(words.begin(), container.runtime);
        return words;
    }
    static std::vector<std::string> delete_command(const Container& container) {
        return {container.runtime, "delete", "--force", container.id};
    }
    // What recover needs: who it is, and what it is called.
    static std::string token_of(const Container& container) {
        return identity(container.pid) + '\n' + container.runtime + '\n' +
               container.folder.string();
    }
    // Leaves the pid alone when the runtime is gone.
    static void read_token(const std::string& token, Container& container) {
        std::istringstream lines(token);
        std::string who, folder;
        std::getline(lines, who);
        std::getline(lines, container.runtime);
        std::getline(lines, folder);
        container.folder = folder;
        container.id = container.folder.filename().string();
        const auto pid = static_cast<pid_t>(std::strtol(who.c_str(), nullptr, 10));
        if (pid > 1 && who == identity(pid)) container.pid = pid;
    }
    // The runtime is gone. If its container is not, it must not hide: it is lost, for the host to
    // end.
    sdk::Spawned take_over(sysp_proc proc, Container container) {
        container.pid = find_survivor(container.id.substr(std::strlen(id_prefix)));
        if (container.pid <= 1) throw sdk::Error{SYSP_E_NOT_FOUND, "the container is gone"};
        container.ended = true;
        sdk::Spawned spawned{container.pid, token_of(container), {}};
        containers_[proc] = std::move(container);
        exits()->exited(proc, SYSP_EXIT_LOST, 0);
        return spawned;
    }
    // Of a start that is reported as failed nothing may be left. Waits for the runtime.
    static void undo(const Container& container) noexcept try {
        if (container.pid > 0) {
            kill(-container.pid, SIGKILL);
            waitpid(container.pid, nullptr, 0);
            waitpid(launch(delete_command(container), nullptr), nullptr, 0);
        }
        fs::remove_all(container.folder);
    } catch (...) {  // What made the start fail is told, and this is not.
    }
    // Ends every process of the container. Takes the runtime some ten milliseconds, so a worker
    // waits for it: the answer to the kill says that it was asked for, the container's exit that it
    // is done. Each has its own, as a removal that is dropped does not begin any more.
    void remove(const Container& container) {
        const auto removal = removals_.emplace(removals_.end());
        try {
            *removal = sdk::Offload::start(
                host(),
                [words = delete_command(container)] {
                    waitpid(launch(words, nullptr), nullptr, 0);
                },
                [this, removal](const sdk::Error* failure) {
                    removals_.erase(removal);
                    if (failure != nullptr) throw *failure;
                });
        } catch (...) {
            removals_.erase(removal);
            throw;
        }
    }
    sdk::Spawned adopt(sysp_proc proc, Container& container, const std::string& token) {
        container.pidfd = sdk::Fd{static_cast<int>(syscall(SYS_pidfd_open, container.pid, 0))};
        if (!container.pidfd) throw sdk::Error::os("cannot watch the container");
        container.watch = io_.watch(container.pidfd.get(), SYSP_IO_READ,
                                    [this, proc](std::uint32_t) { ended(proc); });
        sdk::Spawned spawned{container.pid, token, {{SYSP_KEEP_PIDFD, 0, container.pidfd.get()}}};
        containers_[proc] = std::move(container);
        return spawned;
    }
    void ended(sysp_proc proc) {
        if (const auto gone = released_.extract(proc)) {
            std::error_code ignored;
            fs::remove_all(gone.mapped().folder, ignored);
            waitpid(gone.mapped().pid, nullptr, 0);
            return;
        }
        Container& container = find(proc);
        container.watch.reset();
        container.ended = true;
        siginfo_t info{};
        const bool known =
            waitid(P_PID, static_cast<id_t>(container.pid), &info, WEXITED | WNOWAIT) == 0;
        if (!known) return exits()->exited(proc, SYSP_EXIT_LOST, 0);
        // The runtime says 128 + n for a container that signal n ended.
        const bool by_signal =
            info.si_code == CLD_EXITED && info.si_status > 128 && info.si_status < 128 + NSIG;
        if (by_signal) return exits()->exited(proc, SYSP_EXIT_SIGNAL, info.si_status - 128);
        exits()->exited(proc, info.si_code == CLD_EXITED ? SYSP_EXIT_CODE : SYSP_EXIT_SIGNAL,
                        info.si_status);
    }

    sdk::Io io_;
    std::map<sysp_proc, Container> containers_, released_;
    std::list<sdk::Offload> removals_;
};

SYSPULSE_PLUGIN("org.syspulse.example.oci", "1.0.0", "syspulse examples", sdk::driver<OciDriver>());
