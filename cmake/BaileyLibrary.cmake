# bailey_library(base PURE|SYS SOURCES a.cc ... [DEPENDS model ...] [LINK fmt::fmt ...] [TESTS a_test.cc ...] [ROOT_TESTS b_test.cc ...])
#
# Makes the static library bailey_base (alias bailey::base) from the sources of the current folder and, when
# tests are built, the test binaries base_test (label unit) and base_root_test (labels unit and root).
function(bailey_library name)
  cmake_parse_arguments(arg "PURE;SYS" "" "SOURCES;DEPENDS;LINK;TESTS;ROOT_TESTS" ${ARGN})
  add_library(bailey_${name} STATIC ${arg_SOURCES})
  add_library(bailey::${name} ALIAS bailey_${name})
  foreach(dependency ${arg_DEPENDS})
    target_link_libraries(bailey_${name} PUBLIC bailey::${dependency})
  endforeach()
  target_link_libraries(bailey_${name} PUBLIC ${arg_LINK})
  # Several sources are compiled as one: most of the time goes into headers that they share. It halves a cold build;
  # names in anonymous namespaces must differ within a library.
  if(BAILEY_UNITY)
    set_target_properties(bailey_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${BAILEY_UNITY_BATCH})
  endif()
  if(BAILEY_TESTS AND arg_TESTS)
    bailey_test(${name}_test LABELS unit SOURCES ${arg_TESTS} DEPENDS ${name})
  endif()
  if(BAILEY_TESTS AND arg_ROOT_TESTS)
    bailey_test(${name}_root_test LABELS unit root SOURCES ${arg_ROOT_TESTS} DEPENDS ${name})
  endif()
endfunction()

# bailey_test(NAME LABELS ... SOURCES ... DEPENDS ...): one GoogleTest binary, run as one ctest test.
function(bailey_test name)
  cmake_parse_arguments(arg "" "" "LABELS;SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  foreach(dependency ${arg_DEPENDS})
    target_link_libraries(${name} PRIVATE bailey::${dependency})
  endforeach()
  target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main GTest::gmock)
  target_compile_definitions(${name} PRIVATE BAILEY_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                             BAILEY_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 900
    ENVIRONMENT "GTEST_OUTPUT=json:${PROJECT_BINARY_DIR}/results/${name}.json")
endfunction()

# bailey_benchmark(NAME SOURCES ... DEPENDS ...): the program bench_NAME of ./dev bench, built with the product.
# It prints one line a figure, as text or, with `-o json`, as JSON.
function(bailey_benchmark name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_executable(bench_${name} ${arg_SOURCES})
  foreach(dependency ${arg_DEPENDS})
    target_link_libraries(bench_${name} PRIVATE bailey::${dependency})
  endforeach()
  target_link_libraries(bench_${name} PRIVATE ${arg_LINK})
  set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()

# bailey_fuzzer(NAME SOURCES ... DEPENDS ...): one parser, one LLVMFuzzerTestOneInput. In the preset fuzz it is the
# libFuzzer program fuzz_NAME; in the others a test that replays tests/fuzz/corpus/NAME (label fuzz).
function(bailey_fuzzer name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(fuzz_${name} ${arg_SOURCES})
  foreach(dependency ${arg_DEPENDS})
    target_link_libraries(fuzz_${name} PRIVATE bailey::${dependency})
  endforeach()
  set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  if(BAILEY_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer,address,undefined)
  else()
    target_sources(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.cc)
    add_test(NAME fuzz_${name} COMMAND fuzz_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz_${name} PROPERTIES LABELS fuzz TIMEOUT 300)
  endif()
endfunction()
