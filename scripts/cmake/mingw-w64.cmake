# Cross-compiles for 64-bit Windows 10 and later with mingw-w64, linked statically: only system DLLs remain. The names
# say -posix, as the compilers with Windows' own thread model have no std::thread.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_VERSION 10.0)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(triple x86_64-w64-mingw32)
set(CMAKE_C_COMPILER ${triple}-gcc-posix)
set(CMAKE_CXX_COMPILER ${triple}-g++-posix)
set(CMAKE_RC_COMPILER ${triple}-windres)
set(CMAKE_AR ${triple}-gcc-ar-posix CACHE FILEPATH "")
set(CMAKE_RANLIB ${triple}-gcc-ranlib-posix CACHE FILEPATH "")

# What scripts/windows/prefix built, and nothing of the machine that builds.
if(DEFINED ENV{SYSPULSE_WINDOWS_PREFIX})
  set(SYSPULSE_WINDOWS_PREFIX $ENV{SYSPULSE_WINDOWS_PREFIX})
else()
  get_filename_component(SYSPULSE_WINDOWS_PREFIX ${CMAKE_CURRENT_LIST_DIR}/../../build/windows-prefix ABSOLUTE)
endif()
set(CMAKE_FIND_ROOT_PATH ${SYSPULSE_WINDOWS_PREFIX} /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(kind LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()

foreach(kind EXE SHARED MODULE)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT -static)
endforeach()
# Object files of many sources have more sections than the plain format counts.
set(CMAKE_C_FLAGS_INIT
  "-DWINVER=0x0A00 -D_WIN32_WINNT=0x0A00 -DNOMINMAX -DWIN32_LEAN_AND_MEAN -DUNICODE -D_UNICODE -Wa,-mbig-obj")
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")

# Tests run under Wine; see scripts/windows/wine. A machine without it builds all the same.
if(NOT DEFINED CMAKE_CROSSCOMPILING_EMULATOR)
  find_program(SYSPULSE_WINE wine NO_CMAKE_FIND_ROOT_PATH)
  if(SYSPULSE_WINE)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${SYSPULSE_WINE})
  endif()
endif()
