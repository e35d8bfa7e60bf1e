// libFuzzer target: any bytes as a spec file, as a request and as a stored spec. What loads must
// survive the way through the registry unchanged, and the quick reader of stored specs must take
// nothing that the general one refuses or reads otherwise.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/json_schema.hpp"
#include "config/plain_spec.hpp"
#include "config/spec_json.hpp"
#include "config/spec_loader.hpp"

namespace {

using namespace syspulse::config;

void check_round_trip(const LoadResult& loaded) {
    if (!loaded.errors.empty()) return;
    for (const auto& spec : loaded.daemons) {
        const auto again = from_stored_json(spec.name, to_json(spec));
        if (!again || !(*again == spec)) std::abort();
    }
}

void check_plain_reader(std::string_view stored) {
    const auto plain = read_plain_spec("x", stored);
    if (!plain) return;
    LoadOptions options;
    options.tolerate_unknown_dependencies = true;
    const auto general =
        load_specs_json("{\"daemons\":{\"x\":" + std::string(stored) + "}}", options);
    if (!general.errors.empty() || general.daemons.size() != 1) std::abort();
    if (!(general.daemons.front() == *plain)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    LoadOptions options;
    options.environment = [](std::string_view) { return std::string("x"); };
    check_round_trip(load_spec_text("fuzz.yaml", text, options));
    check_round_trip(load_specs_json(text, options));
    check_plain_reader(text);
    static_cast<void>(check_schema(text).has_value());
    static_cast<void>(complete_options(text, text).has_value());
    return 0;
}
