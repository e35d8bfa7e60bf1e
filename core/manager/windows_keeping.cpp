#include <filesystem>
#include <string>
#include <utility>

#include "base/path_text.hpp"
#include "keeper/windows_keeper.hpp"
#include "manager/keeping.hpp"
#include "platform/data_dir.hpp"
#include "platform/file_trust.hpp"
#include "platform/this_process.hpp"
#include "platform/windows/own_process.hpp"
#include "platform/windows/windows_service.hpp"

namespace syspulse::manager {
namespace {

using platform::handle_of;
using platform::UniqueHandle;

// With the same command line.
Result<HANDLE> start_manager(HANDLE job, const std::vector<HANDLE>& handles,
                             const std::string& program) {
    auto started = platform::start_own_process(
        {program.empty() ? platform::program_path() : path_from_utf8(program),
         ::GetCommandLineW(),
         {::GetStdHandle(STD_INPUT_HANDLE), ::GetStdHandle(STD_OUTPUT_HANDLE),
          ::GetStdHandle(STD_ERROR_HANDLE)},
         handles,
         job,
         {},
         true},
        "cannot start the manager");
    if (!started) return started.error();
    return started->process.release();
}

}  // namespace

// This process stays, and the manager is its child.
Outcome keep(const DaemonOptions& options) {
    const auto flag = options.data_dir ? std::optional(options.data_dir->string()) : std::nullopt;
    auto paths = platform::resolve_data_dir(flag, platform::process_environment());
    if (!paths) return Refusal{paths.error()};
    const auto directory = platform::DataDirectory::open(*paths);
    if (!directory) return Refusal{directory.error()};
    const auto job = platform::make_own_job();
    if (!job) return Refusal{job.error()};
    auto keeper =
        keeper::Keeper::make({handle_of(directory->lock_handle()),
                              [&](const std::vector<HANDLE>& handles, const std::string& program) {
                                  return start_manager(job->get(), handles, program);
                              },
                              platform::service_is_running, platform::service_is_stopping});
    if (!keeper) return Refusal{keeper.error()};
    const auto signals = platform::receive_signals([&](int number) { (*keeper)->pass_on(number); });
    if (!signals) return Refusal{signals.error()};
    return (*keeper)->run();
}

std::string started_from() {
    return platform::program_path().string();
}

// Windows would have cmd.exe run a file of commands, with the manager's command line.
Result<void> is_program(const std::filesystem::path& file) {
    const std::wstring name = file.extension().native();
    if (::CompareStringOrdinal(name.c_str(), -1, L".exe", -1, TRUE) == CSTR_EQUAL) return {};
    return Error{ErrorCode::invalid_argument,
                 "a program's name ends with .exe here; .bat and .cmd are files of commands"};
}

// A program is started by its name, which another file may have by now.
Result<void> has_way_back(std::uint64_t stamp) {
    const std::filesystem::path program = platform::program_path();
    if (platform::file_stamp(program) == stamp) return {};
    return Error{ErrorCode::invalid_state,
                 program.string() +
                     " is not the file any more that this manager runs, so that there would be no "
                     "way back to it; put that one back under its name, the new one under another, "
                     "and run syspulse upgrade with that"};
}

const char* cost_of_no_keeper() {
    return "without a keeper, when the manager dies, what daemons write is lost until they are "
           "restarted, how daemons end while no manager runs is not known, and neither are "
           "afterwards the processes that they had started";
}

}  // namespace syspulse::manager
