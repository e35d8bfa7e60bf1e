// What a link says and does on every system, by the board alone.
#pragma once

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>

#include "keeper/board.hpp"
#include "keeper/crashes.hpp"
#include "keeper/link.hpp"

namespace syspulse::keeper {

class BoardLink : public Link {
  public:
    bool continues() const override { return continues_; }

    void take_over(RunId last) override {
        if (continues_) return;
        board_.runs_before.store(last.value);
        begin(last);
    }
    bool was_begun(RunId run) const override { return run.value <= board_.runs_begun.load(); }

    void stopping() override { board_.wish.store(Wish::stop); }
    Result<void> hand_over(const std::string& program, std::chrono::milliseconds limit) override {
        if (program.size() >= program_bytes) {
            return Error{ErrorCode::invalid_argument,
                         "cannot upgrade to " + program + ": its name is too long"};
        }
        const auto end = std::copy(program.begin(), program.end(), board_.program);
        std::fill(end, std::end(board_.program), '\0');
        constexpr std::chrono::milliseconds longest = std::chrono::hours{24};
        board_.upgrade_limit_ms.store(static_cast<std::uint32_t>(
            std::clamp(limit, std::chrono::milliseconds{1}, longest).count()));
        board_.wish.store(Wish::hand_over);
        return {};
    }
    bool handing_over() const override { return board_.wish.load() == Wish::hand_over; }
    std::uint32_t failed_upgrades() const override { return board_.failed_upgrades.load(); }
    UpgradeFailure upgrade_failure() const override { return board_.upgrade_failure.load(); }
    std::uint32_t restarts() const override { return board_.restarts.load(); }

    PluginCalls& plugin_calls() override { return board_.plugin_calls; }
    std::optional<LastCrash> last_crash() override { return judge_crash(board_); }
    bool crashes_managers(std::string_view plugin) const override {
        return has_crashed_too_often(board_, plugin);
    }

  protected:
    explicit BoardLink(Board& board) : board_(board), continues_(board.served.load() > 0) {}

    void begin(RunId run) {
        board_.runs_begun.store(std::max(board_.runs_begun.load(), run.value));
    }
    bool is_of_before(RunId run) const { return run.value <= board_.runs_before.load(); }
    void note_serving(std::uint32_t pid) {
        ++board_.served;
        board_.ready_pid.store(pid);
    }

    Board& board_;

  private:
    const bool continues_;
};

}  // namespace syspulse::keeper
