# bailey_bpf(fabric_path [HEADERS abi/x.h ...]): compiles fabric_path.bpf.c of the current folder for the kernel and makes
# the target bailey::bpf_fabric_path, whose users may include <fabric_path.skel.h> and the structs in abi/.
find_program(BPF_CLANG NAMES clang clang-14 REQUIRED)
find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf)

function(bailey_bpf name)
  cmake_parse_arguments(arg "" "" "HEADERS" ${ARGN})
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${name}.bpf.c)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/skeletons/${name}.skel.h)
  list(TRANSFORM arg_HEADERS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  # The kernel's headers for user programs are enough. Paths are left out of what goes into the product.
  add_custom_command(OUTPUT ${skeleton}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/skeletons
    COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror
            -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -I${CMAKE_CURRENT_SOURCE_DIR} -c ${source} -o ${object}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}
    DEPENDS ${source} ${arg_HEADERS}
    VERBATIM)
  add_custom_target(bpf_${name}_skeleton DEPENDS ${skeleton})
  add_library(bailey_bpf_${name} INTERFACE)
  add_library(bailey::bpf_${name} ALIAS bailey_bpf_${name})
  add_dependencies(bailey_bpf_${name} bpf_${name}_skeleton)
  target_include_directories(bailey_bpf_${name} INTERFACE ${CMAKE_CURRENT_SOURCE_DIR})
  target_include_directories(bailey_bpf_${name} SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR}/skeletons)
  target_link_libraries(bailey_bpf_${name} INTERFACE PkgConfig::LIBBPF)
endfunction()
