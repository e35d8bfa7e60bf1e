# Third-party packages. Debian's names stand in scripts/packages.txt, the one list of what a build needs.
if(WIN32)
  include(SyspulseWindowsDependencies)
else()
  find_package(Threads REQUIRED)
  find_package(Boost 1.74 REQUIRED)
  find_package(SQLite3 REQUIRED)
  find_package(yaml-cpp REQUIRED)
  find_package(spdlog REQUIRED)
  find_package(CURL REQUIRED)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
  find_package(nlohmann_json REQUIRED)
  find_package(CLI11 REQUIRED)
  find_package(ZLIB REQUIRED)
  find_package(absl REQUIRED)
  if(SYSPULSE_DEVELOPER_MODE)
    find_package(GTest REQUIRED)
    find_package(benchmark REQUIRED)
  endif()
endif()

# Boost.Asio, Beast and DLL are used header-only; DLL with std::filesystem instead of Boost.Filesystem.
add_library(syspulse_boost INTERFACE)
target_link_libraries(syspulse_boost INTERFACE Boost::headers Threads::Threads ${CMAKE_DL_LIBS})
target_compile_definitions(syspulse_boost INTERFACE
  BOOST_DLL_USE_STD_FS BOOST_ASIO_NO_DEPRECATED BOOST_ALLOW_DEPRECATED_HEADERS)


# spdlog and fmt as headers, of which the log takes a small part; the shared libraries are built for all they offer.
add_library(SYSPULSE_SPDLOG INTERFACE)
target_include_directories(SYSPULSE_SPDLOG SYSTEM INTERFACE
  $<TARGET_PROPERTY:spdlog::spdlog,INTERFACE_INCLUDE_DIRECTORIES>)
target_compile_definitions(SYSPULSE_SPDLOG INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)

# What nobody but this program is likely to have loaded: a shared library costs every command the look-up of its
# symbols, and the manager pages of its own for what the loader writes.
option(SYSPULSE_STATIC_LIBRARIES
  "Link SQLite, yaml-cpp, zlib, abseil and, in a release, the C++ library statically where their archives are installed" ON)

# syspulse_library(VARIABLE ARCHIVE TARGET…): what to link, the archive or the first of the targets that exists.
function(syspulse_library variable archive)
  set(target)
  if(SYSPULSE_STATIC_LIBRARIES AND NOT WIN32 AND NOT SYSPULSE_SANITIZE)
    find_library(${variable}_ARCHIVE ${archive})
  endif()
  foreach(candidate ${ARGN})
    if(TARGET ${candidate} AND NOT target)
      set(target ${candidate})
    endif()
  endforeach()
  if(${variable}_ARCHIVE)
    add_library(${variable} INTERFACE)
    target_include_directories(${variable} SYSTEM INTERFACE $<TARGET_PROPERTY:${target},INTERFACE_INCLUDE_DIRECTORIES>)
    target_link_libraries(${variable} INTERFACE ${${variable}_ARCHIVE} ${CMAKE_DL_LIBS} m)
    set(target ${variable})
  endif()
  set(${variable} ${target} PARENT_SCOPE)
endfunction()
# The target names differ between packagings of yaml-cpp.
syspulse_library(SYSPULSE_YAML libyaml-cpp.a yaml-cpp::yaml-cpp yaml-cpp)
syspulse_library(SYSPULSE_SQLITE libsqlite3.a SQLite::SQLite3)
syspulse_library(SYSPULSE_ZLIB libz.a ZLIB::ZLIB)

# Time zones: abseil's, of which a program takes a small part. Its package knows the shared libraries only, and which
# archives there are differs between its versions: they are linked where they are enough.
if(NOT WIN32)
  include(CheckCXXSourceCompiles)
  set(absl_archives)
  if(SYSPULSE_STATIC_LIBRARIES AND NOT SYSPULSE_SANITIZE)
    foreach(part time civil_time time_zone strings strings_internal throw_delegate int128 base spinlock_wait
        raw_logging_internal log_severity)
      find_library(SYSPULSE_ABSL_${part}_ARCHIVE libabsl_${part}.a)
      mark_as_advanced(SYSPULSE_ABSL_${part}_ARCHIVE)
      list(APPEND absl_archives ${SYSPULSE_ABSL_${part}_ARCHIVE})
    endforeach()
    if(NOT absl_archives MATCHES "NOTFOUND")
      set(CMAKE_REQUIRED_LIBRARIES ${absl_archives} Threads::Threads)
      check_cxx_source_compiles("#include <absl/time/time.h>
        int main() { absl::TimeZone zone; return absl::LoadTimeZone(\"UTC\", &zone) ? 0 : 1; }" SYSPULSE_ABSL_ARCHIVES_ARE_ENOUGH)
      unset(CMAKE_REQUIRED_LIBRARIES)
    endif()
  endif()
  add_library(SYSPULSE_TIME_ZONES INTERFACE)
  if(absl_archives AND SYSPULSE_ABSL_ARCHIVES_ARE_ENOUGH)
    target_include_directories(SYSPULSE_TIME_ZONES SYSTEM INTERFACE
      $<TARGET_PROPERTY:absl::time,INTERFACE_INCLUDE_DIRECTORIES>)
    target_link_libraries(SYSPULSE_TIME_ZONES INTERFACE ${absl_archives} Threads::Threads)
  else()
    set(absl_archives)
    target_link_libraries(SYSPULSE_TIME_ZONES INTERFACE absl::time)
  endif()
endif()

# The C++ library goes inside a release's program and plugins, each with the part that it uses: where nobody else on the
# machine has the shared one loaded, that one takes 1.7 MiB of the manager's memory. Only when no other shared library in
# C++ is linked, as the program would offer its copy to that, and the two would be mixed.
set(SYSPULSE_OWN_RUNTIME OFF)
set(SYSPULSE_OWN_RUNTIME_OPTIONS -static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL)
if(SYSPULSE_STATIC_LIBRARIES AND NOT WIN32 AND NOT SYSPULSE_SANITIZE)
  set(CMAKE_REQUIRED_LINK_OPTIONS ${SYSPULSE_OWN_RUNTIME_OPTIONS})
  check_cxx_source_compiles("#include <iostream>\nint main() { std::cout << 1; }" SYSPULSE_CAN_LINK_RUNTIME_STATICALLY)
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  if(SYSPULSE_CAN_LINK_RUNTIME_STATICALLY AND absl_archives AND SYSPULSE_YAML_ARCHIVE)
    set(SYSPULSE_OWN_RUNTIME ON)
  else()
    message(STATUS "A release shares the system's C++ library, which takes memory: it lacks libstdc++.a, libyaml-cpp.a or "
      "archives of abseil")
  endif()
endif()

# syspulse_own_runtime(TARGET...): with a C++ library of its own, in a release.
function(syspulse_own_runtime)
  if(SYSPULSE_OWN_RUNTIME)
    foreach(target ${ARGN})
      target_link_options(${target} PRIVATE "$<$<CONFIG:Release>:${SYSPULSE_OWN_RUNTIME_OPTIONS}>")
    endforeach()
  endif()
endfunction()
