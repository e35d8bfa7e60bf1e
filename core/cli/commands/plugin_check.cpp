#include "cli/commands/plugin_check.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

using conformance::Finding;

constexpr std::uint64_t default_level = 3;
constexpr std::array<std::string_view, 6> statuses{"pass", "warn", "skip", "fail", "crash", "hang"};

Color color_of(const Finding& finding) {
    if (finding.bad()) {
        return Color::red;
    }
    return finding.status == "warn" ? Color::yellow : Color::green;
}

std::string json_of(const Finding& finding) {
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.3f", finding.seconds);
    return "{\"item\":" + json_string(finding.item) +
           ",\"kind\":" + (finding.kind.empty() ? "null" : json_string(finding.kind)) +
           ",\"level\":" + std::to_string(finding.level) +
           ",\"status\":" + json_string(finding.status) +
           ",\"message\":" + json_string(finding.message) + ",\"seconds\":" + seconds.data() + "}";
}

std::string summary_json(const std::vector<Finding>& findings) {
    std::string text = "{";
    for (const std::string_view status : statuses) {
        const auto count =
            std::count_if(findings.begin(), findings.end(),
                          [&](const Finding& finding) { return finding.status == status; });
        text += (text.size() == 1 ? "" : ",") + json_string(status) + ":" + std::to_string(count);
    }
    return text + "}";
}

std::string summary_text(const std::vector<Finding>& findings) {
    std::string text;
    for (const std::string_view status : statuses) {
        const auto count =
            std::count_if(findings.begin(), findings.end(),
                          [&](const Finding& finding) { return finding.status == status; });
        if (count > 0) {
            text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(status);
        }
    }
    return text;
}

void show(Context& context, const Finding& finding, const std::string& items) {
    std::string status = finding.status;
    status.resize(6, ' ');
    context.out << items << "  " << colored(context, color_of(finding), status)
                << (finding.kind.empty() ? "" : finding.kind)
                << (finding.message.empty() ? "" : (finding.kind.empty() ? "" : ": "))
                << printable(finding.message) << '\n'
                << std::flush;
}

// "H04-H07, H09, H10": those with numbers in a row as one, if there are three or more of them.
std::string folded(const std::vector<std::string>& items) {
    const auto follows = [](const std::string& a, const std::string& b) {
        const auto number = [](const std::string& id) { return std::atoi(id.c_str() + 1); };
        return a[0] == b[0] && number(b) == number(a) + 1;
    };
    std::string text;
    for (std::size_t first = 0, last = 0; first < items.size(); first = ++last) {
        while (last + 1 < items.size() && follows(items[last], items[last + 1])) ++last;
        if (last < first + 2) last = first;
        text += (first == 0 ? "" : ", ") + items[first] + (last > first ? "-" + items[last] : "");
    }
    return items.size() < 3 ? text : text + " (" + std::to_string(items.size()) + " items)";
}

// What was not looked at stands together at the end, a line for each reason.
void show_skipped(Context& context, const std::vector<Finding>& findings) {
    std::vector<std::pair<const Finding*, std::vector<std::string>>> reasons;
    for (const Finding& finding : findings) {
        if (finding.status != "skip") continue;
        auto same = std::find_if(reasons.begin(), reasons.end(), [&](const auto& known) {
            return known.first->kind == finding.kind && known.first->message == finding.message;
        });
        if (same == reasons.end()) same = reasons.insert(same, {&finding, {}});
        same->second.push_back(finding.item);
    }
    for (const auto& [finding, items] : reasons) show(context, *finding, folded(items));
}

// Items are called in capitals; everybody knows what is meant by others.
std::string upper(std::string item) {
    for (char& letter : item) {
        if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    }
    return item;
}

ExitCode explain(Context& context, const std::string& item) {
    const auto text = context.explain_item(item);
    if (!text) {
        return report(context, failure_of(text.error()));
    }
    if (context.json()) {
        context.out << "{\"item\":" << json_string(item) << ",\"text\":" << json_string(*text)
                    << "}\n"
                    << std::flush;
        return ExitCode::done;
    }
    context.out << *text << '\n' << std::flush;
    return ExitCode::done;
}

}  // namespace

ExitCode run_plugin_check(Context& context, const Arguments& arguments) {
    if (const auto item = arguments.text("explain")) {
        return explain(context, upper(*item));
    }
    conformance::KitOptions options;
    options.plugin = arguments.positionals[1];
    if (const auto file = arguments.text("config")) {
        options.author_file = *file;
    }
    options.level = static_cast<int>(arguments.count("level").value_or(default_level));
    for (const std::string& item : arguments.all("only")) options.only.push_back(upper(item));
    options.deadline_scale = static_cast<int>(arguments.count("deadline-scale").value_or(1));
    const bool json = context.json() || arguments.has("json");
    std::vector<Finding> findings;
    const auto ran = context.check_plugin(options, [&](const Finding& finding) {
        findings.push_back(finding);
        if (!json && finding.status != "skip") {
            show(context, finding, finding.item);
        }
    });
    if (!ran) {
        return report(context, not_of_a_daemon(failure_of(ran.error())));
    }
    if (json) {
        std::vector<std::string> items;
        std::transform(findings.begin(), findings.end(), std::back_inserter(items), json_of);
        context.out << "{\"plugin\":" << json_string(options.plugin.string())
                    << ",\"level\":" << options.level << ",\"items\":" << json_array(items)
                    << ",\"summary\":" << summary_json(findings) << "}\n";
    } else {
        show_skipped(context, findings);
        context.out << summary_text(findings) << '\n';
    }
    context.out << std::flush;
    const bool bad = std::any_of(findings.begin(), findings.end(),
                                 [](const Finding& finding) { return finding.bad(); });
    if (bad && json) {
        return report(context, {ExitCode::failed, 500, "violated",
                                "the plugin violates the rules of the ABI; see the items"});
    }
    return bad ? ExitCode::failed : ExitCode::done;
}

}  // namespace syspulse::cli
