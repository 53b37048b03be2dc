# GNU make. Nothing here lists a source or a test: src/modules lists modules, tests are found by name.
#
#   make              build/wippy, the command
#   make run          install what is missing, build, run the main job (examples/wordcount)
#   make test         every check of this machine; the last line is `N passed, N failed`
#   make test ONLY=x  only the programs with x in their path
#   make amalgamate   wippy.h and wippy_lua.h from src/; fails when src/ and src/modules disagree
#   make split        each src/*.c alone, build/split/libwippy.a and libwippy_lua.a
#   make matrix       compilers x language versions x switches, and what the headers leak
#   make asan, tsan   the test programs under AddressSanitizer + UBSan, under ThreadSanitizer
#   make coverage     lines and branches of src/ that the tests reach: build/coverage/coverage.txt
#   make stress       the stress programs, ten times longer
#   make soak         MINUTES=5 of everything at once and 10,000 starts and stops: plain, ASan, TSan
#   make overload     a million processes, a million timers, storms of everything; 2 GB, minutes
#   make foreign      the tests on other machines: clang, 32 bits, musl, arm64, s390x (emulated)
#   make redteam      hostile Lua programs against their neighbours, each watched for half a second
#   make explore      the interleaving explorer (tests/interleave), twenty times longer
#   make yamldiff     the YAML reader against libyaml, over many more documents (tests/yaml)
#   make faults       every allocation, and calls to the system, fail one by one (tests/faults)
#   make fuzz         every fuzz target for SECONDS=60 each (ONLY=name; FUZZER=afl); needs clang
#   make mutants      every seeded mistake in tests/interleave/mutants and tests/sim/mutants is caught
#   make sim          simulated schedules, SEEDS=100000, and their hashes on every compiler at hand
#   make sim-record   the hashes of tests/sim/hashes anew, after an intended change of the schedule
#   make bench        the benchmarks, tools/bench/; BENCH_ARGS='-r 3 pingpong' (see tools/bench/main.c)
#   make bench-peers  the same rows with Erlang, Go and CAF, in turn with ours (tools/bench/peers/run)
#   make bench-scale  the cost of one more process, message, name ... as their number grows
#   make bench-guard  instructions of fixed work against tools/bench/guard/baseline; UPDATE=1 writes it
#   make examples     every examples/*.c and *.cpp
#   make install      PREFIX=/usr/local DESTDIR=
#   make dist         build/dist/: headers with stb_ds.h inside
#   make format       clang-format over the sources; make clean
#
# Tests: tests/DIR/test_*.c (or .cc), tests/stress/*.c, and scripts tests/DIR/run. In
#   tests/unit, tests/shim, tests/sim          a program includes the implementation itself;
#   tests/interleave                           so does it, and it is linked with the explorer;
#   tests/lua, tests/soak                      it is linked with both libraries and Lua;
#   tests/api                                  it is built twice: with the merged and the split library;
#   any other DIR                              it is linked with the merged library.
# They run from the top of the tree. Scripts find $WIPPY, $BUILD, $CC, $CXX and the flags in their
# environment.
#
# Variables: CC CXX CFLAGS CXXFLAGS LDFLAGS, LUA_CFLAGS LUA_LIBS, STB_CFLAGS (where stb_ds.h is),
# BUILD (build), JOBS (the processors), OUT (where the two headers go, .), PARTIAL=1 (go on without missing
# modules), TEST_SCALE (per cent of the stress loops), TEST_TIMEOUT (seconds a test), RUN_COMMAND.

CFLAGS ?= -O2 -g
CXXFLAGS ?= $(CFLAGS)
# Without a C++ compiler what is written in C++ is left out: tests/compile and tests/examples say so.
HAS_CXX := $(shell command -v $(firstword $(CXX)) 2>/dev/null)
BUILD ?= build
# As many at a time as there are processors, compilers and tests; -j1 or JOBS=1: one after the other. Several
# goals (`make clean test`) are made in turn.
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
ifeq ($(MAKELEVEL)$(word 2,$(MAKECMDGOALS)),0)
MAKEFLAGS += -j$(JOBS)
endif
OUT ?= .
PREFIX ?= /usr/local
TEST_SCALE ?= 100
TEST_TIMEOUT ?= 120
ONLY ?=

# >>>> The main job of `make run`. Paths are seen from the top of the tree.
RUN_COMMAND ?= $(BUILD)/wippy run -C examples/wordcount wordcount

# ---- what is on this machine ----

ifeq ($(origin LUA_LIBS),undefined)
LUA_PC := $(shell for name in lua5.4 lua-5.4 lua54 lua; do \
	pkg-config --exists "$$name >= 5.4" "$$name < 5.5" 2>/dev/null && echo $$name && break; done)
ifneq ($(LUA_PC),)
LUA_CFLAGS := $(shell pkg-config --cflags $(LUA_PC))
LUA_LIBS := $(shell pkg-config --libs $(LUA_PC))
else
LUA_CFLAGS ?= -I/usr/include/lua5.4
LUA_LIBS := -llua5.4
endif
endif
LIBS := -lpthread -lm

export CC CXX BUILD OUT LUA_CFLAGS LUA_LIBS STB_CFLAGS LIBS TEST_SCALE TEST_TIMEOUT
export FAULTS
export WIPPY = $(abspath $(BUILD))/wippy

# ---- how things are compiled ----

WARN := -Wall -Wextra
INCLUDE := -I$(OUT) $(LUA_CFLAGS) $(STB_CFLAGS)
COMPILE = $(CC) -std=c11 $(CFLAGS) $(WARN) $(CPPFLAGS) -MMD -MP -MF $@.d -MT $@
COMPILE_CXX = $(CXX) -std=c++17 $(CXXFLAGS) $(WARN) $(CPPFLAGS) -MMD -MP -MF $@.d -MT $@
# Unit tests see src/ (quoted includes only: memory.h and process.h are system headers too) and the
# private macros, which the headers otherwise take back at their end. The feature macro stands before
# the first system header in the merged form; single sources need it from here.
INSIDE := -iquote src -iquote tests -DWIPPYI_KEEP_MACROS -D_GNU_SOURCE
SPLIT := -iquote src -DWIPPY_SPLIT -D_GNU_SOURCE

.PHONY: all run test test-programs amalgamate split matrix asan tsan coverage stress overload foreign soak redteam \
	explore mutants bench bench-peers bench-scale bench-guard examples install uninstall dist format clean
.DELETE_ON_ERROR:
.SUFFIXES:

all: $(BUILD)/wippy

# ---- the two headers ----

SRC := $(wildcard src/*.[ch] src/manual.txt src/lua/manual.txt src/lua/*.[ch] src/lua/*/*.[ch])
HEADERS := $(OUT)/wippy.h $(OUT)/wippy_lua.h
AMALGAMATE := tools/amalgamate -o $(OUT) $(if $(PARTIAL),--partial) $(if $(SOURCE_LINES),--lines)

amalgamate:
	$(AMALGAMATE)

# The script leaves a header alone that is already right, so nothing is rebuilt without need.
$(BUILD)/amalgamated: tools/amalgamate src/modules LICENSE $(SRC)
	@mkdir -p $(@D)
	$(AMALGAMATE)
	@touch $@

$(HEADERS): $(BUILD)/amalgamated ;

# ---- libraries ----

$(BUILD)/wippy.c:
	@mkdir -p $(@D)
	@printf '#define WIPPY_IMPLEMENTATION\n#include "wippy.h"\n' >$@

$(BUILD)/wippy_lua.c:
	@mkdir -p $(@D)
	@printf '#define WIPPY_LUA_IMPLEMENTATION\n#include "wippy_lua.h"\n' >$@

$(BUILD)/wippy.o: $(BUILD)/wippy.c $(OUT)/wippy.h
	$(COMPILE) $(INCLUDE) -c $< -o $@

$(BUILD)/wippy_lua.o: $(BUILD)/wippy_lua.c $(HEADERS)
	$(COMPILE) $(INCLUDE) -c $< -o $@

$(BUILD)/lib%.a: $(BUILD)/%.o
	$(AR) rcs $@ $<

LIB := $(BUILD)/libwippy.a
LUA_LIB := $(BUILD)/libwippy_lua.a

# ---- the split form ----

SPLIT_SRC := $(wildcard src/*.c)
SPLIT_LUA_SRC := $(wildcard src/lua/*.c src/lua/*/*.c)
SPLIT_LIB := $(BUILD)/split/libwippy.a
SPLIT_LUA_LIB := $(BUILD)/split/libwippy_lua.a

split: $(SPLIT_LIB) $(SPLIT_LUA_LIB)

$(BUILD)/split/%.o: src/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(COMPILE) $(INCLUDE) $(SPLIT) -c $< -o $@

$(SPLIT_LIB): $(SPLIT_SRC:src/%.c=$(BUILD)/split/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(SPLIT_LUA_LIB): $(SPLIT_LUA_SRC:src/%.c=$(BUILD)/split/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

# ---- the command ----

COMMAND_SRC := $(wildcard tools/wippy.c tools/wippy/*.c)

$(BUILD)/command/%.o: tools/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(COMPILE) $(INCLUDE) -c $< -o $@

$(BUILD)/wippy: $(COMMAND_SRC:tools/%.c=$(BUILD)/command/%.o) $(LUA_LIB) $(LIB)
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LUA_LIBS) $(LIBS) -o $@

# Lua's flags are looked up when make starts, so what setup installs needs a new make.
run:
	@tools/setup
	@$(MAKE) --no-print-directory $(BUILD)/wippy
	$(RUN_COMMAND)

# ---- tests ----

TEST_SRC := $(sort $(wildcard tests/*/test_*.c tests/stress/*.c))
INSIDE_SRC := $(filter tests/unit/% tests/shim/% tests/sim/%,$(TEST_SRC))
EXPLORE_SRC := $(filter tests/interleave/%,$(TEST_SRC))
LUA_SRC := $(filter tests/lua/% tests/soak/%,$(TEST_SRC))
FAULT_SRC := $(filter tests/faults/%,$(TEST_SRC))
API_SRC := $(filter tests/api/%,$(TEST_SRC))
LINK_SRC := $(filter-out $(INSIDE_SRC) $(EXPLORE_SRC) $(LUA_SRC) $(FAULT_SRC),$(TEST_SRC))
LINK_CXX_SRC := $(sort $(wildcard tests/*/test_*.cc))

INSIDE_TESTS := $(INSIDE_SRC:%.c=$(BUILD)/%)
EXPLORE_TESTS := $(EXPLORE_SRC:%.c=$(BUILD)/%)
LUA_TESTS := $(LUA_SRC:%.c=$(BUILD)/%)
FAULT_TESTS := $(FAULT_SRC:%.c=$(BUILD)/%)
LINK_TESTS := $(LINK_SRC:%.c=$(BUILD)/%)
SPLIT_TESTS := $(API_SRC:tests/%.c=$(BUILD)/split/tests/%)
CXX_TESTS := $(if $(HAS_CXX),$(LINK_CXX_SRC:%.cc=$(BUILD)/%))

PROGRAMS := $(INSIDE_TESTS) $(EXPLORE_TESTS) $(LINK_TESTS) $(SPLIT_TESTS) $(CXX_TESTS) $(LUA_TESTS) $(FAULT_TESTS)
SCRIPTS := $(sort $(wildcard tests/*/run))
# Not under sanitizers: nothing of ours runs in the first two; the others watch signals, memory limits and
# clocks, which sanitizers change.
ONCE_SCRIPTS := tests/foreign/run tests/compile/run tests/tools/run tests/redteam/run tests/crowds/run tests/watch/run
# These measure: how soon others answer, how long a storm takes, what idling costs. They run when the others
# have ended, one at a time.
ALONE := tests/crowds/run tests/overload/run $(BUILD)/tests/overload/test_overload $(BUILD)/tests/stress/idle
only = $(strip $(if $(ONLY),$(foreach program,$1,$(if $(findstring $(ONLY),$(program)),$(program))),$1))

# Each compiles the whole implementation: without optimisation that takes a sixth of the time, and it is one
# more way in which the same code is tested.
$(INSIDE_TESTS): $(BUILD)/%: %.c tests/test.h $(OUT)/wippy.h
	@mkdir -p $(@D)
	$(COMPILE) -O0 $(INSIDE) $(INCLUDE) $< $(LDFLAGS) $(LIBS) -o $@

# The explorer has its own locks, clocks and checks of memory, so no sanitizer's library is linked:
# what the thread instrumentation of the programs calls is in explore.c, which has none itself. At -O1 the
# compiler takes half as long, and it is what the mutants are caught with.
EXPLORE := $(BUILD)/tests/interleave
EXPLORE_FLAGS = $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS)) -O1 -g1
EXPLORE_COMPILE = $(CC) -std=c11 $(EXPLORE_FLAGS) $(WARN) $(CPPFLAGS) $(INSIDE) -iquote $(EXPLORE) \
	-MMD -MP -MF $@.d -MT $@ -c

$(EXPLORE)/implementation_list.h: src/modules tests/interleave/list
	@mkdir -p $(@D)
	tests/interleave/list src/modules src >$@

$(EXPLORE)/explore.o: tests/interleave/explore.c
	@mkdir -p $(@D)
	$(EXPLORE_COMPILE) $< -o $@

$(EXPLORE_TESTS): $(BUILD)/%: %.c $(EXPLORE)/explore.o $(EXPLORE)/implementation_list.h
	$(EXPLORE_COMPILE) -fsanitize=thread $< -o $@.o
	$(CC) $(EXPLORE_FLAGS) $@.o $(EXPLORE)/explore.o $(LIBS) -o $@

$(LINK_TESTS): $(BUILD)/%: %.c tests/test.h $(LIB)
	@mkdir -p $(@D)
	$(COMPILE) -iquote tests $(INCLUDE) $< $(LDFLAGS) $(LIB) $(LIBS) -o $@

$(SPLIT_TESTS): $(BUILD)/split/tests/%: tests/%.c tests/test.h $(SPLIT_LIB)
	@mkdir -p $(@D)
	$(COMPILE) -iquote tests $(INCLUDE) $< $(LDFLAGS) $(SPLIT_LIB) $(LIBS) -o $@

$(CXX_TESTS): $(BUILD)/%: %.cc tests/test.h $(LIB)
	@mkdir -p $(@D)
	$(COMPILE_CXX) -iquote tests $(INCLUDE) $< $(LDFLAGS) $(LIB) $(LIBS) -o $@

$(LUA_TESTS): $(BUILD)/%: %.c tests/test.h $(LUA_LIB) $(LIB)
	@mkdir -p $(@D)
	$(COMPILE) -iquote tests $(INCLUDE) $< $(LDFLAGS) $(LUA_LIB) $(LIB) $(LUA_LIBS) $(LIBS) -o $@

# Calls to the system that tests/faults/system.c may let fail. Only where the linker has --wrap.
WRAPPED := pthread_create pthread_mutex_init pthread_cond_init pthread_condattr_init open fopen read write \
	fwrite rename opendir readdir fstat stat fstatat epoll_create1 eventfd epoll_ctl pipe clock_gettime \
	pthread_cond_timedwait syscall
comma := ,

.PHONY: yamldiff faults fuzz fuzz-programs
$(FAULT_TESTS): $(BUILD)/%: %.c tests/faults/faults.h tests/faults/system.c tests/test.h $(LUA_LIB) $(LIB)
	@mkdir -p $(@D)
	$(COMPILE) -iquote tests $(INCLUDE) $< tests/faults/system.c $(LDFLAGS) $(LUA_LIB) $(LIB) \
		$(WRAPPED:%=-Wl$(comma)--wrap=%) $(LUA_LIBS) $(LIBS) -o $@

# Fuzz targets: with driver.c they replay files, with an empty FUZZ_DRIVER and FUZZ_FLAGS they fuzz (see
# tests/fuzz/fuzz). They see private functions, so they are linked with the split libraries. One has a
# clock of its own.
FUZZ_DRIVER ?= tests/fuzz/driver.c
FUZZ_FLAGS ?=
FUZZ_LIBYAML ?=
FUZZ_SRC := $(sort $(wildcard tests/fuzz/target_*.c))
FUZZ_PROGRAMS := $(FUZZ_SRC:tests/fuzz/target_%.c=$(BUILD)/tests/fuzz/%)
FUZZ_CLOCK := -Wl,--wrap=wippyi_clock_mono_ns -Wl,--wrap=wippyi_clock_wall_ns \
	-Wl,--wrap=wippyi_ticket_wait -Wl,--wrap=wippyi_cond_timedwait
fuzz_clock = $(if $(filter %/app,$1),$(FUZZ_CLOCK))
fuzz_libyaml = $(if $(FUZZ_LIBYAML),$(if $(filter %/yaml,$1),$2))

$(FUZZ_PROGRAMS): $(BUILD)/tests/fuzz/%: tests/fuzz/target_%.c $(FUZZ_DRIVER) tests/test.h $(SPLIT_LUA_LIB) $(SPLIT_LIB)
	@mkdir -p $(@D)
	$(COMPILE) -iquote tests $(SPLIT) $(INCLUDE) $(call fuzz_libyaml,$@,-DFUZZ_LIBYAML) $< $(FUZZ_DRIVER) \
		$(FUZZ_FLAGS) $(LDFLAGS) $(call fuzz_clock,$@) $(SPLIT_LUA_LIB) $(SPLIT_LIB) $(LUA_LIBS) \
		$(call fuzz_libyaml,$@,-lyaml) $(LIBS) -o $@

fuzz-programs: $(FUZZ_PROGRAMS)

# As many beside each other as make runs commands, but no more than there are processors.
make_jobs = $(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS)))
lanes = $(shell echo $(or $(make_jobs),$(JOBS)) $(JOBS) | awk '{ print $$1 < $$2 ? $$1 : $$2 }')
run_tests = tools/run-tests -j $(lanes) $(filter-out $(ALONE),$1) --alone $(filter $(ALONE),$1)

# What scripts need besides the command.
script_needs = $(if $(filter tests/fuzz/run,$1),$(FUZZ_PROGRAMS))

test: $(call script_needs,$(call only,$(SCRIPTS)))
test-programs: $(call script_needs,$(call only,$(SCRIPTS)))

test: $(call only,$(PROGRAMS)) $(if $(call only,$(SCRIPTS)),$(BUILD)/wippy $(SPLIT_LIB) $(SPLIT_LUA_LIB)) \
	$(if $(call only,tests/examples/run),test-examples)
	@$(call run_tests,$(call only,$(PROGRAMS) $(SCRIPTS)))

# What the sanitizer lanes run, with their own BUILD and flags.
# The explorer has a memory model of its own, and the split library is the same code again.
SANITIZED := $(filter-out $(EXPLORE_TESTS) $(SPLIT_TESTS),$(PROGRAMS))
test-programs: $(call only,$(SANITIZED)) $(if $(call only,$(SCRIPTS)),$(BUILD)/wippy)
	@$(call run_tests,$(call only,$(SANITIZED) $(filter-out $(ONCE_SCRIPTS),$(SCRIPTS))))

stress:
	@$(MAKE) --no-print-directory test ONLY=tests/stress/ TEST_SCALE=1000 TEST_TIMEOUT=1200

overload:
	@$(MAKE) --no-print-directory test ONLY=tests/overload/ TEST_SCALE=1000 TEST_TIMEOUT=1200

MINUTES ?= 5
soak: export SOAK_SECONDS = $(shell echo $$(($(MINUTES) * 60)))
soak: export SOAK_LOOPS ?= 10000
soak: export TEST_TIMEOUT = $(shell echo $$(($(MINUTES) * 60 + 3000)))
soak:
	@$(MAKE) --no-print-directory test ONLY=tests/soak/
	@$(MAKE) --no-print-directory asan ONLY=tests/soak/
	@$(MAKE) --no-print-directory tsan ONLY=tests/soak/ SOAK_LOOPS=1000

foreign: $(HEADERS)
	@tests/foreign/run all

redteam: $(BUILD)/wippy
	@REDTEAM_MS=$${REDTEAM_MS:-500} tools/run-tests tests/redteam/run tests/crowds/run

explore:
	@$(MAKE) --no-print-directory test ONLY=tests/interleave/ TEST_SCALE=2000 TEST_TIMEOUT=3600

mutants:
	@tests/interleave/mutants/run
	@tests/sim/mutants/run

ONCE_SCRIPTS += tests/sim/run
.PHONY: sim sim-record
SIM_TESTS := $(filter $(BUILD)/tests/sim/%,$(INSIDE_TESTS))
SEEDS ?= 100000

$(SIM_TESTS): tests/sim/runner.h

sim: $(SIM_TESTS)
	@for program in $(SIM_TESTS); do echo "== $$program"; $$program --seeds $(SEEDS) || exit 1; done
	@ALL=1 tests/sim/run

sim-record: $(SIM_TESTS)
	@tests/sim/run record

yamldiff: $(OUT)/wippy.h
	@TEST_SCALE=1500 TEST_TIMEOUT=3600 tests/yaml/run

faults:
	@$(MAKE) --no-print-directory test ONLY=tests/faults/ FAULTS=full TEST_TIMEOUT=1200

SECONDS ?= 60
fuzz:
	@FUZZER=$(or $(FUZZER),libfuzzer) tests/fuzz/fuzz $(SECONDS) $(ONLY)

matrix: $(HEADERS) $(BUILD)/wippy.o $(BUILD)/wippy_lua.o $(SPLIT_LIB) $(SPLIT_LUA_LIB)
	@MATRIX=full tests/compile/run

# ---- sanitizers ----

# Lines and functions for reports; variables would be a quarter of the compilers' time.
ASAN := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
TSAN := -O1 -g1 -fno-omit-frame-pointer -fsanitize=thread

asan: export ASAN_OPTIONS = detect_stack_use_after_return=1:strict_string_checks=1
asan: export UBSAN_OPTIONS = print_stacktrace=1
asan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan CFLAGS='$(ASAN)' CXXFLAGS='$(ASAN)' test-programs

# ThreadSanitizer of older compilers does not know the wide address randomisation of newer kernels.
# No suppressions: none are needed.
tsan: export TEST_RUNNER = $(shell setarch "$$(uname -m)" -R true 2>/dev/null && echo setarch $$(uname -m) -R)
tsan: export TSAN_OPTIONS = second_deadlock_stack=1
tsan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan CFLAGS='$(TSAN)' CXXFLAGS='$(TSAN)' test-programs

# ---- coverage ----

# The headers are made once more with #line, so that all programs' counts meet in the lines of src/.
COVERAGE := -O0 -g --coverage -fprofile-update=atomic
coverage:
	@mkdir -p $(BUILD)/coverage
	@find $(BUILD)/coverage -name '*.gcda' -delete
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/coverage OUT=$(BUILD)/coverage SOURCE_LINES=1 \
		CFLAGS='$(COVERAGE)' CXXFLAGS='$(COVERAGE)' TEST_SCALE=$(or $(COVERAGE_SCALE),20) \
		FAULTS=full test-programs || true
	@tests/coverage/report $(BUILD)/coverage

# ---- benchmarks and examples ----

BENCH_SRC := $(wildcard tools/bench/*.c)
BENCH := $(BUILD)/bench/bench

$(BUILD)/bench/%.o: tools/bench/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(COMPILE) $(INCLUDE) -c $< -o $@

$(BENCH): $(BENCH_SRC:tools/%.c=$(BUILD)/%.o) $(LUA_LIB) $(LIB)
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LUA_LIBS) $(LIBS) -o $@

SCALE := $(BUILD)/bench/scale/scale

$(SCALE): tools/bench/scale/scale.c $(filter-out %/main.o,$(BENCH_SRC:tools/%.c=$(BUILD)/%.o)) $(LUA_LIB) $(LIB)
	@mkdir -p $(@D)
	$(COMPILE) -Itools/bench $(INCLUDE) $^ $(LDFLAGS) $(LUA_LIBS) $(LIBS) -o $@

bench: $(BENCH)
	$(BENCH) -o $(BUILD)/bench.json $(BENCH_ARGS)

bench-scale: $(SCALE)
	$(SCALE) $(BENCH_ARGS) >$(BUILD)/scale.txt
	@awk -v svg=$(BUILD)/scale.svg -f tools/bench/scale/curves.awk $(BUILD)/scale.txt

bench-peers: $(BENCH)
	@tools/bench/peers/run $(BENCH_ARGS)

bench-guard: export CFLAGS := $(CFLAGS)
bench-guard: $(BENCH)
	@tools/bench/guard/run $(if $(UPDATE),--update)

EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c))
CXX_EXAMPLES := $(if $(HAS_CXX),$(patsubst %.cpp,$(BUILD)/%,$(wildcard examples/*.cpp)))

$(EXAMPLES): $(BUILD)/%: %.c $(HEADERS)
	@mkdir -p $(@D)
	$(COMPILE) $(INCLUDE) $< $(LDFLAGS) $(LUA_LIBS) $(LIBS) -o $@

$(CXX_EXAMPLES): $(BUILD)/%: %.cpp $(HEADERS)
	@mkdir -p $(@D)
	$(COMPILE_CXX) $(INCLUDE) $< $(LDFLAGS) $(LUA_LIBS) $(LIBS) -o $@

examples: $(EXAMPLES) $(CXX_EXAMPLES)

# What they print does not depend on the optimiser, which takes three quarters of the time.
.PHONY: test-examples
TEST_EXAMPLES := $(EXAMPLES:$(BUILD)/%=$(BUILD)/tests/%) $(CXX_EXAMPLES:$(BUILD)/%=$(BUILD)/tests/%)

test-examples: $(TEST_EXAMPLES)

$(BUILD)/tests/examples/%: examples/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(COMPILE) -O0 $(INCLUDE) $< $(LDFLAGS) $(LUA_LIBS) $(LIBS) -o $@

$(BUILD)/tests/examples/%: examples/%.cpp $(HEADERS)
	@mkdir -p $(@D)
	$(COMPILE_CXX) -O0 $(INCLUDE) $< $(LDFLAGS) $(LUA_LIBS) $(LIBS) -o $@

# ---- giving it away ----

VERSION = $(shell awk '$$2 ~ /^WIPPY_VERSION_/ { printf "%s%s", dot, $$3; dot = "." }' src/api.h)

install: $(HEADERS) $(BUILD)/wippy $(BUILD)/wippy.c
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include \
		$(DESTDIR)$(PREFIX)/share/wippy $(DESTDIR)$(PREFIX)/share/pkgconfig
	install -m 755 $(BUILD)/wippy $(DESTDIR)$(PREFIX)/bin/wippy
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include
	install -m 644 $(BUILD)/wippy.c $(DESTDIR)$(PREFIX)/share/wippy/wippy.c
	printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' \
		'source=$${prefix}/share/wippy/wippy.c' '' 'Name: wippy' \
		'Description: actors for C and C++ programs, in one header' 'Version: $(VERSION)' \
		'Cflags: -I$${includedir}' 'Libs: $(LIBS)' \
		>$(DESTDIR)$(PREFIX)/share/pkgconfig/wippy.pc

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/wippy $(HEADERS:$(OUT)/%=$(DESTDIR)$(PREFIX)/include/%)
	rm -f $(DESTDIR)$(PREFIX)/share/pkgconfig/wippy.pc
	rm -rf $(DESTDIR)$(PREFIX)/share/wippy

dist: $(HEADERS)
	tools/dist -o $(BUILD)/dist $(HEADERS)

format:
	find src tools tests examples -name '*.[ch]' -exec clang-format -i {} +

clean:
	rm -rf $(BUILD)

DEPENDENCY_DIRS := tests split command bench examples
-include $(wildcard $(BUILD)/*.d) \
	$(shell find $(DEPENDENCY_DIRS:%=$(BUILD)/%) -name '*.d' 2>/dev/null)
