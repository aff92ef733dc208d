# The commit the build was made from, for --version and exporter_build_info; "unknown" outside git.
find_package(Git QUIET)
set(KVM_TSC_REVISION unknown)
if(Git_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${CMAKE_SOURCE_DIR} rev-parse --short=12 HEAD
                  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE
                  RESULT_VARIABLE failed ERROR_QUIET)
  if(NOT failed)
    set(KVM_TSC_REVISION ${revision})
  endif()
endif()
