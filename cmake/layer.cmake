# add_layer(FOLDER SOURCES a.cc ... HEADERS a.h ... [DEPENDS layer ...] [LIBRARIES lib ...])
#
# One static library for one folder, named after it (exporter/http -> exporter_http). Its headers are
# included as "folder/name.h" and become visible only to targets that name the layer in DEPENDS, or
# name one that does (docs/adr/0002): each layer has an include root of its own, include/<layer> in
# the build directory, that holds links to the headers listed here and nothing else. The source root
# is on nobody's include path.
function(add_layer folder)
  cmake_parse_arguments(PARSE_ARGV 1 LAYER "" "" "SOURCES;HEADERS;DEPENDS;LIBRARIES")
  string(REPLACE "/" "_" name ${folder})
  set(root ${CMAKE_BINARY_DIR}/include/${name})
  file(REMOVE_RECURSE ${root})
  file(MAKE_DIRECTORY ${root}/${folder})
  foreach(header IN LISTS LAYER_HEADERS)
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${header})
      message(FATAL_ERROR "layer ${folder}: no header ${header}")
    endif()
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${header} ${root}/${folder}/${header} SYMBOLIC)
  endforeach()
  if(LAYER_SOURCES)
    add_library(${name} STATIC ${LAYER_SOURCES} ${LAYER_HEADERS})
    target_include_directories(${name} PUBLIC ${root})
    target_link_libraries(${name} PUBLIC ${LAYER_DEPENDS} ${LAYER_LIBRARIES}
                          PRIVATE kvm_tsc_warnings)
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${root})
    target_link_libraries(${name} INTERFACE ${LAYER_DEPENDS} ${LAYER_LIBRARIES})
  endif()
endfunction()
