#include "plugin_host/isolation/scan.hpp"

#include <utility>

#include "base/exit_status.hpp"
#include "base/signals.hpp"
#include "platform/helper_process.hpp"
#include "plugin_host/isolation/descriptor_text.hpp"
#include "plugin_host/isolation/host_arguments.hpp"
#include "plugin_host/isolation/messages.hpp"
#include "plugin_host/plugin_text.hpp"

namespace syspulse::plugin_host {
namespace {

Result<PluginInfo> read_answer(std::string_view bytes, const SchemaCheck& schema_check) {
    FrameSplitter splitter;
    splitter.add(bytes, {});
    auto frame = splitter.next();
    if (!frame) return frame.error();
    const Error unreadable{ErrorCode::corrupt, "its descriptor cannot be read"};
    if (!*frame) return unreadable;
    if ((*frame)->type == FrameType::failed) {
        const auto failed = decode<FailedMessage>((*frame)->body);
        return failed ? Error{ErrorCode::invalid_argument, safe_message(failed->message)}
                      : unreadable;
    }
    const auto hello = decode<HelloMessage>((*frame)->body);
    if ((*frame)->type != FrameType::hello || !hello) return unreadable;
    return parse_descriptor(hello->descriptor, schema_check);
}

// Reads what the process has to say and ends it in any case.
Result<PluginInfo> collect(const platform::HelperProcess& helper, const SchemaCheck& schema_check,
                           Duration limit) {
    const auto text = platform::read_to_end(helper.channel.get(), frame_bytes_max, limit);
    const auto status = end_process(helper, text.has_value());
    if (!text) return text.error().with("loading it for a look failed");
    if (text->empty()) {
        return Error{ErrorCode::unavailable, "loading it ended the process that did it: " +
                                                 describe(status.value_or(ExitStatus::unknown()))};
    }
    return read_answer(*text, schema_check);
}

}  // namespace

std::optional<ExitStatus> end_process(const platform::HelperProcess& helper, bool by_itself) {
    constexpr Duration limit = std::chrono::seconds{1};
    if (!by_itself || !platform::wait_for_exit(helper.process.get(), limit)) {
        platform::signal_process(helper.process.get(), kill_number);
        platform::wait_for_exit(helper.process.get(), limit);
    }
    return platform::collect_exit(helper.process.get());
}

std::vector<Result<PluginInfo>> scan_files(const std::filesystem::path& program,
                                           const std::vector<std::filesystem::path>& files,
                                           const SchemaCheck& schema_check, Duration limit) {
    std::vector<Result<platform::HelperProcess>> helpers;
    helpers.reserve(files.size());
    for (const auto& file : files) {
        helpers.push_back(platform::start_helper(program, scan_arguments(file)));
    }
    std::vector<Result<PluginInfo>> results;
    results.reserve(files.size());
    for (const auto& helper : helpers) {
        results.push_back(helper ? collect(*helper, schema_check, limit)
                                 : Result<PluginInfo>(helper.error()));
    }
    return results;
}

}  // namespace syspulse::plugin_host
