// What only Windows has, S, and the items that cannot be run there: they are not passed over in
// silence.
#include <windows.h>

#include <io.h>

#include <array>
#include <clocale>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "conformance/system_items.hpp"
#include "conformance/windows_console_flags.hpp"

namespace syspulse::conformance {
namespace {

std::wstring process_state() {
    const char* const locale = std::setlocale(LC_ALL, nullptr);
    std::wstring state = std::filesystem::current_path().wstring() + L"\n" +
                         std::to_wstring(::GetErrorMode()) + L"\n";
    for (const char* at = locale; at != nullptr && *at != '\0'; ++at)
        state += static_cast<wchar_t>(*at);
    wchar_t* const block = ::GetEnvironmentStringsW();
    for (const wchar_t* entry = block; *entry != L'\0'; entry += std::wcslen(entry) + 1)
        state += std::wstring(L"\n") + entry;
    ::FreeEnvironmentStringsW(block);
    return state;
}

Verdict state_kept(Case& c) {
    if (const auto kind = c.kind(); !kind) return skip(kind.error().message);
    const std::wstring before = process_state();
    exercise(c);
    return process_state() == before
               ? pass()
               : fail("directory, locale, environment or error mode are changed");
}

// Its standard output becomes a file meanwhile, for what is written by handle or by descriptor.
Verdict quiet(Case& c) {
    if (const auto kind = c.kind(); !kind) return skip(kind.error().message);
    const ProgramStreams streams = make_program_streams();
    const auto file = reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(streams.given[1].get()));
    const HANDLE handle_before = ::GetStdHandle(STD_OUTPUT_HANDLE);
    HANDLE copy = nullptr;
    const HANDLE self = ::GetCurrentProcess();
    ::DuplicateHandle(self, file, self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS);
    const int descriptor = ::_open_osfhandle(reinterpret_cast<std::intptr_t>(copy), 0);
    const int before = ::_dup(1);
    ::_dup2(descriptor, 1);
    ::SetStdHandle(STD_OUTPUT_HANDLE, file);
    exercise(c);
    std::fflush(stdout);
    ::SetStdHandle(STD_OUTPUT_HANDLE, handle_before);
    ::_dup2(before, 1);
    ::_close(descriptor);
    return output_of(streams).empty() ? pass() : fail("it writes to standard output");
}

// With a handle in the host that only the driver can keep back.
Verdict nothing_inherited(DriverBench& bench) {
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    const HANDLE event = ::CreateEventW(&inherited, TRUE, FALSE, nullptr);
    Words argv = programs::wait_to_be_ended();
    argv.back() = "handle";
    argv.push_back(std::to_string(reinterpret_cast<std::uintptr_t>(event)));
    const std::size_t before = bench.output().size();
    const Running run = bench.spawn(argv);
    const bool ran = run.up() && bench.exit_of(run);
    ::CloseHandle(event);
    if (!ran) return fail("it does not run");
    return bench.output().substr(before) == "kept back\n"
               ? pass()
               : fail("more than the three standard handles is inherited");
}

// A daemon that is started later would ignore it, too, and never be asked to end.
Verdict heeds_ctrl_c(Case& c) {
    if (const auto kind = c.kind(); !kind) return skip(kind.error().message);
    ::SetConsoleCtrlHandler(nullptr, FALSE);
    exercise(c);
    return ignores_ctrl_c() ? fail("Ctrl+C is ignored, which what is started inherits") : pass();
}

Verdict no_recycling(Case&) {
    return skip("nobody can have Windows give the number of a dead process to another one");
}

Verdict no_starving(Case&) {
    return skip("nobody can limit the memory of another process that runs on Windows");
}

Verdict hogs(DriverBench& bench) {
    bench.limits.valid = SYSP_LIMIT_MEMORY;
    bench.limits.memory_bytes = std::uint64_t{64} << 20;
    const Running run = bench.spawn(programs::hog());
    if (!run.up()) return skip("no limit of memory is taken here: " + bench.refusal);
    if (!bench.exit_of(run)) return fail("its end is not reported");
    return bench.output().find("survived") == std::string::npos
               ? pass("it is refused more, and not killed")
               : fail("a process gets 256 MiB with a limit of 64 MiB");
}

bool enforces(Case& c, std::uint32_t limit) {
    const auto kind = c.kind();
    return kind && ((*kind)->info.enforces & limit) != 0;
}

Verdict tells_of_memory(Case& c) {
    if (!enforces(c, SYSP_LIMIT_MEMORY)) return skip("it enforces no limit of memory");
    return with_driver<hogs>(c);
}

constexpr std::size_t processes_allowed = 20;

// The program and those that it says it has made.
std::size_t count_alive(const Running& run, const std::string& output) {
    std::size_t alive = process_lives(run.pid) ? 1 : 0;
    std::istringstream words(output);
    std::string word;
    for (std::int64_t child = 0; words >> word >> child && word == "child";)
        alive += process_lives(child) ? 1U : 0U;
    return alive;
}

Verdict multiplies(DriverBench& bench) {
    bench.limits.valid = SYSP_LIMIT_PROCESSES;
    bench.limits.processes = processes_allowed;
    const Running run = bench.spawn(programs::multiply());
    if (!run.up()) return skip("no limit of processes is taken here: " + bench.refusal);
    if (!bench.wait_for_output("made")) return fail("it neither ends nor goes on");
    const std::string output = bench.output();
    const std::size_t found = count_alive(run, output);
    const auto killed = bench.signal(run.proc, SYSP_SIG_KILL);
    const bool gone = bench.host.until([&] { return count_alive(run, output) == 0; },
                                       bench.within(bench_patience));
    if (found > processes_allowed) {
        return fail(std::to_string(found) + " processes live with a limit of " +
                    std::to_string(processes_allowed));
    }
    return killed && !killed->error && gone ? pass() : fail("SYSP_SIG_KILL does not end them all");
}

Verdict confines_processes(Case& c) {
    if (!enforces(c, SYSP_LIMIT_PROCESSES)) return skip("it enforces no limit of processes");
    return with_driver<multiplies>(c);
}

constexpr std::array states{
    Item{"S01", 3, Subject::kind, "directory, locale, environment and error mode are kept",
         state_kept},
    Item{"S02", 3, Subject::kind, "Ctrl+C is not ignored", heeds_ctrl_c},
    Item{"S03", 3, Subject::kind, "nothing is written to standard output", quiet},
};
constexpr std::array kernels{
    Item{"D10", 3, Subject::driver,
         "a process that got the number of a dead one is not taken for it", no_recycling},
    Item{"D25", 4, Subject::driver,
         "a limit of memory holds, and an end for want of it is told as such", tells_of_memory},
    Item{"D26", 4, Subject::driver, "a limit of processes holds, and KILL ends all that there are",
         confines_processes},
};
constexpr std::array memory{
    Item{"X06", 4, Subject::kind,
         "its process gets no more memory: all is answered, daemons live, a fresh one takes over",
         no_starving},
};

}  // namespace

// Beside what is given, a driver may add what Windows' own libraries need; nothing is of the host.
Verdict exact_environment(DriverBench& bench) {
    ::SetEnvironmentVariableW(L"SYSPULSE_KIT_STRAY", L"1");
    Words given = plain_environment();
    given.emplace_back("ODD=a b=c");
    bench.env = given;
    Words argv = programs::wait_to_be_ended();
    argv.back() = "env";
    const Running run = bench.spawn(argv);
    if (!run.up() || !bench.exit_of(run)) return fail("it does not run");
    given.push_back("SYSPULSE_RUN_ID=" + run.run_id);
    const std::string found = "\n" + bench.output();
    for (const std::string& variable : given) {
        if (found.find("\n" + variable + "\n") == std::string::npos)
            return fail(variable + " is missing; the environment is " + bench.output());
    }
    if (found.find("SYSPULSE_KIT_STRAY") != std::string::npos)
        return fail("a variable of the host is inherited");
    return nothing_inherited(bench);
}

// In its stead: Ctrl+C of others does not reach it, and one for it does.
Verdict clean_signals(DriverBench& bench) {
    Words argv = programs::wait_to_be_ended();
    argv.back() = "console";
    const Running run = bench.spawn(argv);
    if (!run.up() || !bench.exit_of(run)) return fail("it does not run");
    std::istringstream words(bench.output());
    std::string heeds;
    words >> heeds;
    if (heeds != "heeds") return fail("Ctrl+C is ignored from its start: " + bench.output());
    for (DWORD pid = 0; words >> pid;) {
        if (pid == ::GetCurrentProcessId()) return fail("it shares the console of the host");
    }
    return pass();
}

// There are none to pass on.
Verdict os_signals(DriverBench& bench) {
    const Running run = bench.spawn(programs::wait_to_be_ended());
    if (!run.up()) return fail("it does not start");
    const auto odd = bench.signal(run.proc, SYSP_SIG_OS, 4711);
    if (!odd || !odd->error) return fail("signal 4711 is said to have been sent");
    return process_lives(run.pid) ? pass() : fail("signal 4711 ended the process");
}

std::span<const Item> state_items() {
    return states;
}

std::span<const Item> memory_items() {
    return memory;
}

std::span<const Item> kernel_items() {
    return kernels;
}

}  // namespace syspulse::conformance
