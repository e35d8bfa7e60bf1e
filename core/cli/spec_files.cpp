#include "cli/spec_files.hpp"

#include <algorithm>
#include <fstream>
#include <istream>
#include <iterator>
#include <ostream>

#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

std::string read_all(std::istream& in) {
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

config::LoadResult load_specs(Context& context, const std::vector<std::string>& files,
                              config::LoadOptions options) {
    if (!options.environment) {
        options.environment = context.environment;
    }
    const bool from_input = std::find(files.begin(), files.end(), "-") != files.end();
    if (!from_input) {
        const std::vector<std::filesystem::path> paths(files.begin(), files.end());
        return config::load_spec_files(paths, options);
    }
    std::vector<config::SpecText> texts;
    for (const std::string& file : files) {
        if (file == "-") {
            texts.push_back({"<stdin>", read_all(context.in)});
            continue;
        }
        const auto allowed = options.may_follow ? options.may_follow(file) : Result<void>();
        if (!allowed) {
            return {{}, {{file, 0, 0, "cannot use the spec file: " + allowed.error().message}}};
        }
        std::ifstream in(file, std::ios::binary);
        if (!in) {
            return {{},
                    {{file, 0, 0, "cannot read the file; does it exist, and may you read it?"}}};
        }
        texts.push_back({file, read_all(in)});
    }
    return config::load_spec_texts(texts, options);
}

ExitCode report_spec_errors(Context& context, const std::vector<config::SpecError>& errors) {
    if (!context.json()) {
        context.err << printable_lines(config::format_errors(errors)) << '\n' << std::flush;
        return ExitCode::usage;
    }
    const Failure failure{ExitCode::usage, 400, "invalid_spec", config::format_errors(errors)};
    std::vector<std::string> list;
    for (const config::SpecError& error : errors) {
        list.push_back("{\"file\":" + json_string(error.file) + ",\"line\":" +
                       std::to_string(error.line) + ",\"column\":" + std::to_string(error.column) +
                       ",\"message\":" + json_string(error.message) + "}");
    }
    context.err << "{\"error\":{" << failure_members(failure) << ",\"errors\":" << json_array(list)
                << "}}\n"
                << std::flush;
    return failure.exit;
}

}  // namespace syspulse::cli
