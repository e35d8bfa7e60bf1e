#include "platform/system_words.hpp"

namespace syspulse::platform {

const SystemWords& system_words() {
    static const SystemWords words{
        .default_driver = "posix",
        .shell = R"([sh, -c, "..."])",
        .list_separator = ':',
        .default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        .inherited_variables = {"LANG", "LC_ALL", "LC_CTYPE", "LANGUAGE", "TZ"},
        .user_refusal = {},
        .stop_signals = {},
        .signal_examples = "HUP or SIGUSR1",
        .drivers_elsewhere =
            {{"job",
              "the driver job needs Windows; use cgroup to confine a daemon with all that it "
              "starts, or posix"}},
        .exit_code_most = 255,
        .windows_files = false};
    return words;
}

std::vector<std::pair<std::string, std::string>> account_variables(const UserAccount& account) {
    return {{"HOME", account.home},
            {"USER", account.name},
            {"LOGNAME", account.name},
            {"SHELL", account.shell}};
}

}  // namespace syspulse::platform
