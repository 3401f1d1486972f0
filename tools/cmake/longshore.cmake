# One function per kind of target, so that a leaf CMakeLists names only sources and dependencies.

add_library(longshore_flags INTERFACE)
target_compile_options(longshore_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wunused -Wunused-result -Wimplicit-fallthrough
  -Wno-missing-designated-field-initializers -fno-omit-frame-pointer -fstack-protector-strong)
target_include_directories(longshore_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(LONGSHORE_SANITIZE)
  target_compile_options(longshore_flags INTERFACE -fsanitize=${LONGSHORE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(longshore_flags INTERFACE -fsanitize=${LONGSHORE_SANITIZE})
endif()
target_link_options(longshore_flags INTERFACE -fuse-ld=lld)
if(LONGSHORE_STATIC)
  target_link_options(longshore_flags INTERFACE LINKER:--gc-sections,--icf=safe,--as-needed)
endif()
# Equal sources give equal precompiled headers, so that ccache finds what was built against them.
target_compile_options(longshore_flags INTERFACE "SHELL:-Xclang -fno-pch-timestamp")

# Debian's headers are not ours to fix: they come in as system headers.
add_library(longshore_asio INTERFACE)
target_compile_definitions(longshore_asio INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY)
target_link_libraries(longshore_asio INTERFACE Boost::headers Threads::Threads)

# One precompiled header for every target that speaks Asio: it is most of their build time.
add_library(longshore_pch STATIC ${PROJECT_SOURCE_DIR}/tools/cmake/pch.cc)
target_link_libraries(longshore_pch PRIVATE longshore_flags longshore_asio OpenSSL::SSL OpenSSL::Crypto)
target_precompile_headers(longshore_pch PRIVATE ${PROJECT_SOURCE_DIR}/tools/cmake/pch.h)

# longshore_library(NAME [PCH] SOURCES ... DEPS ... [PRIVATE_DEPS ...])
function(longshore_library NAME)
  cmake_parse_arguments(ARG "PCH" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  if(NOT ARG_SOURCES)
    add_library(${NAME} INTERFACE)
    target_link_libraries(${NAME} INTERFACE ${ARG_DEPS})
    return()
  endif()
  add_library(${NAME} STATIC ${ARG_SOURCES})
  target_link_libraries(${NAME} PUBLIC ${ARG_DEPS} PRIVATE longshore_flags ${ARG_PRIVATE_DEPS})
  target_include_directories(${NAME} PUBLIC ${PROJECT_SOURCE_DIR})
  if(ARG_PCH)
    target_link_libraries(${NAME} PRIVATE longshore_asio OpenSSL::SSL OpenSSL::Crypto)
    target_precompile_headers(${NAME} REUSE_FROM longshore_pch)
  endif()
endfunction()

# longshore_program(NAME [PCH] SOURCES ... DEPS ...)
function(longshore_program NAME)
  cmake_parse_arguments(ARG "PCH" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE longshore_flags ${ARG_DEPS})
  if(ARG_PCH)
    target_link_libraries(${NAME} PRIVATE longshore_asio OpenSSL::SSL OpenSSL::Crypto)
    target_precompile_headers(${NAME} REUSE_FROM longshore_pch)
  endif()
endfunction()

# Everything that ctest's label `fast` needs, and nothing else: what the sanitizers build.
add_custom_target(fast_tests)

# longshore_test(NAME [PCH] LABEL fast|slow SOURCES ... DEPS ...): one GoogleTest program, each test registered.
function(longshore_test NAME)
  cmake_parse_arguments(ARG "PCH" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE longshore_flags ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  if(ARG_PCH)
    target_link_libraries(${NAME} PRIVATE longshore_asio OpenSSL::SSL OpenSSL::Crypto)
    target_precompile_headers(${NAME} REUSE_FROM longshore_pch)
  endif()
  if(ARG_LABEL STREQUAL "fast")
    add_dependencies(fast_tests ${NAME})
  endif()
  add_test(NAME ${NAME} COMMAND ${NAME})
  set_tests_properties(${NAME} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
