// platform::OutputWatch on inotify. Log files are watched one by one: a watch on the directory
// would also report each write of the daemon into its FIFO.
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/linux_output_error.hpp"
#include "platform/output_watch.hpp"

namespace syspulse::platform {
namespace {

class LinuxOutputWatch final : public OutputWatch {
  public:
    explicit LinuxOutputWatch(int fd) : fd_(fd) {}
    LinuxOutputWatch(const LinuxOutputWatch&) = delete;
    LinuxOutputWatch& operator=(const LinuxOutputWatch&) = delete;
    ~LinuxOutputWatch() override { ::close(fd_); }

    NativeHandle handle() const override { return fd_; }

    Result<void> add_directory(const std::filesystem::path& path) override {
        return add(path, IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR);
    }
    Result<void> add_file(const std::filesystem::path& path) override {
        return add(path, IN_MODIFY);
    }

    void drain() override {
        alignas(inotify_event) char buffer[4096];
        while (::read(fd_, buffer, sizeof buffer) > 0) {
        }
    }

  private:
    Result<void> add(const std::filesystem::path& path, std::uint32_t mask) {
        if (::inotify_add_watch(fd_, path.c_str(), mask) >= 0) return {};
        return output_error("cannot follow " + path.string(), errno);
    }

    int fd_;
};

}  // namespace

Result<std::unique_ptr<OutputWatch>> make_output_watch() {
    const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) return output_error("cannot follow log files", errno);
    return std::unique_ptr<OutputWatch>(std::make_unique<LinuxOutputWatch>(fd));
}

}  // namespace syspulse::platform
