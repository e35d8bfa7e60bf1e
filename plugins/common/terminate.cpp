// For a plugin with a C++ library of its own: what that says of an exception that nobody catches.
// The library's own words name its type, for which it brings along a third of such a plugin.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>

namespace __gnu_cxx {  // NOLINT: taken by the linker in place of the library's.

void __verbose_terminate_handler();

void __verbose_terminate_handler() {
    const auto write = [](const char* text) {
        static_cast<void>(!::write(STDERR_FILENO, text, std::strlen(text)));
    };
    write("a plugin ends its process: nobody catches an exception");
    try {
        if (std::current_exception()) throw;
    } catch (const std::exception& exception) {
        write(": ");
        write(exception.what());
    } catch (...) {
        write(" that is no std::exception");
    }
    write("\n");
    std::abort();
}

}  // namespace __gnu_cxx
