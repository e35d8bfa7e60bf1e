#include "config/spec_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/path_text.hpp"
#include "base/signals.hpp"
#include "config/field_reader.hpp"
#include "config/known_keys.hpp"
#include "config/windows_names.hpp"

namespace syspulse::config {
namespace {

void read_command(FieldReader& fields, const Member& entry, const ReadContext& context,
                  model::DaemonSpec& spec) {
    const Value* value = fields.find("command");
    if (value == nullptr) {
        fields.fail(entry.key_where, "daemon \"" + entry.key + "\" has no \"command\"");
        return;
    }
    if (value->kind == Value::Kind::string) {
        fields.fail(value->where, "\"command\" must be a list of arguments, found " +
                                      describe(*value) + ": write [program, argument], or " +
                                      context.options.shell + " for a shell");
        return;
    }
    if (!fields.texts("command", spec.command)) return;
    if (spec.command.empty() || spec.command.front().empty()) {
        fields.fail(value->where, "\"command\" must name a program");
    } else if (context.options.windows_files) {
        if (auto refusal = windows_path_refusal("command", spec.command.front()))
            fields.fail(value->items.front().where, *std::move(refusal));
    }
}

void read_working_dir(FieldReader& fields, const ReadContext& context, model::DaemonSpec& spec) {
    std::string text;
    if (!fields.text("working_dir", text)) return;
    std::filesystem::path path = path_from_utf8(text);
    if (context.options.windows_files) path.make_preferred();
    // That of the spec file is meant; a request comes from anywhere.
    const bool lacks_drive = context.options.windows_files && is_without_drive(text);
    if (lacks_drive && text.size() == 1) {
        spec.working_dir = context.options.root_directory;
    } else if (!lacks_drive && (path.is_absolute() || path.has_root_directory())) {
        spec.working_dir = path.string();  // From a POSIX root, too, on every platform.
    } else if (context.base.empty()) {
        fields.fail(fields.find("working_dir")->where,
                    "\"working_dir\" must be an absolute path" +
                        std::string(lacks_drive ? ", with its drive" : "") + ", found \"" + text +
                        "\"");
    } else {
        spec.working_dir = (context.base / path).lexically_normal().make_preferred().string();
    }
    if (!context.options.windows_files) return;
    if (auto refusal = windows_drive_refusal(text))
        fields.fail(fields.find("working_dir")->where, *std::move(refusal));
    if (auto refusal = windows_path_refusal("working_dir", text))
        fields.fail(fields.find("working_dir")->where, *std::move(refusal));
    if (auto refusal = windows_directory_refusal(spec.working_dir.text()))
        fields.fail(fields.find("working_dir")->where, *std::move(refusal));
}

void read_env(FieldReader& fields, const ReadContext& context, model::DaemonSpec& spec) {
    const Value* value = fields.find("env");
    if (value == nullptr ||
        !require_map("env", *value, "a map of names to texts", context.issues)) {
        return;
    }
    WindowsNames names;
    for (const Member& variable : value->members) {
        const bool bad_name = variable.key.empty() || variable.key.find('=') != std::string::npos ||
                              variable.key.find('\0') != std::string::npos;
        if (bad_name) {
            fields.fail(variable.key_where,
                        "\"" + variable.key + "\" cannot be the name of an environment variable");
            continue;
        }
        if (context.options.windows_files) {
            if (auto refusal = names.take(variable.key))
                fields.fail(variable.key_where, "of the variables, " + *refusal);
        }
        auto text = literal_text(variable.value);
        if (!text) {
            fields.fail(variable.value.where, "the variable \"" + variable.key +
                                                  "\" must be a text without NUL bytes, found " +
                                                  describe(variable.value) +
                                                  ": write \"\" for an empty one");
            continue;
        }
        spec.env.push_back({variable.key, *std::move(text)});
    }
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Which part of USER[:GROUP] it is, and what would do.
std::string unknown_user(const std::string& user,
                         const std::function<bool(std::string_view)>& exists) {
    const auto colon = user.find(':');
    const std::string name = user.substr(0, colon);
    if (colon != std::string::npos && (is_number(name) || exists(name)))
        return "unknown group \"" + user.substr(colon + 1) + "\": create it or name another";
    if (is_number(name))
        return "no account has the number " + name + ": with a group it needs none, as in \"" +
               name + ":" + name + '"';
    return "unknown user \"" + name + "\": create it or name another";
}

void read_user(FieldReader& fields, const ReadContext& context, model::DaemonSpec& spec) {
    std::string user;
    if (!fields.text("user", user)) return;
    spec.user = user;
    if (!context.options.user_refusal.empty())
        return fields.fail(fields.find("user")->where, context.options.user_refusal);
    const auto& exists = context.options.user_exists;
    if (exists && !exists(user))
        return fields.fail(fields.find("user")->where, unknown_user(user, exists));
    const auto& may_become = context.options.may_become;
    if (may_become && !may_become(user))
        fields.fail(fields.find("user")->where,
                    "cannot run as the user \"" + user +
                        "\": only a manager of root can, and this is none; leave \"user\" out, or "
                        "run the manager as root");
}

void resolve_driver(ReadContext& context, model::PluginChoice& driver, const Value* with,
                    const Position& where) {
    const auto& elsewhere = context.options.drivers_elsewhere;
    const auto foreign = elsewhere.find(driver.type);
    if (foreign != elsewhere.end() && context.drivers.find(driver.type) == nullptr) {
        context.issues.push_back({where, foreign->second});
    } else {
        context.drivers.resolve(driver, with, where, context.issues);
    }
}

void read_driver(FieldReader& fields, const Member& entry, ReadContext& context,
                 model::DaemonSpec& spec) {
    spec.driver.type = context.options.default_driver;
    const Value* value = fields.find("driver");
    if (value == nullptr) {
        resolve_driver(context, spec.driver, nullptr, entry.key_where);
        return;
    }
    if (value->kind == Value::Kind::string) {
        if (fields.text("driver", spec.driver.type)) {
            resolve_driver(context, spec.driver, nullptr, value->where);
        }
        return;
    }
    if (!require_map("driver", *value, "a name or a map with \"type\" and \"with\"",
                     context.issues)) {
        return;
    }
    FieldReader block(*value, keys::driver, context.issues);
    const Value* type = block.find("type");
    if (type == nullptr) {
        block.fail(value->where, "\"driver\" has no \"type\"");
    } else if (block.text("type", spec.driver.type)) {
        resolve_driver(context, spec.driver, block.find("with"), type->where);
    }
}

// Another driver may run such a file by rules of its own.
void check_program(const FieldReader& fields, const ReadContext& context,
                   const model::DaemonSpec& spec) {
    const Value* const command = fields.find("command");
    if (!context.options.windows_files || spec.driver.type != context.options.default_driver ||
        command == nullptr || spec.command.empty())
        return;
    if (auto refusal = windows_program_refusal(spec.command.front()))
        context.issues.push_back({command->items.front().where, *std::move(refusal)});
}

// What the driver itself says, once there is nothing else to say to what it gets.
void try_driver(FieldReader& fields, const Member& entry, const ReadContext& context,
                const model::DaemonSpec& spec) {
    if (!context.options.try_driver || context.drivers.find(spec.driver.type) == nullptr) return;
    const auto taken = context.options.try_driver(spec.driver, spec.limits);
    if (taken) return;
    const std::string& message = taken.error().message;
    const Value* const driver = fields.find("driver");
    const bool about_limits = message.starts_with("/resource_limits/");
    const Value* const options =
        about_limits || driver == nullptr ? &entry.value : driver->find("with");
    context.drivers.refuse(spec.driver, options == nullptr ? *driver : *options,
                           driver == nullptr ? entry.key_where : driver->where, message,
                           context.issues);
}

// Windows' own codes are known by their hexadecimal digits.
std::optional<std::int64_t> code_of(const Value& item) {
    if (item.kind == Value::Kind::integer) return item.integer;
    if (!item.plain || !(item.text.starts_with("0x") || item.text.starts_with("0X"))) return {};
    std::uint32_t code = 0;
    const char* const end = item.text.data() + item.text.size();
    const auto [stop, error] = std::from_chars(item.text.data() + 2, end, code, 16);
    if (error != std::errc{} || stop != end) return {};
    return code;
}

// Some tools show such codes as numbers with a sign.
std::string without_sign(const std::optional<std::int64_t>& code, std::uint32_t most) {
    if (most != UINT32_MAX || !code || *code >= 0 || *code < INT32_MIN) return {};
    std::array<char, 8> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                   static_cast<std::uint32_t>(*code), 16);
    std::string text(digits.data(), end.ptr);
    for (char& c : text) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    return ": write 0x" + text;
}

void read_success_codes(FieldReader& fields, const ReadContext& context, model::DaemonSpec& spec) {
    const Value* value = fields.find("success_exit_codes");
    if (value == nullptr) return;
    if (value->kind != Value::Kind::list) {
        fields.fail(value->where, "\"success_exit_codes\" must be a list of exit codes, found " +
                                      describe(*value));
        return;
    }
    const std::uint32_t most = context.options.exit_code_most;
    std::vector<std::uint32_t> codes;
    for (const Value& item : value->items) {
        const auto code = code_of(item);
        if (code && *code >= 0 && *code <= most) {
            codes.push_back(static_cast<std::uint32_t>(*code));
        } else {
            context.issues.push_back(
                {item.where,
                 "every item of \"success_exit_codes\" must be a whole number from 0 to " +
                     std::to_string(most) + ", found " + describe(item) +
                     without_sign(code, most)});
        }
    }
    if (codes.empty() && value->items.empty()) {
        fields.fail(value->where, "\"success_exit_codes\" must name at least one exit code");
    }
    spec.success_exit_codes = std::move(codes);
}

void read_stop_signal(FieldReader& fields, const ReadContext& context, model::DaemonSpec& spec) {
    std::string name;
    if (!fields.text("stop_signal", name)) return;
    if (const auto number = parse_signal(name)) {
        spec.stop_signal = *number;
        const auto& known = context.options.stop_signals;
        if (known.empty() || std::find(known.begin(), known.end(), *number) != known.end()) return;
        std::string list;
        for (const std::int32_t one : known) list += (list.empty() ? "" : ", ") + signal_name(one);
        return fields.fail(fields.find("stop_signal")->where,
                           "this system has no signal " + signal_name(*number) + "; use one of " +
                               list + ", or an option of the driver");
    }
    static constexpr std::array<std::string_view, 9> common{"SIGTERM", "SIGINT",  "SIGQUIT",
                                                            "SIGHUP",  "SIGKILL", "SIGUSR1",
                                                            "SIGUSR2", "SIGABRT", "SIGWINCH"};
    fields.fail(fields.find("stop_signal")->where,
                "unknown signal \"" + name + "\"" + suggestion(name, common, "for example"));
}

// Reads a list of texts that must not be empty or occur twice; returns the place of each.
std::vector<Position> read_names(FieldReader& fields, std::string_view key,
                                 RareList<std::string>& out) {
    std::vector<std::string> texts;
    if (!fields.texts(key, texts)) return {};
    std::vector<Position> places;
    const Value& list = *fields.find(key);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const Position& where = list.items[i].where;
        if (texts[i].empty()) {
            fields.fail(where, "an item of \"" + std::string(key) + "\" must not be empty");
        } else if (std::find(out.begin(), out.end(), texts[i]) != out.end()) {
            fields.fail(where, "\"" + texts[i] + "\" stands twice in \"" + std::string(key) + "\"");
        } else {
            out.push_back(texts[i]);
            places.push_back(where);
        }
    }
    return places;
}

void read_blocks(FieldReader& fields, ReadContext& context, model::DaemonSpec& spec) {
    if (const Value* block = fields.find("restart_policy")) {
        read_restart_policy(*block, spec.restart, context);
    }
    if (const Value* block = fields.find("health_check")) {
        read_health_check(*block, spec, context);
    }
    if (const Value* block = fields.find("resource_limits")) {
        read_resource_limits(*block, spec, context);
    }
    if (const Value* block = fields.find("schedule")) read_schedule(*block, spec, context);
    if (const Value* block = fields.find("log_config")) read_log_config(*block, spec.log, context);
}

}  // namespace

bool require_map(std::string_view key, const Value& value, std::string_view expected,
                 Issues& issues) {
    if (value.kind == Value::Kind::map) return true;
    issues.push_back({value.where, "\"" + std::string(key) + "\" must be " + std::string(expected) +
                                       ", found " + describe(value)});
    return false;
}

ReadDaemon read_daemon(const Member& entry, ReadContext& context) {
    ReadDaemon daemon;
    daemon.name_where = entry.key_where;
    model::DaemonSpec& spec = daemon.spec;
    spec.name = entry.key;
    if (!model::is_valid_daemon_name(entry.key)) {
        context.issues.push_back(
            {entry.key_where, "invalid daemon name \"" + entry.key +
                                  "\": use 1 to 128 letters, digits, '.', '_', '@' or '-', "
                                  "beginning with a letter or digit"});
    } else if (context.options.windows_files) {
        if (auto refusal = windows_name_refusal(entry.key))
            context.issues.push_back({entry.key_where, *std::move(refusal)});
    }
    if (!require_map(entry.key, entry.value, "a map with at least \"command\"", context.issues)) {
        return daemon;
    }
    const std::size_t before = context.issues.size();
    FieldReader fields(entry.value, keys::daemon, context.issues);
    read_command(fields, entry, context, spec);
    std::string description;
    if (fields.any_text("description", description)) spec.description = description;
    read_working_dir(fields, context, spec);
    read_env(fields, context, spec);
    read_user(fields, context, spec);
    read_driver(fields, entry, context, spec);
    check_program(fields, context, spec);
    read_success_codes(fields, context, spec);
    read_stop_signal(fields, context, spec);
    fields.seconds("stop_timeout_secs", spec.stop_timeout, Zero::allowed);
    fields.flag("autostart", spec.autostart);
    read_blocks(fields, context, spec);
    if (context.issues.size() == before) try_driver(fields, entry, context, spec);
    read_names(fields, "tags", spec.tags);
    daemon.dependency_where = read_names(fields, "depends_on", spec.depends_on);
    return daemon;
}

}  // namespace syspulse::config
