// platform::OutputPipes on named FIFOs. A child gets the FIFO open for reading and writing: it is
// its own reader, so that without a manager its writes wait in a full pipe instead of raising
// SIGPIPE.
//
// The serving thread has a descriptor table of its own, so that the two reading ends of each daemon
// do not use up what the process may open elsewhere. Reading ends are opened by the loop thread,
// which wants to know of failures, and travel through a socket.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "platform/daemon_limits.hpp"
#include "platform/linux/linux_output_error.hpp"
#include "platform/output_pipes.hpp"

namespace syspulse::platform {
namespace {

// What a system allows to everybody. Small ones stall a fast writer in every pause of the reader.
constexpr int busy_pipe_bytes = 1024 * 1024;
constexpr mode_t pipe_mode = 0600;
constexpr std::uint64_t wake_token = ~std::uint64_t{0};
constexpr int events_per_wait = 256;
// Descriptors of a serving thread that are no pipes: open log files, and its own few.
constexpr std::size_t other_descriptors = 576;
constexpr unsigned close_range_unshare = 1U << 1;  // CLOSE_RANGE_UNSHARE, which old headers lack.

std::size_t descriptor_limit() {
    rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    return static_cast<std::size_t>(limit.rlim_cur);
}

// One descriptor travels with each message of one byte.
struct Parcel {
    explicit Parcel(int fd) {
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    int descriptor() {
        int fd = -1;
        const cmsghdr* const header = CMSG_FIRSTHDR(&message);
        if (header != nullptr && header->cmsg_type == SCM_RIGHTS)
            std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
        return fd;
    }

    char byte = 0;
    iovec content{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{nullptr, 0, &content, 1, control, sizeof control, 0};
};

class LinuxOutputPipes final : public OutputPipes {
  public:
    explicit LinuxOutputPipes(NativeHandle kept) : kept_(static_cast<int>(kept)) {}
    ~LinuxOutputPipes() override {
        for (const int fd : own()) {
            if (fd >= 0) ::close(fd);
        }
    }

    Result<void> prepare() {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        null_ = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (epoll_ < 0 || wake_ < 0 || null_ < 0 ||
            ::pipe2(scratch_, O_CLOEXEC | O_NONBLOCK) != 0 ||
            ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, handed_) != 0) {
            return output_error("cannot prepare log capture", errno);
        }
        static_cast<void>(::fcntl(scratch_[1], F_SETPIPE_SZ, busy_pipe_bytes));
        return add(wake_, wake_token);
    }

    Result<void> create(const std::filesystem::path& path) override {
        if (::mkfifo(path.c_str(), pipe_mode) == 0 || errno == EEXIST) return {};
        return output_error("cannot create the pipe " + path.string(), errno);
    }

    void remove(const std::filesystem::path& path) override { ::unlink(path.c_str()); }

    Result<NativeHandle> open_reader(const std::filesystem::path& path) override {
        return open_pipe(path, O_RDONLY | O_NONBLOCK);
    }

    Result<NativeHandle> open_writer(const std::filesystem::path& path) override;
    void give(NativeHandle pipe, std::uint32_t user) override {
        struct stat st = {};
        if (::fstat(fd_of(pipe), &st) != 0 || st.st_uid == user) return;
        // Who may not do that could not run the daemon as another user either.
        static_cast<void>(!::fchown(fd_of(pipe), user, static_cast<gid_t>(-1)));
    }
    Result<void> hand_over(NativeHandle pipe) override;
    std::size_t capacity() const override {
        const std::size_t limit = descriptor_limit();
        return limit > 2 * other_descriptors ? limit - other_descriptors : limit / 2;
    }
    void begin_serving() override;
    NativeHandle receive() override;

    FileId id_of(NativeHandle pipe) const override {
        struct stat st = {};
        if (::fstat(fd_of(pipe), &st) != 0) return {};
        return {st.st_dev, st.st_ino};
    }

    void close(NativeHandle pipe) noexcept override {
        if (pipe != no_handle) ::close(fd_of(pipe));
    }

    void wake() noexcept override {
        const std::uint64_t one = 1;
        static_cast<void>(!::write(wake_, &one, sizeof one));
    }

    // Edge-triggered, because a FIFO without writers reports its hang-up for ever otherwise.
    Result<void> add(NativeHandle pipe, std::uint64_t token) override {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLET;
        event.data.u64 = token;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_of(pipe), &event) == 0) return {};
        return output_error("cannot watch the output of a daemon", errno);
    }

    void wait(std::vector<PipeEvent>& events, bool block) override {
        epoll_event ready[events_per_wait];
        const int count = ::epoll_wait(epoll_, ready, events_per_wait, block ? -1 : 0);
        events.clear();
        for (int i = 0; i < count; ++i) {
            if (ready[i].data.u64 == wake_token) {
                std::uint64_t ignored = 0;
                static_cast<void>(!::read(wake_, &ignored, sizeof ignored));
            } else {
                events.push_back({ready[i].data.u64, (ready[i].events & EPOLLHUP) != 0});
            }
        }
    }

    void pause(Duration length) override {
        const timespec t = {0, static_cast<long>(length.count())};
        ::nanosleep(&t, nullptr);
    }

    std::size_t available(NativeHandle pipe) const override {
        int count = 0;
        if (::ioctl(fd_of(pipe), FIONREAD, &count) != 0) return 0;
        return static_cast<std::size_t>(std::max(count, 0));
    }

    bool has_writers(NativeHandle pipe) const override {
        pollfd p = {fd_of(pipe), POLLIN, 0};
        return ::poll(&p, 1, 0) < 0 || (p.revents & POLLHUP) == 0;
    }

    void enlarge(NativeHandle pipe) override {
        static_cast<void>(::fcntl(fd_of(pipe), F_SETPIPE_SZ, busy_pipe_bytes));
    }

    Result<std::size_t> peek(NativeHandle pipe, std::span<char> into) override;
    Result<std::size_t> move_to(NativeHandle pipe, OutputFile& file, std::uint64_t offset,
                                std::size_t size) override;
    std::size_t discard(NativeHandle pipe, std::size_t size) override;

  private:
    static Result<NativeHandle> open_pipe(const std::filesystem::path& path, int flags);
    Result<std::size_t> copy_to(NativeHandle pipe, OutputFile& file, std::uint64_t offset,
                                std::size_t size);

    std::array<int, 7> own() const {
        return {epoll_, wake_, null_, scratch_[0], scratch_[1], handed_[0], handed_[1]};
    }

    int kept_ = -1;  // Somebody else's, that the serving thread needs.
    int epoll_ = -1;
    int wake_ = -1;
    int null_ = -1;
    int scratch_[2] = {-1, -1};  // Always empty between calls.
    int handed_[2] = {-1, -1};   // The serving thread's end, the loop thread's end.
    std::vector<char> buffer_;   // Only for file systems that cannot splice.
};

Result<NativeHandle> LinuxOutputPipes::open_pipe(const std::filesystem::path& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return output_error("cannot open the pipe " + path.string(), errno);
    struct stat st = {};
    if (::fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) return NativeHandle{fd};
    ::close(fd);
    return Error{ErrorCode::invalid_state,
                 "cannot open the pipe " + path.string() + ": it is something else; remove it"};
}

// Not O_NONBLOCK: a daemon expects that its writes wait. The kernel gives the lowest free number,
// so the number tells how full the table is.
Result<NativeHandle> LinuxOutputPipes::open_writer(const std::filesystem::path& path) {
    auto writer = open_pipe(path, O_RDWR);
    if (!writer) return writer;
    const std::size_t limit = descriptor_limit();
    if (static_cast<std::size_t>(*writer) + descriptors_kept_free < limit) return writer;
    close(*writer);
    return Error{ErrorCode::internal,
                 "the manager may open no more than " + std::to_string(limit) +
                     " descriptors, needs one for each running daemon, and keeps " +
                     std::to_string(descriptors_kept_free) +
                     " for checks, clients and files; raise the hard limit (ulimit -Hn, or "
                     "LimitNOFILE= of its systemd unit)"};
}

Result<void> LinuxOutputPipes::hand_over(NativeHandle pipe) {
    Parcel parcel(fd_of(pipe));
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(handed_[1], &parcel.message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    const int number = errno;
    close(pipe);
    if (sent < 0) return output_error("cannot hand a pipe to the log capture", number);
    return {};
}

// Afterwards the thread's table holds the standard streams, kept_ and what own() names. A kernel or
// a sandbox that refuses leaves the table shared, which costs room, nothing else.
void LinuxOutputPipes::begin_serving() {
#ifdef __SANITIZE_THREAD__
    return;  // It knows one table per process and would take equal numbers for one descriptor.
#endif
    const auto ours = own();
    std::vector<int> kept(ours.begin(), ours.end());
    if (kept_ >= 0) kept.push_back(kept_);
    std::sort(kept.begin(), kept.end());
    const auto first = static_cast<unsigned>(kept.back()) + 1;
    if (::syscall(SYS_close_range, first, ~0U, close_range_unshare) != 0) return;
    unsigned next = STDERR_FILENO + 1;
    for (const int fd : kept) {
        const auto keep = static_cast<unsigned>(fd);
        if (keep > next) ::syscall(SYS_close_range, next, keep - 1, 0);
        next = keep + 1;
    }
}

NativeHandle LinuxOutputPipes::receive() {
    Parcel parcel(-1);
    ssize_t got = -1;
    do {
        got = ::recvmsg(handed_[0], &parcel.message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    return got == 1 ? NativeHandle{parcel.descriptor()} : no_handle;
}

Result<std::size_t> LinuxOutputPipes::peek(NativeHandle pipe, std::span<char> into) {
    const ssize_t copied =
        ::tee(fd_of(pipe), scratch_[1], std::min<std::size_t>(into.size(), busy_pipe_bytes),
              SPLICE_F_NONBLOCK);
    if (copied < 0 && errno != EAGAIN)
        return output_error("cannot read the output of a daemon", errno);
    std::size_t done = 0;
    while (copied > 0 && done < static_cast<std::size_t>(copied)) {
        const ssize_t n =
            ::read(scratch_[0], into.data() + done, static_cast<std::size_t>(copied) - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return output_error("cannot read the output of a daemon", errno);
        done += static_cast<std::size_t>(n);
    }
    return done;
}

Result<std::size_t> LinuxOutputPipes::move_to(NativeHandle pipe, OutputFile& file,
                                              std::uint64_t offset, std::size_t size) {
    auto position = static_cast<loff_t>(offset);
    for (;;) {
        const ssize_t n = ::splice(fd_of(pipe), nullptr, fd_of(file.handle()), &position, size,
                                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return std::size_t{0};
        if (errno == EINVAL) return copy_to(pipe, file, offset, size);
        return output_error("cannot write to a log file", errno);
    }
}

Result<std::size_t> LinuxOutputPipes::copy_to(NativeHandle pipe, OutputFile& file,
                                              std::uint64_t offset, std::size_t size) {
    buffer_.resize(busy_pipe_bytes);
    const auto count = peek(pipe, std::span(buffer_).first(std::min(size, buffer_.size())));
    if (!count || *count == 0) return count;
    if (auto written = file.write_at(offset, std::span(buffer_).first(*count)); !written) {
        return written.error();
    }
    return discard(pipe, *count);
}

std::size_t LinuxOutputPipes::discard(NativeHandle pipe, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n =
            ::splice(fd_of(pipe), nullptr, null_, nullptr, size - done, SPLICE_F_NONBLOCK);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

}  // namespace

Result<std::unique_ptr<OutputPipes>> make_output_pipes(NativeHandle kept, PipeHolder*) {
    auto pipes = std::make_unique<LinuxOutputPipes>(kept);
    if (auto prepared = pipes->prepare(); !prepared) return prepared.error();
    return std::unique_ptr<OutputPipes>(std::move(pipes));
}

}  // namespace syspulse::platform
