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
  find_package(date REQUIRED)
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

# The target names differ between packagings of yaml-cpp.
if(TARGET yaml-cpp::yaml-cpp)
  set(SYSPULSE_YAML yaml-cpp::yaml-cpp)
else()
  set(SYSPULSE_YAML yaml-cpp)
endif()
