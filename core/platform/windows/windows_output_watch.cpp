// platform::OutputWatch on change notifications of directories. One event stands for all of them;
// it is signalled by any change and reset by drain(), which asks for the next changes first, so
// that none falls in between.
#include <array>
#include <map>
#include <memory>
#include <string>

#include "platform/output_watch.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

class DirectoryWatch {
  public:
    DirectoryWatch() = default;
    DirectoryWatch(const DirectoryWatch&) = delete;
    DirectoryWatch& operator=(const DirectoryWatch&) = delete;
    // The system writes into the buffer until the request has ended.
    ~DirectoryWatch() {
        if (!asked_) return;
        ::CancelIoEx(directory_.get(), &request_);
        DWORD ignored = 0;
        ::GetOverlappedResult(directory_.get(), &request_, &ignored, TRUE);
    }

    Result<void> open(const std::filesystem::path& path, HANDLE changed) {
        directory_.reset(::CreateFileW(long_path(path).c_str(), FILE_LIST_DIRECTORY,
                                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                       nullptr, OPEN_EXISTING,
                                       FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OVERLAPPED, nullptr));
        const DWORD number = ::GetLastError();
        if (!directory_) return os_error("cannot follow " + path.string(), number);
        request_.hEvent = changed;
        if (ask()) return {};
        return os_error("cannot follow " + path.string());
    }

    // What changed between two requests is kept for the second. Asking resets the event, also for
    // others, so whoever calls this looks at all directories afterwards.
    bool ask() {
        if (asked_ && !HasOverlappedIoCompleted(&request_)) return true;
        const HANDLE changed = request_.hEvent;
        request_ = {};
        request_.hEvent = changed;
        asked_ = ::ReadDirectoryChangesW(
                     directory_.get(), buffer_.data(), static_cast<DWORD>(buffer_.size()), FALSE,
                     FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_LAST_WRITE |
                         FILE_NOTIFY_CHANGE_SIZE,
                     nullptr, &request_, nullptr) != 0;
        return asked_;
    }
    bool has_changes() const { return asked_ && HasOverlappedIoCompleted(&request_); }

  private:
    UniqueHandle directory_;
    OVERLAPPED request_{};
    bool asked_ = false;
    alignas(DWORD) std::array<char, 4096> buffer_{};  // What changed is not looked at.
};

class WindowsOutputWatch final : public OutputWatch {
  public:
    explicit WindowsOutputWatch(HANDLE changed) : changed_(changed) {}

    NativeHandle handle() const override { return native_of(changed_.get()); }

    Result<void> add_directory(const std::filesystem::path& path) override {
        auto& watch = watches_[path];
        if (watch) return {};
        watch = std::make_unique<DirectoryWatch>();
        auto opened = watch->open(path, changed_.get());
        if (!opened) watches_.erase(path);
        return opened;
    }
    Result<void> add_file(const std::filesystem::path& path) override {
        return add_directory(path.parent_path());
    }

    void drain() override {
        for (auto& [path, watch] : watches_) watch->ask();
        ::ResetEvent(changed_.get());
        // One that completed in between has lost its signal.
        for (const auto& [path, watch] : watches_) {
            if (watch->has_changes()) ::SetEvent(changed_.get());
        }
    }

  private:
    UniqueHandle changed_;  // Manual reset. Closed after the requests that name it.
    std::map<std::filesystem::path, std::unique_ptr<DirectoryWatch>> watches_;
};

}  // namespace

Result<std::unique_ptr<OutputWatch>> make_output_watch() {
    const HANDLE changed = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
    if (changed == nullptr) return os_error("cannot follow log files");
    return std::unique_ptr<OutputWatch>(std::make_unique<WindowsOutputWatch>(changed));
}

}  // namespace syspulse::platform
