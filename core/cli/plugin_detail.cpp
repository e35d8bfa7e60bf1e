#include "cli/plugin_detail.hpp"

#include "cli/detail_lines.hpp"

namespace syspulse::cli {
namespace {

// Empty for a plugin inside of the manager, or where no manager runs. What is over is told as such.
std::string process_of_plugin(const Json& host, WallTime now) {
    if (!host.is_object()) return "";
    std::string line = text(host, "state");
    if (has_number(host, "pid")) line += ", pid " + member(host, "pid").dump();
    const auto count = static_cast<std::int64_t>(number(host, "restarts"));
    if (count > 0) line += ", " + times_replaced(count);
    const std::string error = text(host, "last_error");
    if (error.empty()) return line;
    if (text(host, "state") != "running") return line + "; last error: " + error;
    const auto at = parse_rfc3339(text(host, "last_error_at"));
    const std::string ago = at && *at <= now ? " " + format_duration(now - *at) + " ago" : "";
    return line + (count > 1 ? ", last" + ago : ago) + ": " + error;
}

std::string culprits_of(const Json& host) {
    std::string line;
    for (const Json& culprit : member(host, "culprits")) {
        line.append(line.empty() ? "" : "; ").append(text(culprit, "daemon"));
        line += " (" + text(culprit, "error") + ")";
    }
    return line;
}

// "method (string, default "GET"): what it is".
std::vector<std::string> options_of(const Json& schema) {
    std::vector<std::string> told;
    const Json& options = member(schema, "properties");
    if (!options.is_object()) {
        return told;
    }
    for (const auto& [name, option] : options.items()) {
        const Json& value = member(option, "default");
        const bool shown = !value.is_null() && value != "";
        const std::string what = text(option, "description");
        told.push_back(name + " (" + text(option, "type") +
                       (shown ? ", default " + value.dump() : "") + ")" +
                       (what.empty() ? "" : ": " + what));
    }
    return told;
}

}  // namespace

std::string times_replaced(std::int64_t count) {
    return count == 1 ? "replaced once" : "replaced " + std::to_string(count) + " times";
}

std::vector<Field> describe_plugin(std::string_view plugin_text, WallTime now) {
    const Json plugin = object_of(plugin_text);
    Lines lines;
    for (const char* key : {"name", "version", "vendor", "state", "error", "path", "isolation"}) {
        lines.add(key, text(plugin, key));
    }
    lines.add("process", process_of_plugin(member(plugin, "host"), now));
    lines.add("ended by the checks of", culprits_of(member(plugin, "host")));
    if (member(plugin, "file_changed") == true) {
        lines.add("file changed", "since it was loaded; syspulse plugin reload takes the new one");
    }
    for (const Json& kind :
         member(plugin, "kinds").is_array() ? member(plugin, "kinds") : Json::array()) {
        lines.add(text(kind, "kind") == "driver" ? "driver" : "checker",
                  text(kind, "name") +
                      (text(kind, "description").empty() ? "" : ": " + text(kind, "description")));
        lines.add("  limits", list(kind, "limits"));
        lines.add_all("  options", options_of(member(kind, "schema")));
    }
    return lines.take();
}

}  // namespace syspulse::cli
