# kvm-tsc-exporter: everything starts here. `make` alone prints the targets.
.DEFAULT_GOAL := help
SHELL := bash
JOBS ?= $(shell nproc)

.PHONY: help
help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Not .PHONY: make looks for no pattern rule for a phony target. FORCE does what it is for.
.PHONY: FORCE
packages-%: FORCE
	@scripts/install-packages.sh $*

# Configures once; CMake itself notices later changes.
build/%/build.ninja: CMakeLists.txt CMakePresets.json scripts/fetch-civetweb.sh
	@echo "Configuring build/$*; CivetWeb's source is fetched first"
	@scripts/fetch-civetweb.sh build/third-party
	@cmake --preset $* $(CMAKE_ARGS) >build/configure-$*.log 2>&1 || { cat build/configure-$*.log; exit 1; }
	@touch $@

# `make demo` may have configured without the tests.
.PHONY: with-tests
with-tests: packages-test build/release/build.ninja
	@grep -q '^KVM_TSC_TESTS:BOOL=ON$$' build/release/CMakeCache.txt || \
	  cmake --preset release -DKVM_TSC_TESTS=ON >build/configure-release.log 2>&1 || \
	  { cat build/configure-release.log; exit 1; }

.PHONY: build
build: packages-build with-tests ## compile; binaries in build/bin
	@cmake --build build/release -j $(JOBS)

# What the demo needs and no more: no test, no package of one.
.PHONY: demo
demo: CMAKE_ARGS += -DKVM_TSC_TESTS=OFF
demo: packages-build build/release/build.ninja ## serve a simulated fleet and this host's VMs on 127.0.0.1:10078
	@echo "Building kvm-tsc-exporter and kvm-tsc; from scratch that takes some two minutes on two processors"
	@cmake --build build/release -j $(JOBS) --target kvm-tsc-exporter kvm-tsc
	@exec build/bin/kvm-tsc-exporter --demo

# A machine without the lab's packages or npm's registry still runs the other tests; those that need them
# are then reported as skipped.
.PHONY: test
test: build ## run every test
	@scripts/install-packages.sh lab || echo "The lab's tests will be skipped."
	@scripts/fetch-prometheus.sh build/third-party
	@{ scripts/install-packages.sh node && scripts/fetch-openapi-validator.sh build/third-party; } || \
	  echo "The test of the OpenAPI document will be skipped."
	@ctest --test-dir build/release -j $(JOBS) --output-on-failure

.PHONY: torture
torture: build ## attach to VMs by the thousand, killing VMMs and tracers (some 10 minutes)
	@build/bin/attach_torture --kills 2000 --vm 10000 --qemu 1000

.PHONY: lab
lab: build packages-lab ## run the lab's scenarios on stock-kernel hosts; SCENARIO=name runs one
	@tests/lab/lab run $(SCENARIO)

.PHONY: sanitize
sanitize: packages-build packages-test packages-lint build/asan/build.ninja build/tsan/build.ninja ## unit tests under ASan+UBSan, those with threads under TSan (Clang)
	@cmake --build build/asan -j $(JOBS) --target unit_tests
	@ctest --test-dir build/asan -L unit -j $(JOBS) --output-on-failure
	@cmake --build build/tsan -j $(JOBS) --target threaded_tests
	@ctest --test-dir build/tsan -L unit-threaded -j $(JOBS) --output-on-failure

.PHONY: fuzz
fuzz: packages-build packages-test packages-lint build/asan/build.ninja ## look for inputs that break parsers, FUZZ_SECONDS (60) each; TARGET=name runs one
	@cmake --build build/asan -j $(JOBS) --target fuzz_targets
	@JOBS=$(JOBS) tests/fuzz/run.sh build/asan $(TARGET)

.PHONY: lint
lint: packages-build packages-lint with-tests ## clang-format and clang-tidy
	@cmake --preset release >build/configure-release.log  # so that new files are known
	@scripts/lint.sh

.PHONY: format
format: packages-lint ## rewrite the sources with clang-format
	@git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-14 -i

.PHONY: golden
golden: packages-build with-tests ## write the fixtures' golden metrics anew; review the diff
	@cmake --build build/release -j $(JOBS) --target unit_golden
	@KVM_TSC_REGENERATE=1 build/bin/unit_golden --gtest_brief=1
	@git status --short tests/fixtures

.PHONY: transcripts
transcripts: packages-build with-tests ## run the documents' commands, write down what they print; review the diff
	@cmake --build build/release -j $(JOBS) --target kvm-tsc-exporter kvm-tsc
	@tests/integration/transcripts.py write build/bin .
	@git status --short docs README.md

.PHONY: bench
bench: build ## measure, side by side with a baseline; prints a table of ratios; PART=attach runs one part
	@bench/run.sh $(PART)

.PHONY: clean
clean: ## remove build/
	rm -rf build
