#include <filesystem>

#include "api/server.hpp"
#include "keeper/keeper.hpp"
#include "manager/keeping.hpp"
#include "platform/data_dir.hpp"
#include "platform/this_process.hpp"

namespace syspulse::manager {

// The manager becomes the keeper's child.
Outcome keep(const DaemonOptions& options) {
    const auto flag = options.data_dir ? std::optional(options.data_dir->string()) : std::nullopt;
    auto paths = platform::resolve_data_dir(flag, platform::process_environment());
    if (!paths) return Refusal{paths.error()};
    auto directory = platform::DataDirectory::open(*paths);
    if (!directory) return Refusal{directory.error()};
    const std::string socket =
        std::filesystem::absolute(options.socket.value_or(paths->socket())).string();
    auto address = platform::SocketAddressPath::of(socket);
    if (!address) return Refusal{address.error()};
    auto listener = api::listen_at(address->text());
    if (!listener)
        return Refusal{listener.error().with("cannot open the control endpoint " + socket)};
    return Refusal{keeper::run_under_keeper(directory->lock_handle(), *listener, socket)};
}

// A package manager may have put a new file in its place.
std::string started_from() {
    constexpr std::string_view replaced = " (deleted)";
    std::string name = platform::program_path().string();
    if (name.ends_with(replaced)) name.resize(name.size() - replaced.size());
    return name;
}

Result<void> is_program(const std::filesystem::path& file) {
    std::error_code ignored;
    const auto rights = std::filesystem::status(file, ignored).permissions();
    if ((rights & std::filesystem::perms::owner_exec) != std::filesystem::perms::none) return {};
    return Error{ErrorCode::invalid_argument, "it is not executable"};
}

// It holds the program open, whatever becomes of its name.
Result<void> has_way_back(std::uint64_t) {
    return {};
}

const char* cost_of_no_keeper() {
    return nullptr;
}

}  // namespace syspulse::manager
