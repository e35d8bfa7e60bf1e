#include "posix/spawn_plan.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string_view>

namespace syspulse::plugins::posix {
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

bool is_program(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

bool is_hidden(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) != 0 && errno == EACCES;
}

}  // namespace

std::optional<Credentials> resolve_user(const std::string& user) {
    if (user.empty()) return std::nullopt;
    const auto colon = user.find(':');
    const std::string name = user.substr(0, colon);
    const auto account = find_account(name);
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
    throw sdk::Error::os("cannot execute " + name, ENOENT,
                         " in PATH (" + std::string(path) + ") (stage exec)");
}

std::vector<Limit> to_limits(const sysp_limits& limits, const Credentials* credentials) {
    const uid_t uid = credentials != nullptr ? credentials->uid : ::geteuid();
    if ((limits.valid & SYSP_LIMIT_PROCESSES) != 0 && uid == 0) {
        throw sdk::Error{SYSP_E_CONFIG,
                         "cannot enforce max_processes: the system does not bind root by it; give "
                         "the daemon a user, or driver: cgroup (stage limits)"};
    }
    std::vector<Limit> result;
    if ((limits.valid & SYSP_LIMIT_MEMORY) != 0) result.push_back({RLIMIT_AS, limits.memory_bytes});
    if ((limits.valid & SYSP_LIMIT_OPEN_FILES) != 0) {
        result.push_back({RLIMIT_NOFILE, limits.open_files});
    }
    if ((limits.valid & SYSP_LIMIT_PROCESSES) != 0)
        result.push_back({RLIMIT_NPROC, limits.processes});
    return result;
}

sdk::Error launch_error(const Launch& failed, const sdk::SpawnRequest& request,
                        const std::string& program) {
    const std::string_view stage = failed.stage;
    std::string what = "cannot start " + request.argv.front();
    std::string hint;
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
        if (program != request.argv.front()) what += " (" + program + ")";
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
    }
    return sdk::Error::os(what, failed.error, hint + " (stage " + std::string(stage) + ")");
}

}  // namespace syspulse::plugins::posix
