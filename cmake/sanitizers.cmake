# KVM_TSC_SANITIZE: "", "fuzzer-no-link,address,undefined" or "thread"; the presets set it.
# "fuzzer-no-link" is libFuzzer's coverage without its main(), which tests/fuzz links: so one build
# serves the unit tests and the fuzz targets.
set(KVM_TSC_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them")
if(KVM_TSC_SANITIZE)
  add_compile_options(-fsanitize=${KVM_TSC_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KVM_TSC_SANITIZE})
  if(KVM_TSC_SANITIZE MATCHES "undefined")
    # It opens a pipe to look at an object's memory and takes every object for a bad one where
    # descriptors have run out, as tests have them do.
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()
