# How targets are declared, so that every module's CMakeLists.txt is one call.

# Warnings and sanitizers that all of our own targets share.
add_library(syspulse_options INTERFACE)
target_compile_options(syspulse_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Wold-style-cast -Wswitch-enum>
  $<$<BOOL:${SYSPULSE_DEVELOPER_MODE}>:-Werror>
  # With optimization g++ 12 takes members of an empty std::optional and bounds of std::string for mistakes.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-maybe-uninitialized -Wno-restrict>)
if(SYSPULSE_SANITIZE MATCHES "thread")
  # Asio uses fences, which g++ cannot instrument and warns about.
  target_compile_options(syspulse_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endif()
if(SYSPULSE_SANITIZE)
  add_compile_options(-fsanitize=${SYSPULSE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SYSPULSE_SANITIZE})
  # The check of virtual tables opens a pipe to look at the object; where the descriptors are used up, as in some
  # tests, it takes every object for a wrong one.
  if(SYSPULSE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()

# Linking the tests takes a good part of a developer's build; mold does it in a fraction of the time.
if(SYSPULSE_DEVELOPER_MODE AND NOT WIN32)
  find_program(SYSPULSE_MOLD mold)
  if(SYSPULSE_MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

# Of what is installed, code that nothing calls is left out, and the table of addresses to fill in at start is packed: the
# manager stays in memory with all its pages, and every command begins with loading them.
if(NOT WIN32 AND NOT SYSPULSE_SANITIZE)
  add_compile_options($<$<CONFIG:Release>:-ffunction-sections> $<$<CONFIG:Release>:-fdata-sections>)
  add_link_options($<$<CONFIG:Release>:-Wl,--gc-sections>)
  set(SYSPULSE_ORDERED_SECTIONS ON)
  if(NOT CMAKE_CROSSCOMPILING)
    include(CheckCXXSourceRuns)
    set(CMAKE_REQUIRED_LINK_OPTIONS -Wl,-z,pack-relative-relocs)
    # It has to run: a linker may know what the C library does not.
    check_cxx_source_runs("int main() { return 0; }" SYSPULSE_CAN_PACK_RELOCATIONS)
    unset(CMAKE_REQUIRED_LINK_OPTIONS)
    if(SYSPULSE_CAN_PACK_RELOCATIONS)
      add_link_options($<$<CONFIG:Release>:-Wl,-z,pack-relative-relocs>)
    endif()
  endif()
endif()

# syspulse_small(TARGET…): for what runs seldom, and for a person; it is worth fewer pages rather than fewer cycles.
function(syspulse_small)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-Os>)
  endforeach()
endfunction()

# syspulse_optimize(TARGET…): for what computes for minutes in tests, optimised also in the developer's build.
function(syspulse_optimize)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE $<$<CONFIG:Debug>:-O2>)
    set_target_properties(${target} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)  # Made for other options.
  endforeach()
endfunction()

# syspulse_module(NAME SOURCES … LINK … PRIVATE_LINK …): the static library of one folder below core/.
function(syspulse_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(syspulse_${name} STATIC ${arg_SOURCES})
  add_library(syspulse::${name} ALIAS syspulse_${name})
  target_include_directories(syspulse_${name} PUBLIC ${PROJECT_SOURCE_DIR}/core)
  target_link_libraries(syspulse_${name} PUBLIC ${arg_LINK} PRIVATE syspulse_options ${arg_PRIVATE_LINK})
endfunction()

# What ThreadSanitizer is built and run for: all that has threads.
add_custom_target(threaded)
# Of syspulse_test() what CI runs under AddressSanitizer (not the tests of the command line, which costs most to compile
# and handles no foreign memory), and under ThreadSanitizer.
add_custom_target(sanitized_tests)
add_custom_target(threaded_tests)

# The headers of the test framework take a good part of a test's compilation. They are compiled once in unity builds;
# the developer's build checks that every source includes what it uses.
function(syspulse_test_headers name)
  if(NOT CMAKE_UNITY_BUILD)
    return()
  endif()
  if(NOT TARGET syspulse_test_headers)
    # A program, as its options have to be those of the tests.
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_headers.cpp CONTENT "int main() {}\n")
    add_executable(syspulse_test_headers EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/test_headers.cpp)
    target_link_libraries(syspulse_test_headers PRIVATE syspulse_options GTest::gmock GTest::gtest)
    target_precompile_headers(syspulse_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  target_precompile_headers(${name} REUSE_FROM syspulse_test_headers)
endfunction()

# What has main() in it.
set(SYSPULSE_TEST_MAIN GTest::gtest_main)
if(WIN32)
  set(SYSPULSE_TEST_MAIN syspulse_test_main)
endif()

# syspulse_test(NAME SOURCES … LINK … [THREADS] [LABELS …] [TIMEOUT seconds]): a GoogleTest program,
# registered with CTest as one test. Registering per program keeps a run of thousands of cases in seconds.
# THREADS: there are threads in it, so it also runs under ThreadSanitizer.
function(syspulse_test name)
  cmake_parse_arguments(arg "THREADS" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE syspulse_options ${arg_LINK} GTest::gmock ${SYSPULSE_TEST_MAIN})
  syspulse_test_headers(${name})
  if(NOT name MATCHES "^cli_")
    add_dependencies(sanitized_tests ${name})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(arg_THREADS)
    list(APPEND arg_LABELS threads)
    add_dependencies(threaded ${name})
    add_dependencies(threaded_tests ${name})
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()
