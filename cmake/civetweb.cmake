# civetweb: CivetWeb from Debian's source package (docs/adr/0003-civetweb-from-source.md), as one
# static library. Not held to our warnings.
set(KVM_TSC_CIVETWEB_DIR ${CMAKE_SOURCE_DIR}/build/third-party/civetweb
    CACHE PATH "CivetWeb's unpacked sources, as scripts/fetch-civetweb.sh leaves them")
if(NOT EXISTS ${KVM_TSC_CIVETWEB_DIR}/src/civetweb.c)
  message(FATAL_ERROR "No CivetWeb sources in ${KVM_TSC_CIVETWEB_DIR}.\n"
                      "Run: scripts/fetch-civetweb.sh build/third-party")
endif()

add_library(civetweb STATIC ${CMAKE_SOURCE_DIR}/exporter/http/civetweb_socket.c)
target_include_directories(civetweb PRIVATE ${KVM_TSC_CIVETWEB_DIR}/src)
target_include_directories(civetweb SYSTEM PUBLIC ${KVM_TSC_CIVETWEB_DIR}/include)
# What it must not do is compiled out: no files, no CGI, no caching headers. The quantum is how often
# its threads look whether they are to stop; the flag's lock makes that look free of data races, and
# the reentrant time functions the Date of each response. Workers are many, so their stacks are
# small; our handlers keep large things on the heap.
target_compile_definitions(civetweb PRIVATE
  NO_SSL_DL OPENSSL_API_3_0 USE_IPV6 USE_X_DOM_SOCKET
  NO_CGI NO_FILES NO_CACHING NO_POPEN
  STOP_FLAG_NEEDS_LOCK REENTRANT_TIME SOCKET_TIMEOUT_QUANTUM=100 USE_STACK_SIZE=262144)
target_compile_options(civetweb PRIVATE -w)
if(KVM_TSC_SANITIZE MATCHES "thread")
  target_compile_options(civetweb PRIVATE
    -fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/cmake/civetweb-tsan.txt)
endif()
target_link_libraries(civetweb PUBLIC OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
