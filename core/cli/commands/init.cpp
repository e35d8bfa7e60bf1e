// syspulse init
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>

#include "base/path_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/text.hpp"
#include "config/spec_template.hpp"
#include "config/windows_names.hpp"
#include "platform/system_words.hpp"

namespace syspulse::cli {
namespace {

struct CloseFile {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

Failure cannot_write(const std::string& path, int error) {
    const std::string subject = "cannot write " + path + ": ";
    if (error == EEXIST) {
        return {ExitCode::conflict, 409, "already_exists",
                subject + "it exists; choose another path or remove it first"};
    }
    const bool denied = error == EACCES || error == EPERM || error == EROFS;
    return {denied ? ExitCode::permission_denied : ExitCode::failed, denied ? 403 : 500,
            denied ? "permission_denied" : "internal", subject + std::strerror(error)};
}

ExitCode run(Context& context, const Arguments& arguments) {
    const std::string path =
        arguments.positionals.empty() ? "syspulse.yaml" : arguments.positionals[0];
    const std::string_view text = config::spec_template();
    if (path == "-") {
        context.out << text << std::flush;
        return ExitCode::done;
    }
    const std::string name = path_from_utf8(path).filename().string();
    if (platform::system_words().windows_files && name != "." && name != "..") {
        // Which the C library's words for it do not tell.
        if (const auto refusal = config::windows_name_refusal(name))
            return report(context, usage_failure("cannot write " + path + ": " + *refusal));
    }
    std::error_code ignored;
    // Not every C library knows that x means a new file.
    if (std::filesystem::exists(path_from_utf8(path), ignored)) {
        return report(context, cannot_write(path, EEXIST));
    }
    if (!path.empty() && !path_from_utf8(path).has_filename()) {
        return report(context, usage_failure("cannot write " + path +
                                             ": it ends as the path of a directory does; name the "
                                             "file, as in " +
                                             path + "syspulse.yaml"));
    }
    std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "wx"));
    if (!file) {
        return report(context, cannot_write(path, errno));
    }
    const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
    if (!written || std::fclose(file.release()) != 0) {
        return report(context, cannot_write(path, errno));
    }
    if (context.json()) {
        context.out << "{\"path\":" << json_string(path) << "}\n" << std::flush;
    } else if (!context.globals.quiet) {
        context.out << printable(path) << ": written; edit it, then run: syspulse up -f "
                    << printable(path) << '\n'
                    << std::flush;
    }
    return ExitCode::done;
}

}  // namespace

constinit const Command init_command{
    .name = "init",
    .summary = "write a commented spec file to begin with",
    .positional = {"[PATH]", 0, 1, ValueKind::file},
    .options = {},
    .details =
        "Writes a template that is valid as it stands, to syspulse.yaml unless PATH is given. A "
        "file "
        "that exists is never overwritten. The PATH - stands for standard output.",
    .examples =
        "syspulse init\n"
        "syspulse init services/web.yaml",
    .run = run,
};

}  // namespace syspulse::cli
