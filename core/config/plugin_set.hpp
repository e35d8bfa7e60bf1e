// The known drivers and checkers with their schemas compiled once per load.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/json_schema.hpp"
#include "config/spec_loader.hpp"
#include "config/value.hpp"
#include "model/daemon_spec.hpp"

namespace syspulse::config {

// As LoadOptions::try_checker.
using TryOptions = std::function<Result<void>(const std::string&, const std::string&)>;

class PluginSet {
  public:
    // `noun` is "driver" or "checker". Without `kinds` everything is taken unchecked. Both must
    // outlive the set. So many files of plugins were `not_loaded`.
    PluginSet(std::string_view noun, const std::vector<PluginKind>* kinds, TryOptions try_options,
              std::size_t not_loaded = 0)
        : noun_(noun),
          kinds_(kinds),
          try_options_(std::move(try_options)),
          not_loaded_(not_loaded) {}

    // The kind of that name, or null; `unchecked()` tells whether null means anything.
    const PluginKind* find(std::string_view name) const noexcept;
    bool unchecked() const noexcept { return kinds_ == nullptr; }
    const std::vector<PluginKind>& kinds() const noexcept { return *kinds_; }

    // Checks that choice.type exists and turns `with` (null when absent) into choice.options_json,
    // without defaults. `where` is the place of the type.
    void resolve(model::PluginChoice& choice, const Value* with, const Position& where,
                 Issues& issues);

    // Reports what a plugin says to the choice, at the place in `document` that its message begins
    // with.
    void refuse(const model::PluginChoice& choice, const Value& document, const Position& where,
                std::string_view message, Issues& issues) const;

  private:
    std::string unknown(const std::string& type) const;
    void try_options(const model::PluginChoice& choice, const Value& options, const Position& where,
                     Issues& issues) const;
    const JsonSchema* schema_of(const PluginKind& kind, const Position& where, Issues& issues);

    std::string_view noun_;
    const std::vector<PluginKind>* kinds_;
    TryOptions try_options_;
    std::size_t not_loaded_;
    std::map<std::string, std::optional<JsonSchema>, std::less<>> schemas_;
};

}  // namespace syspulse::config
