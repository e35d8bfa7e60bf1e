// Windows has no zombies and hands orphans to nobody; a job keeps what belongs together.
#include "platform/orphan_reaper.hpp"

namespace syspulse::platform {
namespace {

class NothingToReap final : public OrphanReaper {
  public:
    void child_ended() override {}
};

}  // namespace

Result<void> become_subreaper() {
    return {};
}

std::unique_ptr<OrphanReaper> make_orphan_reaper(EventLoop&, const Clock&,
                                                 std::function<bool(std::int64_t)>) {
    return std::make_unique<NothingToReap>();
}

}  // namespace syspulse::platform
