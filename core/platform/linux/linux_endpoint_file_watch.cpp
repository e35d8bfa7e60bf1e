// The kernel reports what happens to the file itself, so that nothing else in its directory wakes
// anybody up.
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <sys/inotify.h>
#include <unistd.h>

#include "platform/linux/unique_fd.hpp"
#include "platform/local_stream.hpp"

namespace syspulse::platform {

namespace asio = boost::asio;
using boost::system::error_code;

struct EndpointFileWatch::Native : std::enable_shared_from_this<Native> {
    Native(asio::io_context& context, UniqueFd fd, std::function<void()> touched)
        : notes(context, fd.release()), tell(std::move(touched)) {}

    void wait() {
        notes.async_wait(asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](error_code error) {
                             if (!error && self->tell) self->came();
                         });
    }
    void came() {
        char dropped[4096];
        while (::read(notes.native_handle(), dropped, sizeof dropped) > 0) {
        }
        wait();
        const auto now = tell;  // Who is told may end the watch.
        now();
    }

    asio::posix::stream_descriptor notes;
    std::function<void()> tell;
};

EndpointFileWatch::EndpointFileWatch(asio::io_context& context, const std::string& path,
                                     std::function<void()> touched) {
    // The number of links is an attribute: a socket in use is not deleted with its last name.
    constexpr std::uint32_t removed_or_moved = IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
    UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd || ::inotify_add_watch(fd.get(), path.c_str(), removed_or_moved | IN_DONT_FOLLOW) < 0)
        return;
    native_ = std::make_shared<Native>(context, std::move(fd), std::move(touched));
    native_->wait();
}

EndpointFileWatch::~EndpointFileWatch() {
    if (!native_) return;
    native_->tell = nullptr;
    error_code ignored;
    native_->notes.close(ignored);
}

}  // namespace syspulse::platform
