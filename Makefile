# The two commands that matter: make demo, make test. Everything else is a part of them.
BUILD ?= build
ASAN  := build-asan
FILES := $(shell scripts/list-files rooms; scripts/list-files unit 2>/dev/null; scripts/list-files store; \
	scripts/list-files bench; \
	scripts/list-files data 2>/dev/null; scripts/list-files pages 2>/dev/null)

# One after the other, also with -j: each ninja takes all processors, and two in one directory write over each other.
.NOTPARALLEL:
.PHONY: all build-deps deps demo test chaos bench bench-deps bench-programs fresh format check clean asan unit
all: build-deps $(BUILD)/build.ninja
	@ninja -C $(BUILD) valetkey

build-deps:
	@scripts/deps --build

deps:
	@scripts/deps

# The list of files is read when the build is set up; a new or removed file sets it up again.
$(BUILD)/build.ninja $(ASAN)/build.ninja: meson.build scripts/list-files .files
	@if [ -f $@ ]; then meson setup --reconfigure $(@D) >/dev/null; \
	else meson setup $(if $(filter $(ASAN),$(@D)),-Db_sanitize=address$(,)undefined -Db_lundef=false) \
		$(@D) >$(@D).log 2>&1 || { cat $(@D).log; exit 1; }; fi

.files: FORCE
	@echo "$(FILES)" | cmp -s - $@ || echo "$(FILES)" >$@
FORCE:
, := ,

demo: all
	@exec $(BUILD)/valetkey demo --data .demo

asan: deps $(ASAN)/build.ninja
	@ninja -C $(ASAN) --quiet valetkey

# The C tests, built with the sanitizers like the binary that the other tests run.
unit: deps $(ASAN)/build.ninja
	@ninja -C $(ASAN) --quiet test_store $(notdir $(basename $(shell scripts/list-files unit)))

test: all asan unit bench-programs
	@tests/run

# The long run of tests/flow/chaos.test.mjs: RUNS kills (200), SEED to repeat one, NODES on one
# PostgreSQL (0: one manager with a file).
chaos: asan
	@VALETKEY_BIN=$(ASAN)/valetkey RUNS=$(RUNS) SEED=$(SEED) NODES=$(NODES) node tests/chaos/chaos.mjs

# What it is measured against: other people's servers, which nothing else here needs.
bench-deps:
	@scripts/deps --bench

bench-programs: all
	@ninja -C $(BUILD) --quiet $(addprefix bench_,$(notdir $(basename $(shell scripts/list-files bench))))

# Against references in the same run (docs/performance.md). BENCH=live-token runs one, ONLY=tls of it
# what has the word in its name; ROUNDS and SECONDS are how often and how long.
bench: bench-programs
	@BUILD=$(BUILD) ONLY="$(ONLY)" ROUNDS=$(ROUNDS) SECONDS_EACH=$(SECONDS) node tests/bench/run.mjs $(BENCH)

fresh:
	@scripts/fresh

format:
	@clang-format -i $$(git ls-files 'src/*.[ch]' 'tests/*.[ch]')

check:
	@scripts/deps --check
	@scripts/check

clean:
	@rm -rf build build-asan build.log build-asan.log .files
