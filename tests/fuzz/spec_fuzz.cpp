// libFuzzer target: any bytes as a spec file and as a request. What loads must survive the way
// through the registry unchanged.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/json_schema.hpp"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    LoadOptions options;
    options.environment = [](std::string_view) { return std::string("x"); };
    check_round_trip(load_spec_text("fuzz.yaml", text, options));
    check_round_trip(load_specs_json(text, options));
    static_cast<void>(check_schema(text).has_value());
    static_cast<void>(complete_options(text, text).has_value());
    return 0;
}
