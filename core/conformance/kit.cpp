#include "conformance/kit.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "conformance/case.hpp"
#include "conformance/item.hpp"
#include "conformance/kit_system.hpp"
#include "platform/clock.hpp"
#include "platform/file_trust.hpp"
#include "platform/helper_process.hpp"
#include "platform/orphan_reaper.hpp"
#include "plugin_host/isolation/scan.hpp"

namespace syspulse::conformance {
namespace {

constexpr const char* program_name = "syspulse-plugin-check";
constexpr std::size_t case_arguments = 7;
constexpr std::size_t answer_max = 1UL << 20;
constexpr Duration scan_limit = std::chrono::seconds{10};
constexpr Duration case_limit = std::chrono::seconds{60};
constexpr Duration collect_limit = std::chrono::seconds{2};

Result<AuthorFile> read_author_file(const std::string& path) {
    if (path.empty()) return AuthorFile{};
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return Error{ErrorCode::not_found, "cannot read " + path};
    const std::string text{std::istreambuf_iterator<char>(stream),
                           std::istreambuf_iterator<char>()};
    return parse_author_file(path, text);
}

std::string_view to_text(Outcome outcome) {
    switch (outcome) {
        case Outcome::pass:
            return "pass";
        case Outcome::warn:
            return "warn";
        case Outcome::skip:
            return "skip";
        case Outcome::fail:
            return "fail";
    }
    return "fail";
}

// Runs one case in a process and says what became of it.
Finding run_case(const Item& item, const std::string& kind, const KitOptions& options,
                 const std::filesystem::path& plugin, const platform::Clock& clock) {
    Finding finding{std::string(item.id), kind, item.level, "crash", {}, 0};
    const Instant began = clock.now().mono;
    const auto helper = platform::start_helper(
        {}, {program_name, "case", finding.item, kind, plugin.string(),
             options.author_file ? options.author_file->string() : std::string(),
             std::to_string(options.deadline_scale)});
    if (!helper) {
        finding.message = helper.error().message;
        return finding;
    }
    const auto text = platform::read_to_end(helper->channel.get(), answer_max,
                                            case_limit * options.deadline_scale);
    const Duration collect = collect_limit * options.deadline_scale;
    if (!text || !platform::wait_for_exit(helper->process.get(), collect)) {
        platform::signal_process(helper->process.get(), kill_number);
        platform::wait_for_exit(helper->process.get(), collect);
    }
    const auto status = platform::collect_exit(helper->process.get());
    finding.seconds = std::chrono::duration<double>(clock.now().mono - began).count();
    if (!text) {
        finding.status = "hang";
        finding.message = text.error().message;
        return finding;
    }
    const auto answer = nlohmann::json::parse(*text, nullptr, false);
    if (answer.is_object()) {
        finding.status = answer.value("status", "fail");
        finding.message = answer.value("message", "");
    } else {
        finding.message =
            "the process ended with " + describe(status.value_or(ExitStatus::unknown()));
    }
    return finding;
}

std::vector<std::string> kinds_for(const Item& item, const plugin_host::PluginInfo& plugin) {
    if (item.subject == Subject::module) return {""};
    std::vector<std::string> kinds;
    for (const auto& kind : plugin.kinds) {
        const bool driver = kind.type == plugin_host::KindType::driver;
        if ((item.subject == Subject::driver && !driver) ||
            (item.subject == Subject::checker && driver)) {
            continue;
        }
        kinds.push_back((driver ? "driver " : "checker ") + kind.name);
    }
    return kinds;
}

}  // namespace

Result<void> run_kit(const KitOptions& options, const std::function<void(const Finding&)>& found) {
    const auto plugin = platform::trusted_file(options.plugin);
    if (!plugin) return plugin.error();
    const auto author =
        read_author_file(options.author_file ? options.author_file->string() : std::string());
    if (!author) return author.error();
    for (const std::string& id : options.only) {
        if (find_item(id) == nullptr) return Error{ErrorCode::not_found, "there is no item " + id};
    }
    static_cast<void>(platform::become_subreaper());
    const auto clock = platform::make_system_clock();
    // What cannot be looked at has no kinds; items about the file tell why.
    const auto scanned =
        plugin_host::scan_files({}, {*plugin}, {}, scan_limit * options.deadline_scale);
    const plugin_host::PluginInfo info =
        scanned.front() ? *scanned.front() : plugin_host::PluginInfo{};
    for (const Item& item : items()) {
        const bool wanted = options.only.empty()
                                ? item.level <= options.level
                                : std::find(options.only.begin(), options.only.end(), item.id) !=
                                      options.only.end();
        if (!wanted) continue;
        // An item is not passed over in silence because of what another one finds.
        if (item.subject != Subject::module && !scanned.front()) {
            found({std::string(item.id), "", item.level, "skip",
                   "the kinds are not known: " + scanned.front().error().message, 0});
        }
        for (const std::string& kind : kinds_for(item, info)) {
            if (const AuthorKind* const said = author->find(kind)) {
                const auto reason = said->skip.find(std::string(item.id));
                if (reason != said->skip.end()) {
                    found({std::string(item.id), kind, item.level, "skip", reason->second, 0});
                    continue;
                }
            }
            found(run_case(item, kind, options, *plugin, *clock));
        }
    }
    return {};
}

std::optional<std::string> explain(std::string_view id) {
    const Item* const item = find_item(id);
    if (item == nullptr) return std::nullopt;
    constexpr std::array subjects{"the file", "every driver and checker", "every checker",
                                  "every driver"};
    return std::string(item->id) + " (level " + std::to_string(item->level) + ", " +
           subjects[static_cast<std::size_t>(item->subject)] + "): " + std::string(item->text);
}

bool is_kit_case(const std::vector<std::string>& arguments) {
    return !arguments.empty() && arguments.front() == program_name;
}

int run_kit_case(const std::vector<std::string>& arguments) {
    if (arguments.size() != case_arguments || arguments[1] != "case") return 2;
    const platform::OwnedHandle channel = platform::helper_channel();
    platform::end_with_parent();
    const Item* const item = find_item(arguments[2]);
    auto author = read_author_file(arguments[5]);
    int scale = 0;
    const std::string& text = arguments[6];
    std::from_chars(text.data(), text.data() + text.size(), scale);
    if (item == nullptr || !author || scale < 1) return 2;
    // What a manager would warn of, such as the process that an item kills, is what is looked for.
    log::set_level(log::Level::off);
    measure_small_pages();
    Case the_case(arguments[4], arguments[3], *std::move(author), scale);
    Verdict verdict = item->run(the_case);
    const nlohmann::json answer{{"status", to_text(verdict.outcome)}, {"message", verdict.message}};
    static_cast<void>(platform::write_all(
        channel.get(), answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
        case_limit));
    // The plugin's exit handlers and threads are no part of the case.
    platform::end_process(0);
}

}  // namespace syspulse::conformance
