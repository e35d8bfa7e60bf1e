#include "platform/helper_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>

#include "platform/linux/linux_error.hpp"

extern char** environ;

namespace syspulse::platform {
namespace {

constexpr int channel_fd = 3;

// posix_spawn's two argument objects, destroyed with their owner.
class SpawnSettings {
  public:
    explicit SpawnSettings(int channel) {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
        posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions_, channel, channel_fd);
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes_, &none);
        sigset_t all;
        sigfillset(&all);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    const posix_spawn_file_actions_t* actions() const { return &actions_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

  private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

// A number is taken as it is, anything else is looked up.
template <class Id>
std::optional<Id> number_of(const std::string& text) {
    Id id = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, id);
    if (parsed.ec == std::errc{} && parsed.ptr == end) return id;
    return std::nullopt;
}

int milliseconds(Duration limit) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    return static_cast<int>(std::clamp<std::int64_t>(ms, 0, 1'000'000));
}

// The time that poll() has left; used up, it is zero.
class Deadline {
  public:
    explicit Deadline(Duration limit) : end_(std::chrono::steady_clock::now() + limit) {}
    int left() const { return milliseconds(end_ - std::chrono::steady_clock::now()); }

  private:
    std::chrono::steady_clock::time_point end_;
};

bool wait_ready(NativeHandle handle, short events, const Deadline& deadline) {
    pollfd waited{static_cast<int>(handle), events, 0};
    for (;;) {
        const int ready = ::poll(&waited, 1, deadline.left());
        if (ready > 0) return true;
        if (ready == 0 || errno != EINTR) return false;
    }
}

constexpr auto by_pidfd = static_cast<idtype_t>(3);  // P_PIDFD, which older C libraries lack.

// The kernel's struct pidfd_info as of 6.15; the size is part of the ioctl's number.
struct PidfdInfo {
    std::uint64_t mask;
    std::uint64_t cgroup_id;
    std::uint32_t pid, tgid, ppid;
    std::uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    std::int32_t exit_code;
};

std::optional<ExitStatus> ask_kernel(int pidfd) {
    constexpr std::uint64_t info_exit = 1U << 3;
    constexpr unsigned long get_info = _IOWR(0xFF, 11, PidfdInfo);
    PidfdInfo info{};
    info.mask = info_exit;
    if (::ioctl(pidfd, get_info, &info) != 0 || (info.mask & info_exit) == 0) return std::nullopt;
    if (WIFSIGNALED(info.exit_code)) return ExitStatus::signalled(WTERMSIG(info.exit_code));
    return ExitStatus::exited(WEXITSTATUS(info.exit_code));
}

std::uint64_t soft_limit(__rlimit_resource resource) {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    return limit.rlim_cur;
}

void set_soft_limit(__rlimit_resource resource, std::uint64_t value) {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    limit.rlim_cur = std::min<rlim_t>(value, limit.rlim_max);
    ::setrlimit(resource, &limit);
}

}  // namespace

void close_handle(NativeHandle handle) noexcept {
    ::close(static_cast<int>(handle));
}

Result<OwnedHandle> duplicate_handle(NativeHandle handle) {
    const int copy = ::fcntl(static_cast<int>(handle), F_DUPFD_CLOEXEC, channel_fd + 1);
    if (copy < 0) return os_error("cannot duplicate a descriptor");
    return OwnedHandle(copy);
}

Result<HelperProcess> start_helper(const std::filesystem::path& program,
                                   const std::vector<std::string>& arguments) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return os_error("cannot make a channel to a plugin host");
    }
    OwnedHandle ours(ends[0]);
    OwnedHandle theirs(ends[1]);
    if (ends[1] == channel_fd) {
        // dup2() onto itself would leave the descriptor to be closed by exec.
        auto moved = duplicate_handle(ends[1]);
        if (!moved) return moved.error();
        theirs = std::move(*moved);
    }
    const SpawnSettings settings(static_cast<int>(theirs.get()));
    const std::string path = program.empty() ? "/proc/self/exe" : program.string();
    std::vector<char*> argv;
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_t pid = 0;
    const int failure = ::posix_spawn(&pid, path.c_str(), settings.actions(), settings.attributes(),
                                      argv.data(), environ);
    if (failure != 0) return os_error("cannot start a plugin host (" + path + ")", failure);
    auto process = open_process(pid);
    if (!process) {
        ::kill(pid, SIGKILL);
        return process.error();
    }
    return HelperProcess{pid, std::move(*process), std::move(ours)};
}

OwnedHandle helper_channel() {
    ::fcntl(channel_fd, F_SETFD, FD_CLOEXEC);
    return OwnedHandle(channel_fd);
}

void end_with_parent() {
    const pid_t parent = ::getppid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != parent) ::_exit(1);
}

Result<void> become(const std::string& user, const std::string& group) {
    if (user.empty() && group.empty()) return {};
    gid_t gid = ::getegid();
    std::optional<uid_t> uid;
    std::string name = user;
    if (!user.empty()) {
        uid = number_of<uid_t>(user);
        errno = 0;
        const passwd* const account = uid ? ::getpwuid(*uid) : ::getpwnam(user.c_str());
        if (account == nullptr && !uid) {
            return Error{ErrorCode::not_found, "there is no user \"" + user + "\""};
        }
        if (account != nullptr) {
            uid = account->pw_uid;
            gid = account->pw_gid;
            name = account->pw_name;
        }
    }
    if (!group.empty()) {
        const auto number = number_of<gid_t>(group);
        const ::group* const found = number ? nullptr : ::getgrnam(group.c_str());
        if (!number && found == nullptr) {
            return Error{ErrorCode::not_found, "there is no group \"" + group + "\""};
        }
        gid = number ? *number : found->gr_gid;
    }
    const int groups = uid ? ::initgroups(name.c_str(), gid) : ::setgroups(1, &gid);
    if (groups != 0 || ::setgid(gid) != 0 || (uid && ::setuid(*uid) != 0)) {
        return os_error("cannot become user \"" + user + "\" and group \"" + group + "\"");
    }
    return {};
}

OwnLimits::OwnLimits(std::optional<std::uint64_t> memory_bytes,
                     std::optional<std::uint64_t> open_files)
    : memory_(memory_bytes),
      files_(open_files),
      former_memory_(soft_limit(RLIMIT_DATA)),
      former_files_(soft_limit(RLIMIT_NOFILE)) {
    apply(false);
}

void OwnLimits::lift() {
    if (++depth_ == 1) apply(true);
}

void OwnLimits::restore() {
    if (depth_ > 0 && --depth_ == 0) apply(false);
}

void OwnLimits::apply(bool lifted) {
    if (memory_) set_soft_limit(RLIMIT_DATA, lifted ? former_memory_ : *memory_);
    if (files_) set_soft_limit(RLIMIT_NOFILE, lifted ? former_files_ : *files_);
}

Result<OwnedHandle> open_process(std::int64_t pid) {
    const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
    if (fd < 0) return os_error("cannot get hold of process " + std::to_string(pid));
    return OwnedHandle(fd);
}

std::optional<ExitStatus> collect_exit(NativeHandle process) {
    siginfo_t info{};
    const auto fd = static_cast<int>(process);
    if (::waitid(by_pidfd, static_cast<id_t>(fd), &info, WEXITED | WNOHANG) != 0) {
        return ask_kernel(fd);
    }
    if (info.si_pid == 0) return std::nullopt;
    if (info.si_code == CLD_EXITED) return ExitStatus::exited(info.si_status);
    return ExitStatus::signalled(info.si_status);
}

bool signal_process(NativeHandle process, std::int32_t number) {
    return ::syscall(SYS_pidfd_send_signal, static_cast<int>(process), number, nullptr, 0) == 0;
}

bool wait_for_exit(NativeHandle process, Duration limit) {
    return wait_ready(process, POLLIN, Deadline(limit));
}

Result<std::string> read_to_end(NativeHandle channel, std::size_t bytes_max, Duration limit) {
    const Deadline deadline(limit);
    std::string text;
    std::array<char, 16384> buffer{};
    for (;;) {
        if (!wait_ready(channel, POLLIN, deadline)) {
            return Error{ErrorCode::timed_out, "no answer within " + format_duration(limit)};
        }
        const ssize_t got = ::read(static_cast<int>(channel), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > bytes_max) {
            return Error{ErrorCode::invalid_argument,
                         "it sent more than " + std::to_string(bytes_max) + " bytes"};
        }
    }
}

Result<void> write_all(NativeHandle channel, std::string_view bytes, Duration limit) {
    const Deadline deadline(limit);
    while (!bytes.empty()) {
        if (!wait_ready(channel, POLLOUT, deadline)) {
            return Error{ErrorCode::timed_out,
                         "it did not read what it was told within " + format_duration(limit)};
        }
        const ssize_t sent = ::send(static_cast<int>(channel), bytes.data(), bytes.size(),
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (sent <= 0) return os_error("cannot write to the other end");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

void end_process(int code) {
    ::_exit(code);
}

}  // namespace syspulse::platform
