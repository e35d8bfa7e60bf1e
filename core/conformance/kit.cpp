#include "conformance/kit.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "config/spec_loader.hpp"
#include "config/suggest.hpp"
#include "conformance/case.hpp"
#include "conformance/item.hpp"
#include "conformance/kit_system.hpp"
#include "conformance/lost_manager.hpp"
#include "platform/clock.hpp"
#include "platform/file_trust.hpp"
#include "platform/helper_process.hpp"
#include "platform/orphan_reaper.hpp"
#include "plugin_host/isolation/scan.hpp"

namespace syspulse::conformance {
namespace {

constexpr const char* program_name = "syspulse-plugin-check";
// The program's name, what to do, with what, kind, plugin, author's file, scale of deadlines.
constexpr std::size_t case_arguments = 7;
constexpr std::string_view case_verb = "case";
constexpr std::size_t answer_max = 1UL << 20;
constexpr Duration scan_limit = std::chrono::seconds{10};
constexpr Duration case_limit = std::chrono::seconds{60};
constexpr Duration collect_limit = std::chrono::seconds{2};

Result<AuthorFile> read_author_file(const std::string& path) {
    if (path.empty()) return AuthorFile{};
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        const std::error_code cause(errno != 0 ? errno : EIO, std::generic_category());
        return Error{ErrorCode::invalid_argument, path + ": cannot read it: " + cause.message()};
    }
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

std::vector<std::string> words_for(std::string_view verb, const std::string& with,
                                   const std::string& kind, const std::filesystem::path& plugin,
                                   const std::string& author_file, int scale) {
    return {program_name, std::string(verb),    with, kind, plugin.string(),
            author_file,  std::to_string(scale)};
}

// Runs one case in a process and says what became of it.
Finding run_case(const Item& item, const std::string& kind, const KitOptions& options,
                 const std::filesystem::path& plugin, const platform::Clock& clock) {
    Finding finding{std::string(item.id), kind, item.level, "crash", {}, 0};
    const Instant began = clock.now().mono;
    const auto helper = platform::start_helper(
        {}, words_for(case_verb, finding.item, kind, plugin,
                      options.author_file ? options.author_file->string() : std::string(),
                      options.deadline_scale));
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

Error no_such_item(std::string_view id) {
    std::vector<std::string_view> ids;
    for (const Item& item : items()) ids.push_back(item.id);
    for (const LeftOut& item : left_out_items()) ids.push_back(item.id);
    return {ErrorCode::invalid_argument, "there is no item \"" + std::string(id) + "\"" +
                                             config::suggestion(id, ids) +
                                             "; docs/plugin-conformance.md lists them"};
}

bool is_known(std::string_view id) {
    return find_item(id) != nullptr || find_left_out(id) != nullptr;
}

Error misplaced(const KitOptions& options, const config::Position& where,
                const std::string& message) {
    return {ErrorCode::invalid_argument, config::format_error({options.author_file->string(),
                                                               where.line, where.column, message})};
}

// The items that the user and the author name.
Result<void> all_known(const AuthorFile& author, const KitOptions& options) {
    for (const std::string& id : options.only) {
        if (!is_known(id)) return no_such_item(id);
    }
    for (const auto& [kind, said] : author.kinds) {
        for (const auto& [id, where] : said.skip_places) {
            if (!is_known(id)) return misplaced(options, where, no_such_item(id).message);
        }
    }
    return {};
}

// What is said of a kind that there is not would be of no effect.
Result<void> kinds_exist(const AuthorFile& author, const plugin_host::PluginInfo& plugin,
                         const KitOptions& options) {
    std::vector<std::string> names;
    for (const auto& kind : plugin.kinds) {
        names.push_back(kind.name);
        const bool driver = kind.type == plugin_host::KindType::driver;
        names.push_back((driver ? "driver " : "checker ") + kind.name);
    }
    const std::vector<std::string_view> known(names.begin(), names.end());
    for (const auto& [kind, said] : author.kinds) {
        if (std::find(names.begin(), names.end(), kind) != names.end()) continue;
        return misplaced(
            options, said.where,
            "the plugin has no kind \"" + kind + "\"" + config::suggestion(kind, known, "it has"));
    }
    return {};
}

template <class AnyItem>
bool is_wanted(const AnyItem& item, const KitOptions& options) {
    if (options.only.empty()) return item.level <= options.level;
    return std::find(options.only.begin(), options.only.end(), item.id) != options.only.end();
}

// What the kit does not look at is said, so that nobody takes silence for a proof.
void tell_left_out(const KitOptions& options, const std::function<void(const Finding&)>& found) {
    for (const LeftOut& item : left_out_items()) {
        if (!is_wanted(item, options)) continue;
        found({std::string(item.id), "", item.level, "skip", "left out: " + std::string(item.why),
               0});
    }
}

// The author's; null if the item is to be run.
const std::string* reason_to_skip(const AuthorFile& author, const std::string& kind,
                                  const Item& item) {
    const AuthorKind* const said = author.find(kind);
    if (said == nullptr) return nullptr;
    const auto reason = said->skip.find(std::string(item.id));
    return reason == said->skip.end() ? nullptr : &reason->second;
}

}  // namespace

Result<void> run_kit(const KitOptions& options, const std::function<void(const Finding&)>& found) {
    const auto plugin = platform::trusted_file(options.plugin);
    if (!plugin) {
        // That there is no plugin at this place is no mistake in the command line.
        Error error = plugin.error();
        if (error.code == ErrorCode::invalid_argument) error.code = ErrorCode::failed;
        return error;
    }
    const auto author =
        read_author_file(options.author_file ? options.author_file->string() : std::string());
    if (!author) return author.error();
    if (const auto known = all_known(*author, options); !known) return known.error();
    static_cast<void>(platform::become_subreaper());
    const auto clock = platform::make_system_clock();
    // What cannot be looked at has no kinds; items about the file tell why.
    const auto scanned =
        plugin_host::scan_files({}, {*plugin}, {}, scan_limit * options.deadline_scale);
    const plugin_host::PluginInfo info =
        scanned.front() ? *scanned.front() : plugin_host::PluginInfo{};
    if (scanned.front()) {
        if (const auto fits = kinds_exist(*author, info, options); !fits) return fits.error();
    }
    for (const Item& item : items()) {
        if (!is_wanted(item, options)) continue;
        // An item is not passed over in silence because of what another one finds.
        if (item.subject != Subject::module && !scanned.front()) {
            found({std::string(item.id), "", item.level, "skip",
                   "the kinds are not known: " + scanned.front().error().message, 0});
            continue;
        }
        const auto kinds = kinds_for(item, info);
        // Who asks for an item by its name hears of it.
        if (kinds.empty() && !options.only.empty()) {
            found({std::string(item.id), "", item.level, "skip",
                   "does not apply: the file has no " +
                       std::string(item.subject == Subject::driver ? "driver" : "checker"),
                   0});
        }
        for (const std::string& kind : kinds) {
            const std::string* const reason = reason_to_skip(*author, kind, item);
            found(reason == nullptr
                      ? run_case(item, kind, options, *plugin, *clock)
                      : Finding{std::string(item.id), kind, item.level, "skip", *reason, 0});
        }
    }
    tell_left_out(options, found);
    return {};
}

Result<std::string> explain(std::string_view id) {
    constexpr std::array subjects{"the file", "every driver and checker", "every checker",
                                  "every driver"};
    const auto headed = [id](int level, std::string_view subject, std::string_view text) {
        return std::string(id) + " (level " + std::to_string(level) + ", " + std::string(subject) +
               "): " + std::string(text);
    };
    if (const Item* const item = find_item(id))
        return headed(item->level, subjects[static_cast<std::size_t>(item->subject)], item->text);
    if (const LeftOut* const item = find_left_out(id))
        return headed(item->level, "left out", item->text) +
               ". Not looked at: " + std::string(item->why);
    return no_such_item(id);
}

bool is_kit_case(const std::vector<std::string>& arguments) {
    return !arguments.empty() && arguments.front() == program_name;
}

std::vector<std::string> lost_manager_words(const Case& c, const std::filesystem::path& folder) {
    return words_for(lost_manager_verb, folder.string(), c.kind_name(), c.file(), c.author_path(),
                     c.deadline_scale());
}

int run_kit_case(const std::vector<std::string>& arguments) {
    if (arguments.size() != case_arguments) return 2;
    const platform::OwnedHandle channel = platform::helper_channel();
    platform::end_with_parent();
    const Item* const item = find_item(arguments[2]);
    const bool is_manager = arguments[1] == lost_manager_verb;
    auto author = read_author_file(arguments[5]);
    int scale = 0;
    const std::string& text = arguments[6];
    std::from_chars(text.data(), text.data() + text.size(), scale);
    const bool is_case = arguments[1] == case_verb && item != nullptr;
    if (is_case == is_manager || !author || scale < 1) return 2;
    // What a manager would warn of, such as the process that an item kills, is what is looked for.
    log::set_level(log::Level::off);
    measure_small_pages();
    Case the_case(arguments[4], arguments[3], *std::move(author), scale);
    if (is_manager) be_the_lost_manager(the_case, arguments[2], channel);
    Verdict verdict = item->run(the_case);
    const nlohmann::json answer{{"status", to_text(verdict.outcome)}, {"message", verdict.message}};
    static_cast<void>(platform::write_all(
        channel.get(), answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
        case_limit));
    // The plugin's exit handlers and threads are no part of the case.
    platform::end_process(0);
}

}  // namespace syspulse::conformance
