// What `syspulse up` shows: the output of its daemons, line by line with their names before them,
// and how their states change, in an order that a reader can trust.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/background_writer.hpp"
#include "base/result.hpp"
#include "logs/follower.hpp"
#include "manager/control_streams.hpp"
#include "platform/event_loop.hpp"
#include "platform/output_capture.hpp"

namespace syspulse::manager {

// [loop thread] Never waits for the reader of its output, nor for log files, but in finish().
class ForegroundOutput {
  public:
    // `loop`, and until then also `capture`, outlive it. Log files are read in the `background`.
    // `gone` is called from the loop when nobody will ever read the output.
    ForegroundOutput(platform::EventLoop& loop, platform::OutputCapture& capture,
                     Background background, std::filesystem::path logs_dir, bool color,
                     std::function<void()> gone);

    // Fails where no thread can be started.
    Result<void> start(BackgroundWriter::Sink sink);
    // Shows what these daemons write from now on.
    void follow(const std::vector<std::string>& daemons);

    // A line about a daemon. With `after_its_output`, its process has ended: what that has written
    // comes first, and nothing that others write later comes before.
    void tell(const std::string& daemon, const std::string& text, bool after_its_output);

    // After the last turn of the loop: shows the rest, and waits for the reader while it reads.
    void finish();

  private:
    // A line that waits for the output before it, or for the line before it.
    struct Held {
        std::uint64_t number = 0;
        std::string daemon;
        std::string text;
        bool is_written = false;  // The output before it is in the log files.
        bool is_due = false;      // That has been shown.
        std::size_t shown = 0;    // Bytes of that.
    };

    // The output of a daemon: read a piece ahead in the background, shown when its turn comes.
    struct Source {
        struct Work;
        enum class State : std::uint8_t { idle, reading, read };

        std::shared_ptr<Work> work;
        std::unique_ptr<logs::LogWatch> watch;
        State state = State::idle;
        std::string text;         // Read, and not taken yet.
        bool at_end = false;      // What comes after `text` was not there yet.
        bool look_again = false;  // The last look may have missed what came meanwhile.
    };

    void follow(const std::string& daemon, std::size_t number);
    std::string prefix(const std::string& name) const;
    bool write(const std::string& text) { return output_->write(text); }
    void print(const std::string& daemon);
    bool print_some(const std::string& daemon);
    void read(const std::string& daemon, Source& source);
    void was_read(const std::string& daemon);
    bool has_to_wait(const std::string& daemon) const;
    bool is_awaited(const std::string& daemon) const;
    void written(std::uint64_t number);
    void advance();
    void wait_for_capture();
    bool print_rest(const std::string& daemon);
    void output_changed();

    platform::EventLoop& loop_;
    platform::OutputCapture& capture_;
    Background background_;
    std::filesystem::path logs_dir_;
    bool color_;
    std::function<void()> gone_;
    std::map<std::string, Source> sources_;
    std::map<std::string, std::string_view> colors_;
    std::size_t width_ = 8;
    std::set<std::string> waiting_;  // Daemons with output that has no room yet.
    std::set<std::string> later_;    // Daemons with output that is not due yet.
    std::deque<Held> held_;
    std::uint64_t last_number_ = 0;
    std::size_t in_a_row_ = 0;                  // Held lines, since others had a turn.
    std::size_t unshown_ = 0;                   // Lines.
    bool finishing_ = false;                    // The loop does not turn any more.
    std::unique_ptr<BackgroundWriter> output_;  // Set from start() on.
    std::shared_ptr<ForegroundOutput*> me_ = std::make_shared<ForegroundOutput*>(this);
};

}  // namespace syspulse::manager
