#include "conformance/case.hpp"

#include "config/json_schema.hpp"
#include "plugin_host/module_loader.hpp"

namespace syspulse::conformance {

Trial::Trial(KitHost& host, const plugin_host::LoadedKind& kind, const std::string& config)
    : host_(host), kind_(kind) {
    auto parsed = plugin_host::PluginConfig::parse(config);
    if (!parsed) return;
    // Kept by the host's table of the dead after destroy(): it must not be used then.
    config_ = std::make_shared<plugin_host::PluginConfig>(*std::move(parsed));
    host_.last_error.reset();
    const auto create =
        kind.info.type == plugin_host::KindType::driver ? kind.driver.create : kind.checker.create;
    void* self = nullptr;
    status_ = create(host_.table(), config_->get(), &self);
    if (status_ == SYSP_OK) self_ = self;
}

void Trial::destroy() {
    if (self_ == nullptr) return;
    const auto destroy = kind_.info.type == plugin_host::KindType::driver ? kind_.driver.destroy
                                                                          : kind_.checker.destroy;
    destroy(std::exchange(self_, nullptr));
    host_.config_is_dead(config_->get());
    // A plugin that uses it nevertheless is to be found out, not to crash.
    static std::vector<std::shared_ptr<plugin_host::PluginConfig>> kept;
    kept.push_back(config_);
}

std::optional<sysp_op> Trial::start(const std::string& target, std::uint32_t timeout_ms,
                                    const sysp_check_request* shape) {
    sysp_check_request request{};
    if (shape != nullptr) {
        request = *shape;
    } else {
        request.size = sizeof request;
        request.pid = -1;
    }
    request.timeout_ms = timeout_ms;
    request.unit = {"unit", 4};
    request.target = {target.c_str(), target.size()};
    const sysp_op op = host_.new_op();
    host_.last_error.reset();
    const sysp_check_request* passed = shape != nullptr ? shape : &request;
    if (kind_.checker.start(self_, op, passed) != SYSP_OK) return std::nullopt;
    return op;
}

std::optional<Event> Trial::check(const std::string& target, std::uint32_t timeout_ms) {
    const auto op = start(target, timeout_ms);
    if (!op) return std::nullopt;
    return host_.wait_for(*op, std::chrono::milliseconds{timeout_ms} + std::chrono::seconds{10});
}

const AuthorKind& Case::author() const {
    static const AuthorKind nothing;
    const AuthorKind* const found = author_.find(kind_name_);
    return found == nullptr ? nothing : *found;
}

Result<const sysp_module*> Case::module() {
    if (module_ == nullptr) {
        const auto loaded = plugin_host::load_module(file_);
        if (!loaded) return loaded.error();
        module_ = *loaded;
    }
    return module_;
}

Result<const plugin_host::LoadedKind*> Case::kind() {
    const auto loaded = module();
    if (!loaded) return loaded.error();
    if (!checked_) {
        auto checked = plugin_host::check_module(*loaded, {});
        if (!checked) return checked.error();
        checked_ = *std::move(checked);
    }
    const bool driver = is_driver();
    const std::string name = kind_name_.substr(kind_name_.find(' ') + 1);
    for (const auto& kind : checked_->kinds) {
        if ((kind->info.type == plugin_host::KindType::driver) == driver &&
            kind->info.name == name) {
            return kind.get();
        }
    }
    return Error{ErrorCode::not_found, "there is no " + kind_name_};
}

namespace {

// As the core gives options to a plugin: defaults filled in. What does not fit stays as it is; C01
// tells.
std::vector<std::string> completed(const std::vector<std::string>& given,
                                   const std::string& schema) {
    std::vector<std::string> all;
    for (const std::string& options : given) {
        const auto full = config::complete_options(schema, options);
        all.push_back(full ? *full : options);
    }
    return all;
}

}  // namespace

bool Case::is_driver() const {
    return kind_name_.starts_with("driver ");
}

std::vector<std::string> Case::configs() {
    const auto found = kind();
    if (!found) return {};
    // What an author says of a driver are options of processes; its instances have none by `with`.
    const bool given = !is_driver() && !author().configs.empty();
    return completed(given ? author().configs : std::vector<std::string>{"{}"},
                     (*found)->info.config_schema);
}

std::vector<std::string> Case::process_options() {
    const auto found = kind();
    if (!found || !is_driver()) return {};
    return completed(author().configs.empty() ? std::vector<std::string>{"{}"} : author().configs,
                     (*found)->info.process_schema);
}

}  // namespace syspulse::conformance
