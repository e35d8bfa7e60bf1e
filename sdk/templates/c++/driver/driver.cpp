// The driver @NAME@: fork and exec with a nice value, with all that a driver owes to the processes that it starts.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syspulse/plugin.hpp>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sdk = syspulse::sdk;
namespace {
// X, a state of /proc, of a process that is gone, or a stranger's. Where nothing can be opened, it may well live.
std::string text_of(const std::string& path) {
    std::ifstream file(path);
    if (!file && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) throw sdk::Error::os("cannot read " + path);
    return file ? static_cast<const std::ostringstream&>(std::ostringstream() << file.rdbuf()).str() : "X";
}
// From /proc/PID/stat: the state, when it started, and its resident pages.
struct Stat {
    char state = 'X';  // Gone.
    std::string started = "-";
    std::uint64_t rss_pages = 0;
    explicit Stat(pid_t pid) {
        const std::string line = text_of("/proc/" + std::to_string(pid) + "/stat");
        std::istringstream fields(line.substr(line.rfind(')') + 1));
        fields >> state;
        for (int at = 4; at <= 22; ++at) fields >> started;
        fields >> rss_pages >> rss_pages;  // The first is the virtual size.
    }
};
// A pid alone proves nothing: it is given away again.
std::string identity(pid_t pid) {
    const std::string boot = text_of("/proc/sys/kernel/random/boot_id").substr(0, 36);
    return std::to_string(pid) + ' ' + Stat(pid).started + ' ' + boot;
}
// The token of a run that has none, because its manager died too early: the environment names the run.
std::string find_token(const std::string& run_id) {
    bool in_doubt = false;  // One in the middle of exec, or of its end, does not say what it is.
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto pid = static_cast<pid_t>(std::strtol(entry.path().filename().c_str(), nullptr, 10));
        if (pid <= 1 || getsid(pid) != pid) continue;
        std::istringstream environment(text_of(entry.path() / "environ")), command(text_of(entry.path() / "cmdline"));
        in_doubt |= environment.peek() == EOF && command.peek() == EOF && !std::strchr("XZ", Stat(pid).state);
        for (std::string line; std::getline(environment, line, '\0');)
            if (line == "SYSPULSE_RUN_ID=" + run_id) return identity(pid);
    }
    return in_doubt ? throw sdk::Error{SYSP_E_BUSY, "a process that begins or ends may be the one"} : std::string();
}
// In the child, between fork and exec: only calls that are safe there. Sends errno up when something fails.
[[noreturn]] void run_child(const sdk::SpawnRequest& request, char** argv, char** env, int nice_value, int report) {
    const sigset_t none{};
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    bool good = setsid() > 0 && setpriority(PRIO_PROCESS, 0, nice_value) == 0;
    for (int target = 0; target < 3 && good; ++target) {
        const int from = request.stdio[target] < 0 ? open("/dev/null", O_RDWR) : int(request.stdio[target]);
        good = (from == target ? fcntl(target, F_SETFD, 0) : dup2(from, target)) >= 0;
    }
    if (good && (request.cwd.empty() || chdir(request.cwd.c_str()) == 0)) {
        syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
        environ = env;
        execvp(argv[0], argv);
    }
    _exit(write(report, &errno, sizeof errno) < 0 ? 126 : 127);
}
}  // namespace
class @CLASS@ : public sdk::Driver {
  public:
    static constexpr const char* name = "@NAME@";
    static constexpr const char* summary = "Runs processes with a nice value";
    static constexpr std::uint32_t enforces = 0;  // SYSP_LIMIT_*: limits that this driver enforces.
    static sdk::Schema schema() { return {}; }
    static sdk::Schema process_schema() { return sdk::Schema{}.integer("nice", -20, 19, 0); }
    explicit @CLASS@(const sdk::Config& config) : Driver(config), io_(config.host()) {}
    sdk::Spawned spawn(const sdk::SpawnRequest& request) {
        if (!request.user.empty()) throw sdk::Error{SYSP_E_UNSUPPORTED, "cannot become the user " + request.user};
        const int nice_value = static_cast<int>(request.config.i64("/nice"));
        auto argv = sdk::pointers(request.argv), env = sdk::pointers(request.env);
        int report[2];
        if (pipe2(report, O_CLOEXEC) != 0) throw sdk::Error::os("cannot make a pipe");
        const pid_t pid = fork();
        if (pid == 0) run_child(request, argv.data(), env.data(), nice_value, report[1]);
        int error = pid < 0 ? errno : 0;
        close(report[1]);
        if (pid > 0 && read(report[0], &error, sizeof error) > 0) waitpid(pid, nullptr, 0);
        close(report[0]);
        if (error == 0) return adopt(request.proc, pid, {});
        throw sdk::Error::os("cannot run " + request.argv[0] + (request.cwd == "" ? "" : " in ") + request.cwd, error);
    }
    sdk::Spawned recover(const sdk::RecoverRequest& request) {
        const std::string token = request.token.empty() ? find_token(request.run_id) : request.token;
        const auto pid = static_cast<pid_t>(std::strtol(token.c_str(), nullptr, 10));
        if (pid <= 1 || Stat(pid).state == 'Z' || token != identity(pid)) throw sdk::Error{SYSP_E_NOT_FOUND, "gone"};
        return adopt(request.proc, pid, token);
    }
    void signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig) {
        if (find(proc).lost) return;  // Its number may be a stranger's by now.
        const int number = sig == SYSP_SIG_TERMINATE ? SIGTERM : sig == SYSP_SIG_KILL ? SIGKILL : os_sig;
        if (kill(-find(proc).pid, sig == SYSP_SIG_RELOAD ? SIGHUP : number) != 0 && errno != ESRCH)
            throw sdk::Error::os("cannot signal process group " + std::to_string(find(proc).pid));
    }
    bool inspect(sysp_proc proc) const { return processes_.count(proc) > 0; }
    sysp_stats stats(sysp_proc proc) {
        sysp_stats result{};
        result.valid = SYSP_STAT_RSS;
        result.rss_bytes = Stat(find(proc).pid).rss_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
        return result;
    }
    void release(sysp_proc proc) {
        auto process = processes_.extract(proc);
        // Collected now and not before, so that its number is not given away; one that lives is when it ends.
        if (process && waitpid(process.mapped().pid, nullptr, WNOHANG) == 0) released_.insert(std::move(process));
    }
  private:
    struct Process {
        int pid;
        sdk::Fd pidfd;
        bool lost = false;  // It ended, and was not our child.
        sdk::Watch watch = {};
    };
    Process& find(sysp_proc proc) {
        return inspect(proc) ? processes_.at(proc) : throw sdk::Error{SYSP_E_NOT_FOUND, "unknown process"};
    }
    sdk::Spawned adopt(sysp_proc proc, pid_t pid, const std::string& known) try {
        sdk::Fd pidfd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
        if (!pidfd) throw sdk::Error::os("cannot watch process " + std::to_string(pid));
        const std::string token = known.empty() ? identity(pid) : known;
        auto watch = io_.watch(pidfd.get(), SYSP_IO_READ, [this, proc](auto) { ended(proc); });
        Process& process = processes_[proc] = {pid, std::move(pidfd), false, std::move(watch)};
        return {pid, token, {{SYSP_KEEP_PIDFD, 0, process.pidfd.get()}}};
    } catch (...) {  // Of a start that is reported as failed nothing may be left.
        if (known.empty() && kill(-pid, SIGKILL) == 0) waitpid(pid, nullptr, 0);
        throw;
    }
    void ended(sysp_proc proc) {
        if (const auto gone = released_.extract(proc)) return static_cast<void>(waitpid(gone.mapped().pid, nullptr, 0));
        siginfo_t info{};
        find(proc).watch.reset();
        find(proc).lost = waitid(P_PID, static_cast<id_t>(find(proc).pid), &info, WEXITED | WNOWAIT) != 0;
        const auto known = info.si_code == CLD_EXITED ? SYSP_EXIT_CODE : SYSP_EXIT_SIGNAL;
        exits()->exited(proc, find(proc).lost ? SYSP_EXIT_LOST : known, info.si_status);
    }
    sdk::Io io_;
    std::map<sysp_proc, Process> processes_, released_;
};
SYSPULSE_PLUGIN("com.example.@NAME@", "0.1.0", "Example", sdk::driver<@CLASS@>());
