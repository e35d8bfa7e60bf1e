#include "plugin_host/isolation/trial.hpp"

#include <algorithm>
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
#include "plugin_host/try_spawn.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr std::uint32_t tried_instance = 1;
constexpr std::uint64_t tried_operation = 1;
constexpr const char* failed_trial = "trying them in a process of its own failed";

// What the process said; nothing of what it ended before.
struct Answers {
    std::optional<CreatedMessage> created;
    std::optional<DoneMessage> tried;
};

Result<Answers> find_answers(std::string_view bytes) {
    FrameSplitter splitter;
    splitter.add(bytes, {});
    const Error unreadable{ErrorCode::corrupt, "its process gave an unreadable answer"};
    for (Answers answers;;) {
        auto frame = splitter.next();
        if (!frame) return frame.error();
        if (!*frame) return answers;
        const std::string& body = (*frame)->body;
        if ((*frame)->type == FrameType::failed) {
            const auto failed = decode<FailedMessage>(body);
            return Error{ErrorCode::unavailable,
                         failed ? safe_message(failed->message) : "it cannot be loaded"};
        }
        if ((*frame)->type == FrameType::created) {
            answers.created = decode<CreatedMessage>(body);
            if (!answers.created) return unreadable;
        }
        if ((*frame)->type == FrameType::done && (*frame)->id == tried_operation) {
            answers.tried = decode<DoneMessage>(body);
            if (!answers.tried) return unreadable;
        }
    }
}

std::string questions(const OptionTrial& trial) {
    const std::string farewell = FrameWriter(FrameType::goodbye, 0).take();
    if (!trial.driver) {
        const CreateCall create{tried_instance, false, trial.kind, trial.options_json};
        return encode(FrameType::create, 0, create) + farewell;
    }
    SpawnCall call;
    call.instance = tried_instance;
    call.config = trial.options_json;
    put_limits(trial.limits, call);
    return encode(FrameType::create, 0, CreateCall{tried_instance, true, trial.kind, {}}) +
           encode(FrameType::try_spawn, tried_operation, call) + farewell;
}

Result<bool> verdict(const OptionTrial& trial, const Answers& answers) {
    const std::string& refusal = answers.created->error;
    if (!trial.driver) {
        if (refusal.empty()) return true;
        return Error{ErrorCode::invalid_argument, safe_message(refusal)};
    }
    if (!refusal.empty()) return true;  // Its spawns will say why.
    if (answers.tried->error) {
        return Error{answers.tried->error->code, safe_message(answers.tried->error->message)};
    }
    const auto& offers = answers.created->extensions;
    return std::find(offers.begin(), offers.end(), SYSP_EXT_TRY) != offers.end();
}

}  // namespace

Result<bool> try_options(const OptionTrial& trial) {
    const auto file = platform::trusted_file(trial.file);
    if (!file) return file.error();
    const auto helper = platform::start_helper(trial.program, serve_arguments(*file, trial.policy));
    if (!helper) return helper.error();
    // What cannot be written any more is told by the process's end.
    static_cast<void>(
        platform::write_all(helper->channel.get(), questions(trial), trial.policy.watchdog));
    const auto text =
        platform::read_to_end(helper->channel.get(), frame_bytes_max, trial.policy.watchdog);
    const auto status = end_process(*helper, text.has_value());
    if (!text) return text.error().with(failed_trial);
    const auto answers = find_answers(*text);
    if (!answers) return answers.error().with(failed_trial);
    if (!answers->created || (trial.driver && !answers->tried)) {
        return Error{ErrorCode::unavailable, "they ended the process that tried them: " +
                                                 describe(status.value_or(ExitStatus::unknown()))};
    }
    return verdict(trial, *answers);
}

}  // namespace syspulse::plugin_host
