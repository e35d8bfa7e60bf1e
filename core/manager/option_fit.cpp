#include "manager/option_fit.hpp"

#include <utility>

#include "base/log.hpp"
#include "config/json_schema.hpp"

namespace syspulse::manager {
namespace {

using plugin_host::KindInfo;
using plugin_host::KindType;

// More would make no better message.
constexpr std::size_t named_max = 5;

std::string warning(const std::string& name, const std::string& misfit) {
    return "the options of \"" + name + "\" do not fit: " + misfit +
           "; it goes on as it is; declare it anew with: syspulse add --replace";
}

}  // namespace

std::string misfit(const model::DaemonSpec& spec, const FindKind& find,
                   const CompleteOptions& complete) {
    std::string all;
    const auto look = [&](KindType type, const model::PluginChoice& choice) {
        const KindInfo* const kind = find(type, choice.type);
        if (kind == nullptr) return;
        const bool driver = type == KindType::driver;
        const auto full =
            complete(driver ? kind->process_schema : kind->config_schema, choice.options_json);
        if (full) return;
        all += (all.empty() ? "" : "; ") + std::string(driver ? "driver " : "checker ") +
               choice.type + ": " + full.error().message;
    };
    look(KindType::driver, spec.driver);
    if (spec.health_check) look(KindType::checker, spec.health_check->checker);
    return all;
}

Error unsuited(const plugin_host::PluginInfo& fresh,
               const std::vector<std::pair<std::string, std::string>>& misfits) {
    std::string who;
    for (std::size_t i = 0; i < misfits.size() && i < named_max; ++i)
        who += "\"" + misfits[i].first + "\": " + misfits[i].second + "; ";
    if (misfits.size() > named_max)
        who += "and " + std::to_string(misfits.size() - named_max) + " more; ";
    return {ErrorCode::invalid_state,
            "its version " + fresh.version + " does not take the options of daemons: " + who +
                "declare them to suit both versions first, or reload with --force, which leaves "
                "them running without checks or a next start until they are declared anew"};
}

OptionFit::OptionFit(Conductor& conductor, plugin_host::PluginHost& plugins)
    : conductor_(conductor), plugins_(plugins), complete_(config::options_completer()) {
    plugins_.watch_versions({[this](const plugin_host::PluginInfo& fresh) { return suits(fresh); },
                             [this](const auto& before, const auto& fresh,
                                    plugin_host::Takeover how) { started(before, fresh, how); }});
}

OptionFit::~OptionFit() {
    plugins_.watch_versions({});
}

void OptionFit::look() {
    const plugin_host::PluginCatalog& catalog = plugins_.catalog();
    const FindKind find = [&catalog](KindType type, std::string_view name) {
        return type == KindType::driver ? catalog.driver(name) : catalog.checker(name);
    };
    const auto before = std::exchange(misfits_, {});
    for (const engine::SpecPtr& spec : conductor_.specs()) {
        std::string what = misfit(*spec, find, complete_);
        if (what.empty()) continue;
        const auto known = before.find(spec->name);
        if (known == before.end() || known->second != what) log::warn(warning(spec->name, what));
        misfits_.emplace(spec->name, std::move(what));
    }
}

std::string OptionFit::error_of(const std::string& name) const {
    const auto found = misfits_.find(name);
    return found == misfits_.end() ? std::string() : found->second;
}

// What a checker does not take keeps nobody from starting.
Result<void> OptionFit::may_restart(const std::string& name) const {
    const engine::SpecPtr spec = conductor_.spec(name);
    if (!spec) return {};
    const FindKind driver = [this](KindType type, std::string_view kind) -> const KindInfo* {
        return type == KindType::driver ? plugins_.catalog().driver(kind) : nullptr;
    };
    const std::string what = misfit(*spec, driver, complete_);
    if (what.empty()) return {};
    const auto view = conductor_.view(name);
    if (!view || view->state != model::State::running) return {};
    return Error{ErrorCode::invalid_state,
                 '"' + name + "\" is left running, as it could not be started again: " + what +
                     "; declare it anew with: syspulse add --replace; stop " + name +
                     " stops it all the same"};
}

std::vector<std::string> OptionFit::warnings() const {
    std::vector<std::string> all;
    for (const auto& [name, what] : misfits_) {
        if (conductor_.spec(name)) all.push_back(warning(name, what));
    }
    return all;
}

// Those who have a mistake already are no worse off.
Result<void> OptionFit::suits(const plugin_host::PluginInfo& fresh) const {
    const FindKind find = [&fresh](KindType type, std::string_view name) -> const KindInfo* {
        for (const KindInfo& kind : fresh.kinds) {
            if (kind.type == type && kind.name == name) return &kind;
        }
        return nullptr;
    };
    std::vector<std::pair<std::string, std::string>> misfits;
    for (const engine::SpecPtr& spec : conductor_.specs()) {
        std::string what = misfit(*spec, find, complete_);
        if (!what.empty() && error_of(spec->name).empty())
            misfits.emplace_back(spec->name, std::move(what));
    }
    return misfits.empty() ? Result<void>() : unsuited(fresh, misfits);
}

void OptionFit::started(const plugin_host::PluginInfo& before, const plugin_host::PluginInfo& fresh,
                        plugin_host::Takeover how) {
    if (how.other_file && !how.reloaded) {
        conductor_.tell_of_manager(
            "plugin changed", fresh.id + ": its file " + fresh.path.string() +
                                  " has changed since version " + before.version +
                                  " was loaded; its fresh process uses version " + fresh.version);
    }
    if (how.other_file || how.reloaded) look();
}

}  // namespace syspulse::manager
