#include "conformance/lost_manager.hpp"

#include <sstream>
#include <utility>

#include "base/signals.hpp"
#include "conformance/driver_bench.hpp"
#include "conformance/target_server.hpp"
#include "platform/clock.hpp"
#include "platform/helper_process.hpp"

namespace syspulse::conformance {
namespace {

constexpr std::size_t bytes_max = std::size_t{1} << 16;

class DoomedManager {
  public:
    DoomedManager(Case& c, const std::filesystem::path& folder)
        : server_(TargetServer::Manner::reply, c.author().reply), isolated_(c, folder) {
        if (!isolated_.loaded()) return;
        if (c.is_driver()) run_ = isolated_.spawn(programs::outlast_a_manager());
        const bool works =
            c.is_driver() ? run_.pid > 0 : isolated_.passes(server_.in(c.author().pass));
        if (works) host_ = isolated_.status().pid;
        if (run_.pid > 0) work_for(c.within(unrecorded_most));
    }
    std::string what_it_has() const {
        std::ostringstream text;
        text << host_ << ' ' << run_.pid << ' ' << run_.run_id << ' ' << run_.token;
        return text.str();
    }

  private:
    void work_for(Duration time) {
        const auto clock = platform::make_system_clock();
        const Instant end = clock->now().mono + time;
        isolated_.until([&] { return clock->now().mono >= end; });
    }

    TargetServer server_;
    Isolated isolated_;
    Isolated::Run run_;
    std::int64_t host_ = 0;
};

}  // namespace

std::string told_by_lost_manager(Case& c, const PluginFolder& folder) {
    const Duration limit = c.within(2 * bench_patience);
    const auto manager = platform::start_helper({}, lost_manager_words(c, folder.path()));
    if (!manager) return {};
    auto text = platform::read_to_end(manager->channel.get(), bytes_max, limit);
    if (!text) platform::signal_process(manager->process.get(), kill_number);
    platform::wait_for_exit(manager->process.get(), limit);
    platform::collect_exit(manager->process.get());
    return text ? *std::move(text) : std::string();
}

void be_the_lost_manager(Case& c, const std::filesystem::path& folder,
                         const platform::OwnedHandle& channel) {
    DoomedManager manager(c, folder);
    static_cast<void>(
        platform::write_all(channel.get(), manager.what_it_has(), c.within(bench_patience)));
    // As a kill ends it: nothing is closed in order, nobody is told.
    platform::end_process(0);
}

}  // namespace syspulse::conformance
