# Warnings are errors, with both compilers. Applied to our own targets only, through
# `kvm_tsc_warnings`, so that third-party sources are not held to them.
add_library(kvm_tsc_warnings INTERFACE)
target_compile_options(kvm_tsc_warnings INTERFACE
  -Werror -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-align
  -Wformat=2 -Wimplicit-fallthrough -Wnon-virtual-dtor -Woverloaded-virtual -Wundef -Wunused)
