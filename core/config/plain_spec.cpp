#include "config/plain_spec.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/signals.hpp"
#include "config/field_reader.hpp"

namespace syspulse::config {
namespace {

// What the general reader allows at least; larger numbers are left to it.
constexpr std::int64_t count_max = 10'000;
constexpr std::int64_t bytes_max = std::int64_t{1} << 60;

// Goes through the text from front to back. Each function returns false, and leaves the place
// undefined, when something else stands there.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }
    bool take(std::string_view literal) {
        if (!rest_.starts_with(literal)) return false;
        rest_.remove_prefix(literal.size());
        return true;
    }
    // Without escapes.
    bool text(std::string& out) {
        if (!take("\"")) return false;
        const auto end = rest_.find('"');
        if (end == std::string_view::npos) return false;
        out = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return std::all_of(out.begin(), out.end(),
                           [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
    }
    bool number(std::int64_t& out, std::int64_t most) {
        const char* const begin = rest_.data();
        const auto [end, error] = std::from_chars(begin, begin + rest_.size(), out);
        const auto length = static_cast<std::size_t>(end - begin);
        const bool plain = error == std::errc{} && (length == 1 || *begin != '0');
        rest_.remove_prefix(length);
        return plain && out >= 0 && out <= most;
    }
    bool flag(bool& out) {
        out = take("true");
        return out || take("false");
    }
    bool seconds(Duration& out) {
        std::int64_t whole = 0;
        if (!number(whole, static_cast<std::int64_t>(seconds_max))) return false;
        out = std::chrono::seconds{whole};
        return true;
    }
    template <class Item>
    bool list(Item&& item) {
        if (!take("[")) return false;
        if (take("]")) return true;
        do {
            if (!item()) return false;
        } while (take(","));
        return take("]");
    }

  private:
    std::string_view rest_;
};

bool read_texts(Scanner& scan, std::vector<std::string>& out) {
    return scan.list([&] { return scan.text(out.emplace_back()); });
}

bool read_unique_names(Scanner& scan, RareList<std::string>& out) {
    return scan.list([&] {
        std::string text;
        if (!scan.text(text) || text.empty()) return false;
        if (std::find(out.begin(), out.end(), text) != out.end()) return false;
        out.push_back(std::move(text));
        return true;
    });
}

bool read_environment(Scanner& scan, model::DaemonSpec& spec) {
    if (!scan.take("{")) return false;
    do {
        std::string name;
        std::string value;
        if (!scan.text(name) || !scan.take(":") || !scan.text(value)) return false;
        const bool known =
            std::any_of(spec.env.begin(), spec.env.end(),
                        [&name](const auto& variable) { return variable.first == name; });
        if (known || name.empty() || name.find('=') != std::string::npos) return false;
        spec.env.push_back({std::move(name), std::move(value)});
    } while (scan.take(","));
    return scan.take("}");
}

bool read_policy(Scanner& scan, model::RestartPolicy& policy) {
    using Kind = model::RestartPolicy::Kind;
    std::string word;
    if (!scan.take(R"("restart_policy":{"policy":)") || !scan.text(word)) return false;
    bool known = false;
    for (const Kind kind : {Kind::never, Kind::always, Kind::on_failure}) {
        if (word != model::to_string(kind)) continue;
        policy.kind = kind;
        known = true;
    }
    std::int64_t retries = 0;
    if (scan.take(R"(,"max_retries":)")) {
        if (!scan.number(retries, count_max)) return false;
        policy.max_retries = static_cast<std::uint32_t>(retries);
    }
    return known && scan.take(R"(,"backoff_base_secs":)") && scan.seconds(policy.backoff_base) &&
           scan.take(R"(,"backoff_max_secs":)") && scan.seconds(policy.backoff_max) &&
           scan.take(R"(,"reset_after_secs":)") && scan.seconds(policy.reset_after) &&
           scan.take("},") && policy.backoff_base <= policy.backoff_max;
}

bool read_end(Scanner& scan, model::DaemonSpec& spec) {
    std::vector<std::uint32_t> codes;
    const auto code = [&] {
        std::int64_t value = 0;
        if (!scan.number(value, UINT32_MAX)) return false;
        codes.push_back(static_cast<std::uint32_t>(value));
        return true;
    };
    std::string signal;
    if (!scan.take(R"("success_exit_codes":)") || !scan.list(code) || codes.empty() ||
        !scan.take(R"(,"stop_signal":)") || !scan.text(signal))
        return false;
    spec.success_exit_codes = std::move(codes);
    const auto number = parse_signal(signal);
    spec.stop_signal = number.value_or(0);
    return number && scan.take(R"(,"stop_timeout_secs":)") && scan.seconds(spec.stop_timeout) &&
           scan.take(",");
}

bool read_log(Scanner& scan, model::LogConfig& log) {
    std::int64_t bytes = 0;
    std::int64_t count = 0;
    if (!scan.take(R"("log_config":{"max_size_bytes":)") || !scan.number(bytes, bytes_max) ||
        bytes == 0 || !scan.take(R"(,"retain_count":)") || !scan.number(count, count_max) ||
        !scan.take(R"(,"compress_rotated":)") || !scan.flag(log.compress_rotated) ||
        !scan.take(R"(,"timestamps":)") || !scan.flag(log.timestamps))
        return false;
    log.max_size_bytes = static_cast<std::uint64_t>(bytes);
    log.retain_count = static_cast<std::uint32_t>(count);
    if (scan.take(R"(,"on_full":"block")")) log.on_full = model::LogConfig::OnFull::block;
    if (scan.take(R"(,"capture":false)")) log.capture = false;
    return scan.take("},");
}

bool read_process(Scanner& scan, model::DaemonSpec& spec) {
    if (!scan.take(R"({"command":)") || !read_texts(scan, spec.command) || spec.command.empty() ||
        spec.command.front().empty())
        return false;
    std::string text;
    if (scan.take(R"(,"description":)")) {
        if (!scan.text(text)) return false;
        spec.description = text;
    }
    if (scan.take(R"(,"working_dir":)")) {
        if (!scan.text(text) || !text.starts_with('/')) return false;
        spec.working_dir = text;
    }
    if (scan.take(R"(,"env":)") && !read_environment(scan, spec)) return false;
    return scan.take(R"(,"driver":{"type":)") && scan.text(spec.driver.type) &&
           !spec.driver.type.empty() && scan.take(R"(,"with":{}},)");
}

}  // namespace

std::optional<model::DaemonSpec> read_plain_spec(std::string_view name, std::string_view json) {
    if (!model::is_valid_daemon_name(name)) return std::nullopt;
    model::DaemonSpec spec;
    spec.name = name;
    spec.driver.options_json = "{}";
    Scanner scan(json);
    if (!read_process(scan, spec) || !read_policy(scan, spec.restart) || !read_end(scan, spec) ||
        !read_log(scan, spec.log))
        return std::nullopt;
    if (scan.take(R"("tags":)")) {
        if (!read_unique_names(scan, spec.tags) || !scan.take(",")) return std::nullopt;
    }
    if (scan.take(R"("depends_on":)")) {
        if (!read_unique_names(scan, spec.depends_on) || !scan.take(",")) return std::nullopt;
        // A daemon that waits for itself is a cycle, and reported as one.
        const auto& names = spec.depends_on;
        if (std::find(names.begin(), names.end(), name) != names.end()) return std::nullopt;
    }
    if (!scan.take(R"("autostart":)") || !scan.flag(spec.autostart) || !scan.take("}") ||
        !scan.at_end())
        return std::nullopt;
    return spec;
}

}  // namespace syspulse::config
