#include "plugin_host/module_loader.hpp"

#include <utility>

#include <boost/dll/shared_library.hpp>

#include <exception>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "platform/library_file.hpp"
#include "plugin_host/keep_for_ever.hpp"

namespace syspulse::plugin_host {
namespace {

using Entry = const sysp_module* SYSP_CALL();

constexpr int newest_conceivable_abi = 99;

std::string entry_name(int major) {
    return "syspulse_plugin_v" + std::to_string(major);
}

Error no_entry(const boost::dll::shared_library& library) {
    for (int major = 0; major <= newest_conceivable_abi; ++major) {
        if (!library.has(entry_name(major))) continue;
        return {ErrorCode::unsupported,
                "it was built for ABI " + std::to_string(major) + ", this syspulse has ABI " +
                    std::to_string(SYSP_ABI_MAJOR) + "; rebuild it with the SDK of this syspulse"};
    }
    return {ErrorCode::invalid_argument,
            "it is not a syspulse plugin: it does not export " + entry_name(SYSP_ABI_MAJOR)};
}

// What the system's loader says, without the words that Boost puts around it.
std::string words_of_loader(const std::string& text) {
    constexpr std::string_view before = "(dlerror system message: ";
    const auto begin = text.find(before);
    const auto end = text.rfind("): ");
    if (begin == std::string::npos || end == std::string::npos || end < begin) return text;
    return text.substr(begin + before.size(), end - begin - before.size());
}

// It works without that, as long as its file is replaced and not overwritten.
void detach(const boost::dll::shared_library& library, const std::filesystem::path& file) {
    const auto detached = platform::detach_library(library.native());
    if (detached) return;
    log::warn("plugin file " + file.string() +
              " must not be overwritten while it is loaded, only replaced, as it cannot be taken "
              "into memory: " +
              detached.error().message);
}

}  // namespace

Result<const sysp_module*> load_module(const std::filesystem::path& file, bool detached) {
    if (const auto sound = platform::check_library_file(file); !sound) return sound.error();
    try {
        auto library = std::make_shared<boost::dll::shared_library>();
        // The throwing overload, as only its exception carries the text of dlerror().
        library->load(file, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
        keep_for_ever(library);
        if (detached) detach(*library, file);
        if (!library->has(entry_name(SYSP_ABI_MAJOR))) return no_entry(*library);
        return library->get<Entry>(entry_name(SYSP_ABI_MAJOR))();
    } catch (const std::exception& failure) {
        return Error{ErrorCode::invalid_argument, words_of_loader(failure.what())};
    } catch (...) {
        return Error{ErrorCode::internal, "its entry function threw an exception"};
    }
}

}  // namespace syspulse::plugin_host
