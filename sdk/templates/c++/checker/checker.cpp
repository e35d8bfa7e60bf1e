// The checker @NAME@: healthy when the file that the spec's `target` names was written lately.
#include <sys/stat.h>
#include <syspulse/plugin.hpp>

#include <cerrno>
#include <ctime>

namespace sdk = syspulse::sdk;

struct @CLASS@ {
    static constexpr const char* name = "@NAME@";
    static constexpr const char* summary = "Watches the age of a file";

    // The options of the spec's `with:` block. syspulse checks them and fills in the defaults.
    static sdk::Schema schema() {
        auto age = sdk::Option::integer().range(1, 31'536'000).by_default(3600);
        return sdk::Schema{}.add("max_age_secs", age.describe("An older file is unhealthy"));
    }
    explicit @CLASS@(const sdk::Config& config) : max_age_(config.i64("/max_age_secs")) {}

    // On a worker thread, so it may block; check.left() says for how long, check.cancelled() when to give up.
    sdk::Result check(const sdk::Check& check) const {
        struct stat file {};
        const bool found = stat(check.target.c_str(), &file) == 0;
        // A missing file is a verdict; an error is for what keeps the checker from one.
        if (!found && errno == ENOENT && !check.target.empty()) return sdk::Result::fail(check.target + " is missing");
        if (!found) throw sdk::Error::os("cannot look at \"" + check.target + '"');
        const auto age = static_cast<std::int64_t>(std::time(nullptr) - file.st_mtime);
        const auto text = check.target + " is " + std::to_string(age) + " s old, expected " + std::to_string(max_age_);
        auto result = age <= max_age_ ? sdk::Result::pass(text) : sdk::Result::fail(text);
        result.metrics.emplace_back("age_seconds", static_cast<double>(age));
        return result;
    }

  private:
    std::int64_t max_age_;
};

SYSPULSE_PLUGIN("com.example.@NAME@", "0.1.0", "Example", sdk::checker<@CLASS@>());
