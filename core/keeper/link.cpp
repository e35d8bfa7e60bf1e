#include "keeper/link.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <unordered_map>

#include "keeper/board.hpp"
#include "keeper/board_link.hpp"
#include "keeper/handover.hpp"

namespace syspulse::keeper {
namespace {

class ParentLink final : public BoardLink {
  public:
    ParentLink(const Handover& handover, Board& board) : BoardLink(board), handover_(handover) {}
    // The page stays mapped: a worker that a plugin never let go may still mark its end there.
    ~ParentLink() override { ::close(handover_.board); }

    std::int64_t keeper_pid() const override { return handover_.pid; }
    int lock() const override { return handover_.lock; }
    int endpoint() const override { return handover_.endpoint; }
    std::int32_t* expect_process(RunId run) override {
        begin(run);
        for (Birth& birth : board_.births) {
            if (birth.run.load() != 0) continue;
            birth.exits_before = board_.exit_count.load(std::memory_order_acquire);
            birth.pid = 0;
            birth.run.store(run.value);
            return &birth.pid;
        }
        return nullptr;
    }

    void note_run(RunId run, std::int64_t pid, std::int64_t) override {
        if (pid > 0) note_process(run, pid);
        end_birth(run);
    }

    void forget_run(RunId run) override {
        end_birth(run);
        const auto known = noted_.find(run);
        // The first manager has noted all that is noted; looking for more would touch every page.
        if (known == noted_.end() && !continues()) return;
        RunNote* const note = find_note(run, known == noted_.end() ? 0 : known->second);
        if (known != noted_.end()) noted_.erase(known);
        if (note != nullptr) *note = {};
    }

    void ask_for_ends() override {
        ++board_.asked;
        ::kill(handover_.pid, SIGCHLD);  // It looks for ends as if there were one.
    }
    bool has_told_ends() const override { return board_.answered.load() == board_.asked.load(); }

    bool may_have_run(RunId run) const override {
        return is_of_before(run) || run.value <= board_.strays_until.load();
    }

    std::optional<ExitStatus> exit_of(RunId run, std::int64_t pid) const override {
        const RunNote* const note = find_note(run, pid);
        if (note != nullptr) return first_exit(note->pid, note->exits_before);
        // The number of an older run may have become a child's of this keeper meanwhile.
        if (pid <= 0 || is_of_before(run)) return std::nullopt;
        return last_exit(static_cast<std::int32_t>(pid));
    }

    void serving() override {
        note_serving(static_cast<std::uint32_t>(::getpid()));
        ::kill(handover_.pid, SIGUSR1);
    }

    void stop_next() override { ::kill(handover_.pid, SIGTERM); }

  private:
    void note_process(RunId run, std::int64_t pid) {
        noted_[run] = pid;
        // A run that is taken over may have ended since its first note, which still finds that end.
        if (find_note(run, pid) != nullptr) return;
        const auto number = static_cast<std::int32_t>(pid);
        place_of(board_, number) = {run.value, board_.exit_count.load(std::memory_order_acquire),
                                    number, 0};
    }

    // What a dead manager began is the keeper's to settle.
    void end_birth(RunId run) {
        for (Birth& birth : board_.births) {
            if (birth.run.load() == run.value && birth.orphaned == 0) birth.run.store(0);
        }
    }

    RunNote* find_note(RunId run, std::int64_t pid) const {
        if (pid > 0) {
            RunNote* const note = note_of(board_, static_cast<std::int32_t>(pid));
            return note != nullptr && note->run == run.value ? note : nullptr;
        }
        const auto found = std::find_if(std::begin(board_.runs), std::end(board_.runs),
                                        [&](const RunNote& n) { return n.run == run.value; });
        return found == std::end(board_.runs) ? nullptr : &*found;
    }

    static ExitStatus status_of(const ExitRecord& record) {
        return record.signalled != 0 ? ExitStatus::signalled(record.value)
                                     : ExitStatus::exited(record.value);
    }

    std::uint64_t oldest() const {
        const std::uint64_t count = board_.exit_count.load(std::memory_order_acquire);
        return count > kept_exits ? count - kept_exits : 0;
    }

    std::optional<ExitStatus> first_exit(std::int32_t pid, std::uint64_t from) const {
        const std::uint64_t count = board_.exit_count.load(std::memory_order_acquire);
        for (std::uint64_t n = std::max(from, oldest()); n < count; ++n) {
            const ExitRecord& record = board_.exits[n % kept_exits];
            if (record.pid == pid) return status_of(record);
        }
        return std::nullopt;
    }

    std::optional<ExitStatus> last_exit(std::int32_t pid) const {
        for (std::uint64_t n = board_.exit_count.load(std::memory_order_acquire); n > oldest();
             --n) {
            const ExitRecord& record = board_.exits[(n - 1) % kept_exits];
            if (record.pid == pid) return status_of(record);
        }
        return std::nullopt;
    }

    const Handover handover_;
    std::unordered_map<RunId, std::int64_t> noted_;  // By this process.
};

}  // namespace

bool Link::is_offered() {
    Handover handover;
    return read_handover(manager_variable, handover) && handover.pid == ::getppid();
}

Result<std::unique_ptr<Link>> Link::inherit() {
    Handover handover;
    if (!is_offered() || !read_handover(manager_variable, handover)) return std::unique_ptr<Link>();
    ::unsetenv(manager_variable);
    for (const int descriptor : {handover.lock, handover.endpoint, handover.board})
        keep_over_exec(descriptor, false);
    Board* const board = map_board(handover.board);
    if (board == nullptr) return Error{ErrorCode::internal, "cannot map the keeper's memory"};
    if (board->magic == board_magic)
        return std::unique_ptr<Link>(std::make_unique<ParentLink>(handover, *board));
    return Error{ErrorCode::unsupported,
                 "cannot take over from the keeper (pid " + std::to_string(handover.pid) +
                     "), which is of another version; end it with: syspulse shutdown "
                     "--keep-running, and start this program, which takes over the daemons"};
}

}  // namespace syspulse::keeper
