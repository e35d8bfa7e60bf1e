// The checker `command`: runs a command line of cmd.exe in a job of its own; exit code 0 is
// healthy. Whatever the outcome, nothing of the job outlives the check.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "command/excerpt.hpp"
#include "windows/command_line.hpp"
#include "windows/launch.hpp"

namespace syspulse::plugins::command {
namespace {

using windows::UniqueHandle;
using windows::win32_error;

constexpr DWORD pipe_bytes = 64 * 1024;

// The reading end of a pipe on which one read is always under way; its event tells when there is
// something.
class Output {
  public:
    Output() = default;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output() { close(); }

    // Gives the writing end.
    UniqueHandle open() {
        static LONG last_number = 0;
        const std::wstring name = LR"(\\.\pipe\syspulse-check-)" +
                                  std::to_wstring(::GetCurrentProcessId()) + L"-" +
                                  std::to_wstring(::InterlockedIncrement(&last_number));
        close();
        read_ = {};
        done_.reset(::CreateEventW(nullptr, TRUE, FALSE, nullptr));
        pipe_.reset(::CreateNamedPipeW(
            name.c_str(),
            PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
            PIPE_TYPE_BYTE | PIPE_REJECT_REMOTE_CLIENTS, 1, 0, pipe_bytes, 0, nullptr));
        UniqueHandle writer(::CreateFileW(name.c_str(), GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0,
                                          nullptr, OPEN_EXISTING, 0, nullptr));
        if (!done_ || !pipe_ || !writer) throw win32_error("cannot make a pipe", ::GetLastError());
        return writer;
    }
    HANDLE event() const { return done_.get(); }

    // Takes what has come and asks for more; false at the end.
    bool take(Excerpt& excerpt) {
        if (reading_) {
            DWORD got = 0;
            const bool complete = ::GetOverlappedResult(pipe_.get(), &read_, &got, FALSE) != 0;
            if (!complete && ::GetLastError() == ERROR_IO_INCOMPLETE) return true;
            reading_ = false;
            if (!complete) return false;
            excerpt.append(buffer_.data(), got);
        }
        read_ = {};
        read_.hEvent = done_.get();
        const bool begun = ::ReadFile(pipe_.get(), buffer_.data(),
                                      static_cast<DWORD>(buffer_.size()), nullptr, &read_) != 0;
        reading_ = begun || ::GetLastError() == ERROR_IO_PENDING;
        return reading_;
    }
    bool is_ready() const { return ::WaitForSingleObject(done_.get(), 0) == WAIT_OBJECT_0; }

    // The system writes into the buffer until the read has ended.
    void close() {
        if (std::exchange(reading_, false)) {
            DWORD ignored = 0;
            ::CancelIoEx(pipe_.get(), &read_);
            ::GetOverlappedResult(pipe_.get(), &read_, &ignored, TRUE);
        }
        pipe_.reset();
    }

  private:
    UniqueHandle done_;
    UniqueHandle pipe_;
    OVERLAPPED read_{};
    bool reading_ = false;
    std::array<char, 16384> buffer_{};
};

class CommandChecker : public sdk::AsyncChecker {
  public:
    static constexpr const char* name = "command";
    static constexpr const char* summary = "Runs a command line of cmd.exe; exit code 0 is healthy";
    static sdk::Schema schema() { return {}; }

    using AsyncChecker::AsyncChecker;
    ~CommandChecker() override { clean_up(); }

    void start(sdk::Completion& completion, const sdk::CheckRequest& request) override {
        if (request.target.empty()) {
            throw sdk::Error{SYSP_E_CONFIG,
                             "cannot run the check: the target must be a command line"};
        }
        try {
            launch_shell(request);
            watch(request.timeout);
        } catch (...) {
            clean_up();
            throw;
        }
        completion_ = std::move(completion);
    }
    void cancel() override {
        if (!completion_) return;
        auto completion = std::move(completion_);
        clean_up();
        completion.fail(sdk::Error::cancelled());
    }

  private:
    void watch(std::chrono::milliseconds timeout) {
        deadline_ = io().timer(timeout, [this, timeout] { end(sdk::timed_out(timeout)); });
        exit_watch_ = io().watch(windows::native_of(process_.get()), SYSP_IO_READ | SYSP_IO_OBJECT,
                                 [this](std::uint32_t) { exited(); });
        output_watch_ = io().watch(windows::native_of(output_.event()),
                                   SYSP_IO_READ | SYSP_IO_OBJECT, [this](std::uint32_t) {
                                       if (!output_.take(excerpt_)) output_watch_.reset();
                                   });
    }
    // What only the manager should be told stays with it.
    static std::vector<std::string> environment(const sdk::CheckRequest& request) {
        std::vector<std::string> env;
        wchar_t* const block = ::GetEnvironmentStringsW();
        for (const wchar_t* entry = block; entry != nullptr && *entry != L'\0';) {
            const std::wstring_view text = entry;
            entry += text.size() + 1;
            if (text.substr(0, 9) != L"SYSPULSE_") env.push_back(windows::to_utf8(text));
        }
        ::FreeEnvironmentStringsW(block);
        env.push_back("SYSPULSE_DAEMON=" + request.unit);
        if (request.pid > 0) env.push_back("SYSPULSE_PID=" + std::to_string(request.pid));
        return env;
    }
    void launch_shell(const sdk::CheckRequest& request) {
        const UniqueHandle writer = output_.open();
        job_.reset(::CreateJobObjectW(nullptr, nullptr));
        JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        if (!job_ || ::SetInformationJobObject(job_.get(), JobObjectExtendedLimitInformation,
                                               &limits, sizeof limits) == 0) {
            throw win32_error("cannot make a job", ::GetLastError());
        }
        const std::vector<std::string> env = environment(request);
        windows::LaunchPlan plan;
        plan.program = windows::find_program("cmd.exe", "", env);
        // cmd.exe takes all between the outermost quotes as it is: it has rules of its own, which
        // are those of the line that the operator wrote.
        plan.command_line = L"cmd.exe /d /s /c \"" + windows::to_wide(request.target) + L"\"";
        plan.environment = windows::environment_block(env);
        plan.stdio = {nullptr, writer.get(), writer.get()};
        plan.job = job_.get();
        excerpt_ = {};
        process_ = std::move(windows::launch(plan).process);
        (void)output_.take(excerpt_);
    }
    void exited() {
        DWORD code = 0;
        (void)::GetExitCodeProcess(process_.get(), &code);
        // What is in the pipe now was written before the exit.
        for (int portion = 0; portion < 8 && output_.is_ready(); ++portion) {
            if (!output_.take(excerpt_)) break;
        }
        const std::string output = excerpt_.one_line();
        if (code == 0) {
            end(sdk::Result::pass(output));
            return;
        }
        end(sdk::Result::fail("exit code " + std::to_string(code) +
                              (output.empty() ? "" : ": " + output)));
    }
    void end(sdk::Result result) {
        auto completion = std::move(completion_);
        clean_up();
        completion.done(result);
    }
    void clean_up() {
        exit_watch_.reset();
        output_watch_.reset();
        deadline_.reset();
        if (job_) ::TerminateJobObject(job_.get(), 1);
        job_.reset();
        process_.reset();
        output_.close();
    }

    sdk::Completion completion_;
    UniqueHandle job_;
    UniqueHandle process_;
    Output output_;
    Excerpt excerpt_;
    sdk::Watch exit_watch_;
    sdk::Watch output_watch_;
    sdk::Timer deadline_;
};

}  // namespace
}  // namespace syspulse::plugins::command

SYSPULSE_PLUGIN("syspulse.command", "0.1.0", "syspulse",
                syspulse::sdk::async_checker<syspulse::plugins::command::CommandChecker>());
