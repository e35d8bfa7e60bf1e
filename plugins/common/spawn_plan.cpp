#include "common/spawn_plan.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "common/accounts.hpp"
#include "common/pidfd.hpp"
#include "common/process_search.hpp"

namespace syspulse::plugins {
namespace {

constexpr std::size_t record_limit = 1024 * 1024;  // Of one passwd or group record.

std::optional<unsigned> to_number(const std::string& text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct Account {
    uid_t uid;
    gid_t gid;
    std::string name;
};

std::optional<Account> find_account(const std::string& user) {
    const auto number = to_number(user);
    passwd record{};
    passwd* found = nullptr;
    std::vector<char> buffer(1024);
    for (;;) {
        const int error =
            number ? ::getpwuid_r(*number, &record, buffer.data(), buffer.size(), &found)
                   : ::getpwnam_r(user.c_str(), &record, buffer.data(), buffer.size(), &found);
        if (error != ERANGE || buffer.size() >= record_limit) break;
        buffer.resize(buffer.size() * 2);
    }
    if (found == nullptr) return std::nullopt;
    return Account{found->pw_uid, found->pw_gid, found->pw_name};
}

gid_t find_group(const std::string& name) {
    if (const auto number = to_number(name)) return *number;
    group record{};
    group* found = nullptr;
    std::vector<char> buffer(1024);
    while (::getgrnam_r(name.c_str(), &record, buffer.data(), buffer.size(), &found) == ERANGE &&
           buffer.size() < record_limit) {
        buffer.resize(buffer.size() * 2);
    }
    if (found == nullptr) {
        throw sdk::Error{SYSP_E_CONFIG, "cannot find the group '" + name +
                                            "': create it or name one that exists (stage user)"};
    }
    return found->gr_gid;
}

std::vector<gid_t> groups_of(const Account& account) {
    int count = 32;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    while (::getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) < 0) {
        groups.resize(static_cast<std::size_t>(count));
    }
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

std::string_view path_of(const std::vector<std::string>& env) {
    for (const std::string& entry : env) {
        if (entry.rfind("PATH=", 0) == 0) return std::string_view{entry}.substr(5);
    }
    return "/usr/local/bin:/usr/bin:/bin";
}

// For a message: a long list says no more than its beginning does.
std::string shortened(std::string_view path) {
    constexpr std::size_t most = 200;
    if (path.size() <= most) return std::string(path);
    const auto end = path.rfind(':', most);
    const auto kept = path.substr(0, end == std::string_view::npos ? most : end);
    const auto rest = path.substr(kept.size());
    const auto left = std::max<std::ptrdiff_t>(1, std::ranges::count(rest, ':'));
    return std::string(kept) + ":... and " + std::to_string(left) + " more";
}

bool is_program(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

bool is_hidden(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) != 0 && errno == EACCES;
}

// What ChildPlan::alternatives wants: pointers to all but the first, and a null at the end.
std::vector<const char*> alternatives_of(const std::vector<std::string>& programs) {
    std::vector<const char*> result;
    result.reserve(programs.size());
    for (std::size_t i = 1; i < programs.size(); ++i) result.push_back(programs[i].c_str());
    result.push_back(nullptr);
    return result;
}

// What exec wants.
std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

sdk::Error not_in_path(const std::string& name, const std::vector<std::string>& env,
                       const std::string& hint) {
    return sdk::Error::os("cannot execute " + name, ENOENT,
                          " in PATH (" + shortened(path_of(env)) + hint + ") (stage exec)");
}

sdk::Error launch_error(const Launch& failed, const sdk::SpawnRequest& request,
                        const std::string& program) {
    const std::string_view stage = failed.stage;
    std::string what = "cannot start " + request.argv.front();
    std::string hint;
    const bool searched = program != request.argv.front();
    // Nobody knows whether there is such a file where the manager may not look.
    if (stage == "exec" && failed.error == EACCES && searched && is_hidden(program)) {
        const std::string where = program.substr(0, program.rfind('/'));
        return not_in_path(request.argv.front(), marked_environment(request),
                           "; " + where + " cannot be searched");
    }
    if (failed.error == EMFILE) {
        hint = "; raise the manager's hard limit of descriptors (ulimit -Hn, or LimitNOFILE=)";
    } else if (failed.error == ENFILE) {
        hint = "; the system's own limit is reached, raise the sysctl fs.file-max";
    } else if (stage == "start" && failed.error == EAGAIN) {
        hint =
            "; no more processes are allowed: raise ulimit -u, TasksMax= of the manager's unit, "
            "or the sysctls kernel.pid_max and kernel.threads-max";
    }
    if (stage == "exec") {
        what = "cannot execute " + request.argv.front();
        if (searched) what += " (" + program + ")";
        if (failed.error == ENOEXEC) hint = "; a script needs a first line such as #!/bin/sh";
        if (failed.error == ENOENT && program.front() == '/' && is_program(program)) {
            hint = "; the file is there, but the interpreter or loader that it names is not";
        }
    } else if (stage == "chdir") {
        what = "cannot enter the working directory " + request.cwd;
    } else if (stage == "user") {
        what = "cannot become the user " + request.user;
        if (failed.error == EPERM) hint = "; that needs a manager that runs as root";
    } else if (stage == "limits") {
        what = "cannot set the resource limits";
        if (failed.error == EPERM) hint = "; a limit is above the manager's own hard limit";
    } else if (stage == "cgroup") {
        what = "cannot enter the cgroup of the run";
        if (failed.error == EACCES) {
            hint = "; the manager must run in a cgroup of the same delegated subtree";
        }
    } else if (stage == "confine") {
        what = "cannot confine " + request.argv.front();
        if (failed.error == EPERM) hint = "; that needs a manager that runs as root";
    }
    return sdk::Error::os(what, failed.error, hint + " (stage " + std::string(stage) + ")");
}

}  // namespace

std::optional<Credentials> resolve_user(const std::string& user) {
    if (user.empty()) return std::nullopt;
    const auto colon = user.find(':');
    const std::string name = user.substr(0, colon);
    // Two numbers say all: a directory service that does not answer holds up nobody then.
    const bool only_numbers =
        colon != std::string::npos && to_number(name) && to_number(user.substr(colon + 1));
    const auto account = only_numbers ? std::nullopt : find_account(name);
    Credentials result;
    if (account) {
        result.uid = account->uid;
        result.gid = account->gid;
    } else if (const auto uid = to_number(name); uid && colon != std::string::npos) {
        result.uid = *uid;
    } else {
        throw sdk::Error{
            SYSP_E_CONFIG,
            "cannot find the user '" + name +
                "': create it, or give a number with a group as in 1000:1000 (stage user)"};
    }
    if (colon != std::string::npos) result.gid = find_group(user.substr(colon + 1));
    // Without privileges nobody may call setgroups, and there is nothing to change either.
    const bool already = ::geteuid() == result.uid && ::getegid() == result.gid;
    if (already && result.uid != 0) return std::nullopt;
    if (account) {
        result.groups = groups_of(*account);
    } else {
        result.groups = {result.gid};
    }
    return result;
}

std::vector<std::string> find_programs(const std::string& name, const std::vector<std::string>& env,
                                       const std::string& cwd) {
    std::vector<std::string> found;
    if (name.empty()) throw sdk::Error{SYSP_E_CONFIG, "cannot execute '': the command is empty"};
    if (name.find('/') != std::string::npos) return {name};
    const std::string_view path = path_of(env);
    for (std::string_view rest = path;;) {
        const auto end = rest.find(':');
        std::string candidate{rest.substr(0, end)};
        if (candidate.empty()) candidate = ".";
        candidate += '/' + name;
        const bool relative = candidate.front() != '/';
        const std::string seen = relative && !cwd.empty() ? cwd + '/' + candidate : candidate;
        if (is_program(seen) || is_hidden(seen)) found.push_back(std::move(candidate));
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    if (!found.empty()) return found;
    throw not_in_path(name, env, "");
}

std::vector<std::string> marked_environment(const sdk::SpawnRequest& request) {
    const std::string prefix = std::string(run_id_variable) + '=';
    std::vector<std::string> env;
    env.reserve(request.env.size() + 1);
    for (const auto& entry : request.env) {
        if (entry.rfind(prefix, 0) != 0) env.push_back(entry);
    }
    env.push_back(prefix + request.run_id);
    return env;
}

int signal_number(std::int32_t sig, std::int32_t os_sig) {
    switch (sig) {
        case SYSP_SIG_TERMINATE:
            return SIGTERM;
        case SYSP_SIG_KILL:
            return SIGKILL;
        case SYSP_SIG_RELOAD:
            return SIGHUP;
        case SYSP_SIG_OS:
            if (os_sig >= 1 && os_sig <= SIGRTMAX) return os_sig;
            break;
        default:
            break;
    }
    throw sdk::Error{SYSP_E_UNSUPPORTED, "cannot send signal " + std::to_string(os_sig) +
                                             ": this system has no such signal"};
}

Identity identify(pid_t pid, int pidfd, const std::string& boot_id) {
    Identity identity{pid, 0, boot_id, pidfd_inode(pidfd)};
    if (identity.inode != 0) return identity;
    if (const auto stat = read_process_stat(pid)) identity.start_ticks = stat->start_ticks;
    return identity;
}

bool is_alive(const Identity& identity, const std::string& boot_id) {
    if (identity.boot_id != boot_id) return false;
    if (identity.inode != 0) {
        const UniqueFd pidfd = open_pidfd(identity.pid);
        // The number may be a thread's by now.
        const bool nobody = errno == ESRCH || errno == EINVAL || errno == ENOENT;
        if (!pidfd && !nobody)
            throw sdk::Error::os("cannot look for process " + std::to_string(identity.pid));
        return pidfd && pidfd_inode(pidfd.get()) == identity.inode;
    }
    const auto stat = read_process_stat(identity.pid);
    return stat && stat->start_ticks == identity.start_ticks && stat->state != 'X';
}

sdk::Error nothing_found() {
    const UniqueFd proc{::open("/proc/self/stat", O_RDONLY | O_CLOEXEC)};
    if (!proc) throw sdk::Error::os("cannot look for processes: cannot open /proc/self/stat");
    return {SYSP_E_NOT_FOUND, "the process is gone"};
}

Preparation::Preparation(const sdk::SpawnRequest& request, Accounts& accounts) : request_(request) {
    if (request.argv.empty()) throw sdk::Error{SYSP_E_CONFIG, "cannot start: the command is empty"};
    env_ = marked_environment(request);
    programs_ = find_programs(request.argv.front(), env_, request.cwd);
    credentials_ = accounts.of(request.user);
    alternatives_ = alternatives_of(programs_);
    argv_ = pointers_to(request.argv);
    envp_ = pointers_to(env_);
    plan_.path = programs_.front().c_str();
    plan_.alternatives = alternatives_.data();
    plan_.argv = argv_.data();
    plan_.env = envp_.data();
    plan_.pid_slot = request.pid_slot;
    plan_.cwd = request.cwd.empty() ? nullptr : request.cwd.c_str();
    for (std::size_t i = 0; i < plan_.stdio.size(); ++i)
        plan_.stdio[i] = static_cast<int>(request.stdio[i]);
    plan_.credentials = credentials_ ? &*credentials_ : nullptr;
}

uid_t Preparation::uid() const {
    return credentials_ ? credentials_->uid : ::geteuid();
}

Launch Preparation::start() const {
    return checked(launch(plan_));
}

Launch Preparation::checked(Launch launched) const {
    if (launched.error != 0) throw launch_error(launched, request_, programs_[launched.tried]);
    return launched;
}

}  // namespace syspulse::plugins
