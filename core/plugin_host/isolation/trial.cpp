#include "plugin_host/isolation/trial.hpp"

#include <optional>
#include <utility>

#include "base/exit_status.hpp"
#include "base/signals.hpp"
#include "platform/file_trust.hpp"
#include "platform/helper_process.hpp"
#include "plugin_host/isolation/host_arguments.hpp"
#include "plugin_host/isolation/messages.hpp"
#include "plugin_host/isolation/scan.hpp"
#include "plugin_host/plugin_text.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr std::uint32_t tried_instance = 1;

// What the process said of the instance; nothing when it ended before it could.
Result<std::optional<CreatedMessage>> find_answer(std::string_view bytes) {
    FrameSplitter splitter;
    splitter.add(bytes, {});
    for (;;) {
        auto frame = splitter.next();
        if (!frame) return frame.error();
        if (!*frame) return std::optional<CreatedMessage>();
        if ((*frame)->type == FrameType::failed) {
            const auto failed = decode<FailedMessage>((*frame)->body);
            return Error{ErrorCode::unavailable,
                         failed ? safe_message(failed->message) : "it cannot be loaded"};
        }
        if ((*frame)->type != FrameType::created) continue;
        auto created = decode<CreatedMessage>((*frame)->body);
        if (!created) return Error{ErrorCode::corrupt, "its process gave an unreadable answer"};
        return created;
    }
}

}  // namespace

Result<void> try_options(const OptionTrial& trial) {
    const auto file = platform::trusted_file(trial.file);
    if (!file) return file.error();
    const auto helper = platform::start_helper(trial.program, serve_arguments(*file, trial.policy));
    if (!helper) return helper.error();
    const CreateCall call{tried_instance, false, trial.checker, trial.options_json};
    // What cannot be written any more is told by the process's end.
    const std::string asked =
        encode(FrameType::create, 0, call) + FrameWriter(FrameType::goodbye, 0).take();
    static_cast<void>(platform::write_all(helper->channel.get(), asked, trial.policy.watchdog));
    const auto text =
        platform::read_to_end(helper->channel.get(), frame_bytes_max, trial.policy.watchdog);
    const auto status = end_process(*helper, text.has_value());
    if (!text) return text.error().with("trying them in a process of its own failed");
    const auto answer = find_answer(*text);
    if (!answer) return answer.error().with("trying them in a process of its own failed");
    if (!*answer) {
        return Error{ErrorCode::unavailable, "they ended the process that tried them: " +
                                                 describe(status.value_or(ExitStatus::unknown()))};
    }
    if ((*answer)->error.empty()) return {};
    return Error{ErrorCode::invalid_argument, safe_message((*answer)->error)};
}

}  // namespace syspulse::plugin_host
