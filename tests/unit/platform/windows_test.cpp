// core/platform on Windows: what its headers promise, with the system's own files, pipes and
// sockets.
#include <windows.h>
#include <winsock2.h>

#include <aclapi.h>
#include <gmock/gmock.h>

#include <array>
#include <fstream>
#include <string>
#include <vector>

#include "platform/data_dir.hpp"
#include "platform/event_loop.hpp"
#include "platform/file_trust.hpp"
#include "platform/library_file.hpp"
#include "platform/local_socket.hpp"
#include "platform/output_file.hpp"
#include "platform/output_pipes.hpp"
#include "platform/output_watch.hpp"
#include "platform/this_process.hpp"
#include "platform/windows/channel_packets.hpp"
#include "platform/windows/windows_command_line.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_security.hpp"
#include "platform/windows/windows_text.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::platform {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

std::string text_of(std::span<const char> bytes) {
    return {bytes.begin(), bytes.end()};
}

class Loop : public testing::Test {
  protected:
    void run_for_at_most(Duration limit) {
        const TimerId late = loop_->start_timer(clock_->now().mono + limit, [this] {
            ADD_FAILURE() << "waited in vain";
            loop_->stop();
        });
        loop_->run();
        loop_->cancel_timer(late);
    }

    std::unique_ptr<Clock> clock_ = make_system_clock();
    std::unique_ptr<EventLoop> loop_ = *make_event_loop(*clock_);
};

TEST(Text, is_the_same_in_both_encodings) {
    EXPECT_EQ(to_wide("\xc3\xa9"), L"\u00e9");
    EXPECT_EQ(to_utf8(L"\u00e9"), "\xc3\xa9");
    EXPECT_EQ(to_wide(""), L"");
}

TEST(Packets, come_out_as_they_went_in_however_the_stream_is_cut) {
    const std::array<std::uint64_t, 2> handles{7, 1ULL << 40};
    const std::string stream = packed("one", handles) + packed("", {}) + packed("three", {});
    PacketReader reader;
    std::vector<Packet> got;
    for (const char byte : stream) {
        reader.add({&byte, 1});
        while (auto packet = reader.next()) got.push_back(std::move(*packet));
    }
    ASSERT_EQ(got.size(), 3U);
    EXPECT_EQ(got[0].bytes, "one");
    EXPECT_EQ(got[0].handles, std::vector<std::uint64_t>(handles.begin(), handles.end()));
    EXPECT_EQ(got[1].bytes, "");
    EXPECT_EQ(got[2].bytes, "three");
    EXPECT_FALSE(reader.broken());
}

TEST(Packets, of_sizes_that_nobody_sends_are_the_end) {
    for (const std::string& header :
         {std::string("\xff\xff\xff\xff\0\0\0\0", 8), std::string("\1\0\0\0\xff\xff\xff\xff", 8)}) {
        PacketReader reader;
        reader.add(header + std::string(64, 'x'));
        EXPECT_FALSE(reader.next());
        EXPECT_TRUE(reader.broken());
    }
}

TEST(CommandLine, keeps_quotes_and_backslashes) {
    EXPECT_EQ(quoted_argument(L""), LR"("")");
    EXPECT_EQ(quoted_argument(LR"(C:\a b\)"), LR"("C:\a b\\")");
    EXPECT_EQ(quoted_argument(LR"(say "hi")"), LR"("say \"hi\"")");
}

TEST(Paths, that_are_long_get_the_name_that_windows_takes) {
    EXPECT_EQ(long_path(L"C:\\short"), L"C:\\short");
    const std::wstring deep = L"C:\\" + std::wstring(300, L'x');
    EXPECT_EQ(long_path(deep), L"\\\\?\\" + deep);
    EXPECT_EQ(long_path(L"\\\\server\\" + std::wstring(300, L'x')),
              L"\\\\?\\UNC\\server\\" + std::wstring(300, L'x'));
}

TEST(Messages, of_windows_have_no_place_that_nobody_fills) {
    const std::string bad_program = os_message(ERROR_BAD_EXE_FORMAT);
    EXPECT_THAT(bad_program, HasSubstr("the file"));
    EXPECT_EQ(bad_program.find('%'), std::string::npos) << bad_program;
}

TEST(Files, that_somebody_holds_open_are_said_to_be_in_use) {
    const test::TemporaryDirectory directory;
    const fs::path file = directory.path() / "held";
    std::ofstream(file) << "text";
    HANDLE const held =
        ::CreateFileW(file.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                      OPEN_EXISTING, 0, nullptr);
    ASSERT_NE(held, INVALID_HANDLE_VALUE);
    const std::error_code moved = move_file(file, directory.path() / "moved");
    std::error_code removed;
    EXPECT_FALSE(fs::remove(file, removed));
    ::CloseHandle(held);
    EXPECT_EQ(file_trouble(moved), "it is in use by another program");
    EXPECT_EQ(file_trouble(removed), "it is in use by another program");
    EXPECT_FALSE(move_file(file, directory.path() / "moved"));
    EXPECT_TRUE(fs::exists(directory.path() / "moved"));
}

TEST(Endpoint, has_a_name_that_follows_the_data_directory) {
    const auto name = [](const fs::path& path) { return SocketAddressPath::of(path)->text(); };
    EXPECT_THAT(name(L"C:\\a\\syspulse.sock"), testing::StartsWith(R"(\\.\pipe\syspulse-)"));
    EXPECT_EQ(name(L"C:\\a\\syspulse.sock"), name(L"c:\\A\\syspulse.sock"));
    EXPECT_NE(name(L"C:\\a\\syspulse.sock"), name(L"C:\\b\\syspulse.sock"));
    EXPECT_EQ(name(L"mine"), R"(\\.\pipe\mine)");
    EXPECT_EQ(name(LR"(\\.\pipe\mine)"), R"(\\.\pipe\mine)");
    EXPECT_FALSE(SocketAddressPath::of(std::wstring(300, L'x')).has_value());
    EXPECT_FALSE(SocketAddressPath::of("").has_value());
}

TEST(OutputFile, is_read_renamed_and_replaced_while_it_is_open) {
    const test::TemporaryDirectory directory;
    const fs::path log = directory.path() / "a.log";
    auto writer = OutputFile::open_for_writing(log);
    ASSERT_TRUE(writer.has_value()) << writer.error().message;
    ASSERT_TRUE(writer->write_at(0, std::string_view("hello")).has_value());
    auto reader = OutputFile::open_for_reading(log);
    ASSERT_TRUE(reader.has_value());
    fs::rename(log, directory.path() / "a.log.1");
    ASSERT_TRUE(writer->write_at(5, std::string_view(" world")).has_value());
    std::array<char, 32> bytes{};
    EXPECT_EQ(*reader->read_at(0, bytes), 11U);
    EXPECT_EQ(text_of(std::span(bytes).first(11)), "hello world");
    EXPECT_EQ(writer->state()->id, reader->state()->id);
    auto next = OutputFile::open_for_writing(log);
    ASSERT_TRUE(next.has_value());
    EXPECT_FALSE(next->state()->id == reader->state()->id);
    ASSERT_TRUE(writer->truncate(4).has_value());
    EXPECT_EQ(reader->state()->size, 4U);
    const WallTime when = from_unix_ms(1'700'000'000'123);
    writer->set_modified(when);
    EXPECT_EQ(writer->state()->modified, when);
    EXPECT_EQ(OutputFile::open_for_reading(directory.path() / "none").error().code,
              ErrorCode::not_found);
}

TEST_F(Loop, hears_of_log_files_that_grow_and_of_new_ones) {
    const test::TemporaryDirectory directory;
    auto watch = make_output_watch();
    ASSERT_TRUE(watch.has_value());
    ASSERT_TRUE((*watch)->add_directory(directory.path()).has_value());
    int changes = 0;
    const auto id = loop_->watch((*watch)->handle(), ready_read, [&](std::uint32_t) {
        (*watch)->drain();
        ++changes;
        loop_->stop();
    });
    ASSERT_TRUE(id.has_value());
    auto file = OutputFile::open_for_writing(directory.path() / "a.log");
    run_for_at_most(seconds{60});
    ASSERT_TRUE(file->write_at(0, std::string_view("x")).has_value());
    file->touch();
    run_for_at_most(seconds{60});
    EXPECT_GE(changes, 2);
    loop_->unwatch(*id);
}

TEST(OutputPipes, carry_what_is_written_and_know_their_writers) {
    const test::TemporaryDirectory directory;
    const fs::path path = directory.path() / "out";
    auto pipes = *make_output_pipes();
    EXPECT_EQ(pipes->open_writer(path).error().code, ErrorCode::not_found);
    ASSERT_TRUE(pipes->create(path).has_value());
    const auto writer = pipes->open_writer(path);
    const auto reader = pipes->open_reader(path);
    ASSERT_TRUE(writer.has_value() && reader.has_value());
    EXPECT_EQ(pipes->id_of(*writer), pipes->id_of(*reader));
    ASSERT_TRUE(pipes->hand_over(*reader).has_value());
    EXPECT_EQ(pipes->receive(), *reader);
    ASSERT_TRUE(pipes->add(*reader, 7).has_value());
    EXPECT_TRUE(pipes->has_writers(*reader));

    const auto write = [&](const std::string& text) {
        DWORD written = 0;
        const auto handle = reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(*writer));
        ASSERT_NE(
            ::WriteFile(handle, text.data(), static_cast<DWORD>(text.size()), &written, nullptr),
            0);
    };
    std::vector<PipeEvent> events;
    pipes->wait(events, false);
    EXPECT_TRUE(events.empty());
    for (int round = 0; round < 3; ++round) {
        write("hello world");
        while (events.empty()) pipes->wait(events, true);
        EXPECT_EQ(events[0].token, 7U);
        EXPECT_EQ(pipes->available(*reader), 11U);
        std::array<char, 32> bytes{};
        EXPECT_EQ(*pipes->peek(*reader, bytes), 11U);
        EXPECT_EQ(text_of(std::span(bytes).first(11)), "hello world");
        EXPECT_EQ(pipes->discard(*reader, 6), 6U);
        auto file = *OutputFile::create(directory.path() / "log");
        EXPECT_EQ(*pipes->move_to(*reader, file, 0, 100), 5U);
        EXPECT_EQ(*file.read_at(0, bytes), 5U);
        EXPECT_EQ(text_of(std::span(bytes).first(5)), "world");
        EXPECT_EQ(pipes->available(*reader), 0U);
        events.clear();
    }
    pipes->close(*writer);
    EXPECT_FALSE(pipes->has_writers(*reader));
    fs::remove(path);
    EXPECT_EQ(pipes->open_writer(path).error().code, ErrorCode::not_found);
    pipes->close(*reader);
}

TEST_F(Loop, tells_when_a_socket_is_ready_for_as_long_as_it_is) {
    const SOCKET socket = ::WSASocketW(AF_INET, SOCK_DGRAM, 0, nullptr, 0, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(socket, generic, size), 0);
    ASSERT_EQ(::getsockname(socket, generic, &size), 0);
    ASSERT_EQ(::connect(socket, generic, size), 0);
    int calls = 0;
    const auto id =
        *loop_->watch(static_cast<NativeHandle>(socket), ready_read, [&](std::uint32_t bits) {
            EXPECT_EQ(bits, std::uint32_t{ready_read});
            if (++calls == 2) loop_->stop();
        });
    ASSERT_EQ(::send(socket, "x", 1, 0), 1);
    run_for_at_most(seconds{60});
    loop_->rewatch(id, ready_write);
    loop_->unwatch(id);
    std::uint32_t seen = 0;
    const auto writable =
        *loop_->watch(static_cast<NativeHandle>(socket), ready_write, [&](std::uint32_t bits) {
            seen = bits;
            loop_->stop();
        });
    run_for_at_most(seconds{60});
    EXPECT_EQ(seen, std::uint32_t{ready_write});
    loop_->unwatch(writable);
    ::closesocket(socket);
}

TEST_F(Loop, tells_when_an_object_is_signalled_until_it_is_unwatched) {
    const HANDLE event = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
    int calls = 0;
    const auto id = *loop_->watch(static_cast<NativeHandle>(reinterpret_cast<std::intptr_t>(event)),
                                  ready_read, [&](std::uint32_t) {
                                      if (++calls == 3) loop_->stop();
                                  });
    ::SetEvent(event);
    run_for_at_most(seconds{60});
    EXPECT_EQ(calls, 3);
    loop_->unwatch(id);
    loop_->start_timer(clock_->now().mono + milliseconds{20}, [this] { loop_->stop(); });
    loop_->run();
    EXPECT_EQ(calls, 3);
    ::CloseHandle(event);
}

TEST(LocalSocket, is_for_its_owner_and_the_system_alone) {
    auto server = bind_endpoint(R"(\\.\pipe\syspulse-test-owner-)" + std::to_string(process_id()));
    ASSERT_TRUE(server.has_value()) << server.error().message;
    PSID owner = nullptr;
    PACL list = nullptr;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    ASSERT_EQ(::GetSecurityInfo(handle_of(server->socket.get()), SE_KERNEL_OBJECT,
                                OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner,
                                nullptr, &list, nullptr, &descriptor),
              DWORD{ERROR_SUCCESS});
    EXPECT_EQ(Sid(owner).text(), own_sid().text());
    ASSERT_NE(list, nullptr) << "without a list everybody may";
    EXPECT_EQ(list->AceCount, 2U);
    for (DWORD i = 0; i < list->AceCount; ++i) {
        void* entry = nullptr;
        ASSERT_NE(::GetAce(list, i, &entry), 0);
        auto* const allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
        EXPECT_EQ(allowed->Header.AceType, ACCESS_ALLOWED_ACE_TYPE);
        const Sid who(&allowed->SidStart);
        EXPECT_TRUE(who == own_sid() || who == system_sid()) << who.name();
    }
    ::LocalFree(descriptor);
}

TEST(LocalSocket, carries_bytes_both_ways_and_says_when_it_waits_too_long) {
    const std::string name = R"(\\.\pipe\syspulse-test-)" + std::to_string(process_id());
    EXPECT_EQ(connect_endpoint(name, "DIR").error().code, ErrorCode::unavailable);
    auto server = bind_endpoint(name);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    auto client = connect_endpoint(name, "DIR");
    ASSERT_TRUE(client.has_value()) << client.error().message;
    std::array<char, 16> bytes{};
    EXPECT_EQ(receive_some(client->get(), bytes, milliseconds{20}).error().code,
              ErrorCode::timed_out);
    EXPECT_EQ(*send_some(client->get(), "hello", seconds{60}), 5U);
    EXPECT_EQ(*receive_some(server->socket.get(), bytes, seconds{60}), 5U);
    EXPECT_EQ(peer_of(server->socket.get())->pid, process_id());
    EXPECT_FALSE(has_vanished(client->get()));
    server->socket = SocketHandle();
    EXPECT_EQ(*receive_some(client->get(), bytes, seconds{60}), 0U);
    EXPECT_TRUE(has_vanished(client->get()));
}

TEST(FileTrust, is_for_regular_files_of_ours) {
    const test::TemporaryDirectory directory;
    EXPECT_EQ(trusted_file(directory.path() / "none").error().code, ErrorCode::not_found);
    EXPECT_EQ(trusted_file(directory.path()).error().code, ErrorCode::invalid_argument);
    const fs::path file = directory.path() / "a.dll";
    test::write_file(file, "one");
    const auto before = file_stamp(file);
    EXPECT_NE(before, 0U);
    test::write_file(file, "other");
    EXPECT_NE(file_stamp(file), before);
    EXPECT_EQ(file_stamp(directory.path() / "none"), 0U);
}

TEST(LibraryFile, says_what_is_no_library) {
    const test::TemporaryDirectory directory;
    const fs::path file = directory.path() / "a.dll";
    test::write_file(file,
                     "\x7f"
                     "ELF");
    EXPECT_THAT(check_library_file(file).error().message, HasSubstr("MZ"));
    test::write_file(file, "MZ");
    EXPECT_THAT(check_library_file(file).error().message, HasSubstr("cut off"));
    EXPECT_TRUE(check_library_file(L"C:\\windows\\system32\\kernel32.dll").has_value());
    EXPECT_THAT(check_library_file(program_path()).error().message, HasSubstr("no DLL"));
}

}  // namespace
}  // namespace syspulse::platform
