// Processes of our own program that run what the manager does not trust, and how the manager keeps
// hold of processes that another one started.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/exit_status.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "platform/event_loop.hpp"
#include "platform/owned_handle.hpp"

namespace syspulse::platform {

struct HelperProcess {
    std::int64_t pid = 0;
    OwnedHandle process;  // Becomes readable when it ends.
    OwnedHandle channel;  // Our end; the helper has its own, see helper_channel().
};

// Runs `program` with `arguments` in a session of its own: standard input is empty, standard output
// and error are our standard error, nothing else is inherited but the channel. An empty `program`
// is the running one, even when its file was replaced meanwhile.
Result<HelperProcess> start_helper(const std::filesystem::path& program,
                                   const std::vector<std::string>& arguments);

// In a helper: its end of the channel. To be taken once.
OwnedHandle helper_channel();

// In a helper: ends together with the process that started it.
void end_with_parent();

// In a helper: becomes this user and group; names or numbers, empty to stay. Needs root.
Result<void> become(const std::string& user, const std::string& group);

// In a helper: soft limits on its own memory (private and writable) and descriptors. They are
// lifted while it starts processes, which would inherit them.
class OwnLimits {
  public:
    OwnLimits(std::optional<std::uint64_t> memory_bytes, std::optional<std::uint64_t> open_files);
    void lift();
    void restore();

  private:
    void apply(bool lifted);

    std::optional<std::uint64_t> memory_;
    std::optional<std::uint64_t> files_;
    std::uint64_t former_memory_ = 0;
    std::uint64_t former_files_ = 0;
    int depth_ = 0;
};

// A handle that names this very process and never another one with its number; it becomes readable
// when the process ends.
Result<OwnedHandle> open_process(std::int64_t pid);

// How the process ended, as far as this process can know: it is our child (then it is collected
// here), or the kernel keeps the status. Nothing if it lives or nobody can tell.
std::optional<ExitStatus> collect_exit(NativeHandle process);

// False when the process has ended already or must not be signalled.
bool signal_process(NativeHandle process, std::int32_t number);

// Blocks until the process has ended or `limit` has passed; false in the latter case.
bool wait_for_exit(NativeHandle process, Duration limit);

// Reads until the other side closes, blocking for at most `limit`; fails beyond `bytes_max`.
Result<std::string> read_to_end(NativeHandle channel, std::size_t bytes_max, Duration limit);

// Writes everything, blocking for at most `limit`.
Result<void> write_all(NativeHandle channel, std::string_view bytes, Duration limit);

// Ends this process at once, without exit handlers or destructors.
[[noreturn]] void end_process(int code);

}  // namespace syspulse::platform
