# vouchsafe: one non-recursive Makefile. `make help` lists the targets.
#
# Sources are found by folder, so adding a file needs no line here:
#   lib/<layer>/*.c           one archive a layer, linked in the order of the layers
#   csi attester issuer cli sign   one program each: main.c plus an archive of everything else in the folder
#   *_test.c                  a cmocka binary each, beside the code; *_fuzz.c a parser's fuzz target
#   proto/*.proto             compiled by protoc-c into $(BUILD)/gen

MODE    ?= release
BUILD   ?= $(if $(filter release,$(MODE)),build,build/$(MODE))
PREFIX  ?= /usr/local
DESTDIR ?=
CC      = gcc
VERSION := $(shell cat VERSION)

PKGS := openssl libprotobuf-c yaml-0.1 libcurl libevent libevent_openssl libevent_pthreads sqlite3 libseccomp libmd \
        tss2-esys tss2-mu tss2-rc tss2-tctildr
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS_BUT_GRPC := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
PKG_LIBS   := $(PKG_LIBS_BUT_GRPC) -lgrpc_unsecure -lgpr
# The node plugin takes gRPC into itself: as shared libraries it is fifty of them, and their tables cost each node 4 MiB (docs/performance.md).
GRPC_PARTS := $(sort $(filter -labsl_% -lgrpc% -lgpr,$(shell pkg-config --static --libs grpc_unsecure 2>/dev/null))) -lupb -laddress_sorting
GRPC_TAKEN_IN := -Wl,--gc-sections -Wl,-Bstatic -Wl,--start-group $(GRPC_PARTS) -Wl,--end-group -lstdc++ -Wl,-Bdynamic -lcares -lz -lm

# clang before 16 has this flag locked behind another one.
ZERO := -ftrivial-auto-var-init=zero
ZERO += $(if $(shell $(CC) -Werror $(ZERO) -fsyntax-only -x c /dev/null 2>&1), \
        -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang)

WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE $(ZERO) \
        $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 $(HARDEN)
FLAGS_debug   := -O0 -g3
FLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
LINK_release  := -pie -Wl,-z,relro,-z,now,-z,noexecstack
LINK_asan     := -fsanitize=address,undefined
LINK_tsan     := -fsanitize=thread

CPPFLAGS_ALL = -I. -I$(BUILD)/gen -D_GNU_SOURCE -DVOUCHSAFE_VERSION='"$(VERSION)"' $(PKG_CFLAGS)
CFLAGS_ALL   = -std=gnu17 -pthread $(WARN) $(FLAGS_$(MODE)) $(CPPFLAGS_ALL) $(CFLAGS)
LDFLAGS_ALL  = -pthread $(LINK_$(MODE)) -Wl,--as-needed $(LDFLAGS)

# ---- what there is -------------------------------------------------------------------------------------------------
LAYERS   := base wire crypt model net
PROGRAMS := csi attester issuer cli sign
bin_csi := vouchsafe-csi
bin_attester := vouchsafe-attester
bin_issuer := vouchsafe-issuer
bin_cli := vouchsafe
bin_sign := vouchsafe-sign

sources   = $(sort $(filter-out %_test.c %_fuzz.c,$(shell find $(1) -name '*.c' 2>/dev/null)))
objects   = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
PROTOS   := $(wildcard proto/*.proto)
PROTO_H  := $(PROTOS:%.proto=$(BUILD)/gen/%.pb-c.h)
PROTO_O  := $(PROTOS:%.proto=$(BUILD)/obj/%.pb-c.o)
LIBS     := $(foreach l,net model crypt wire base,$(BUILD)/lib$(l).a)
BINS     := $(foreach p,$(PROGRAMS),$(if $(wildcard $(p)/main.c),$(BUILD)/$(bin_$(p))))
UNITS    := $(sort $(shell find lib csi attester issuer cli sign -name '*_test.c' 2>/dev/null))
FUZZERS  := $(sort $(shell find lib csi attester issuer cli sign tests/fuzz -name '*_fuzz.c' 2>/dev/null))
UNIT_BINS := $(UNITS:%.c=$(BUILD)/unit/%)
REPLAYS  := $(FUZZERS:%.c=$(BUILD)/replay/%)

.PHONY: all test unit flow sanity crash crash-long lint format install clean help memcheck memcheck-here memcheck-flow memcheck-flow-here soak soak-short
.PRECIOUS: $(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h $(BUILD)/obj/%.o
.DELETE_ON_ERROR:
all: $(BINS) ## build the programs (MODE=release|debug|asan|tsan, CC=gcc|clang)

# ---- protobuf ------------------------------------------------------------------------------------------------------
$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h: %.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=. --c_out=$(BUILD)/gen $<
$(BUILD)/obj/%.pb-c.o: $(BUILD)/gen/%.pb-c.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -w $(FLAGS_$(MODE)) -I$(BUILD)/gen -c -o $@ $<
$(BUILD)/libproto.a: $(PROTO_O)
	@rm -f $@; ar rcsD $@ $^

# ---- objects, archives, programs -----------------------------------------------------------------------------------
$(BUILD)/obj/%.o: %.c Makefile | $(PROTO_H)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
define layer_rule
$(BUILD)/lib$(1).a: $(call objects,$(call sources,lib/$(1)))
	@mkdir -p $$(@D); rm -f $$@; ar rcsD $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))
$(BUILD)/libfakes.a: $(call objects,$(call sources,tests/fakes))
	@mkdir -p $(@D); rm -f $@; ar rcsD $@ $^
# cli stands on the issuer's two pure parts as well (design: nothing in them does I/O).
PURE := $(call sources,issuer/verifier issuer/policy)
extra_cli := $(PURE)
libs_csi := $(if $(filter release debug,$(MODE)),$(PKG_LIBS_BUT_GRPC) $(GRPC_TAKEN_IN))
# Static, so that it can be copied into any image; the sanitizers' runtimes are shared libraries. The linker would warn of getaddrinfo, which
# is in libcrypto and which nothing here calls.
quiet_link := -Wl,--no-warnings
ldflags_sign := $(if $(filter release debug,$(MODE)),$(filter-out -pie,$(LDFLAGS_ALL)) $(if $(filter release,$(MODE)),-static-pie,-static) $(quiet_link))
libs_sign := -lcrypto
define program_rule
$(BUILD)/lib$(1)-program.a: $(call objects,$(filter-out $(1)/main.c,$(call sources,$(1))) $(extra_$(1)))
	@mkdir -p $$(@D); rm -f $$@; ar rcsD $$@ $$^
$(BUILD)/$(bin_$(1)): $(call objects,$(1)/main.c) $(BUILD)/lib$(1)-program.a $(LIBS) $(BUILD)/libproto.a
	$(CC) $(or $(ldflags_$(1)),$(LDFLAGS_ALL)) -o $$@ $$^ $(or $(libs_$(1)),$(PKG_LIBS))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

# ---- tests ---------------------------------------------------------------------------------------------------------
# A test links what its folder may stand on: a layer of lib the layers below it, a program's folder that program.
program_of = $(filter $(PROGRAMS),$(firstword $(subst /, ,$(patsubst tests/fuzz/%,%,$(1)))))
# A target in tests/fuzz compares with a second implementation, which nothing else links.
second_libs = $(if $(filter tests/fuzz/%,$(1)),-lmount -ljansson)
define unit_rule
$(BUILD)/unit/$(1:.c=): $(BUILD)/obj/$(1:.c=.o) $(if $(call program_of,$(1)),$(BUILD)/lib$(call program_of,$(1))-program.a) \
        $(BUILD)/libfakes.a $(LIBS) $(BUILD)/libproto.a
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS_ALL) -o $$@ $$^ $(PKG_LIBS) -lcmocka
endef
$(foreach t,$(UNITS),$(eval $(call unit_rule,$(t))))
define replay_rule
$(BUILD)/replay/$(1:.c=): $(BUILD)/obj/$(1:.c=.o) $(BUILD)/obj/tests/tools/replay.o \
        $(if $(call program_of,$(1)),$(BUILD)/lib$(call program_of,$(1))-program.a) $(LIBS) $(BUILD)/libproto.a
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS_ALL) -o $$@ $$^ $(call second_libs,$(1)) $(PKG_LIBS)
endef
$(foreach t,$(FUZZERS),$(eval $(call replay_rule,$(t))))

test: unit ## unit tests and fuzz corpora (DIR=csi/volume for one folder)
unit: $(filter $(addprefix $(BUILD)/unit/,$(if $(DIR),$(DIR)/%,%)),$(UNIT_BINS)) \
      $(filter $(addprefix $(BUILD)/replay/,$(if $(DIR),$(DIR)/%,%)),$(REPLAYS))
	tests/tools/run-units $(BUILD) $^
# Programs for flow tests that need the attester's own parts.
$(BUILD)/tests/hostile: $(BUILD)/obj/tests/tools/hostile.o $(BUILD)/libattester-program.a $(LIBS) $(BUILD)/libproto.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)
# What flows put between the programs, or into them: a disk that fails, a wrong clock.
$(BUILD)/tests/faulty_disk: tests/tools/faulty_disk.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(shell pkg-config --cflags fuse3 2>/dev/null) $(LDFLAGS_ALL) -o $@ $< $(shell pkg-config --libs fuse3 2>/dev/null)
# The kernel's configfs-tsm, emulated: machines of the test PKIs.
$(call objects,$(wildcard tests/emulators/tsm/*.c)): CPPFLAGS_ALL += $(shell pkg-config --cflags fuse3 2>/dev/null)
$(BUILD)/tests/tsm: $(call objects,$(wildcard tests/emulators/tsm/*.c)) $(BUILD)/libfakes.a $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) $(shell pkg-config --libs fuse3 2>/dev/null)
$(addprefix $(BUILD)/unit/attester/evidence/,tsm_test tsm_source_test composite_test reader_kinds_test): | $(BUILD)/tests/tsm
# Device nodes that no machine of ours has: preloaded in flows, linked into a unit test.
DEVICES := $(addprefix $(BUILD)/tests/,sev_guest.so nsm.so tdx_guest.so)
$(DEVICES): $(BUILD)/tests/%.so: tests/emulators/%.c tests/emulators/device.c tests/emulators/device.h
	@mkdir -p $(@D)
	gcc -std=gnu17 $(WARN) -O2 -g -fPIC -shared -D_GNU_SOURCE -I. -o $@ $(filter %.c,$^)
$(addprefix $(BUILD)/unit/attester/evidence/,nsm_test nitro_test tdx_guest_test): $(BUILD)/obj/tests/emulators/device.o
$(BUILD)/unit/attester/evidence/tdx_guest_test: $(BUILD)/obj/tests/emulators/tdx_guest.o | $(BUILD)/tests/tsm
$(BUILD)/tests/nsm_module: $(call objects,tests/emulators/nsm_module.c tests/emulators/tsm/control.c) $(BUILD)/libfakes.a $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)
$(BUILD)/tests/azure: $(call objects,tests/emulators/azure.c tests/emulators/tsm/control.c) $(BUILD)/libfakes.a $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)
$(BUILD)/tests/%.so: tests/tools/%.c
	@mkdir -p $(@D)
	gcc -std=gnu17 $(WARN) -O2 -g -fPIC -shared -D_GNU_SOURCE -I. -o $@ $<
MEMCHECK_SO := $(BUILD)/tests/memcheck_calls.so
$(BUILD)/tests/flood: $(BUILD)/obj/tests/tools/flood.o $(BUILD)/libattester-program.a $(LIBS) $(BUILD)/libproto.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)
# Machines under the test PKIs, and what their makers publish (served by tests/emulators/endorsements/server.py).
$(BUILD)/tests/guest: $(BUILD)/obj/tests/emulators/endorsements/guest.o $(BUILD)/libissuer-program.a $(BUILD)/libattester-program.a \
        $(BUILD)/libfakes.a $(LIBS) $(BUILD)/libproto.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) -lcmocka
# Tokens, sealed keys and stores, for readers that were not written here.
$(BUILD)/tests/formats: $(BUILD)/obj/tests/tools/formats.o $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)
FLOW_PARTS := $(DEVICES) $(BUILD)/tests/formats $(addprefix $(BUILD)/tests/,hostile flood guest faulty_disk tsm nsm_module azure wrong_clock.so)
flow: all $(FLOW_PARTS) ## flows through the real programs, a TPM and kubelet's calls (K=name for some)
	BUILD=$(BUILD) tests/tools/run-flows $(if $(K),-k '$(K)')

sanity: all ## the conformance suite csi-sanity, in full, against the real programs (docs/conformance.md)
	BUILD=$(BUILD) tests/tools/run-sanity

# Second opinions: slow, and they fetch the other verifier from a package registry.
$(BUILD)/tests/tdx_cases: $(BUILD)/obj/tests/tools/tdx_cases.o $(BUILD)/libfakes.a $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) -lcmocka
differential-tdx: $(BUILD)/vouchsafe $(BUILD)/tests/tdx_cases ## TDX verdicts beside dcap-qvl's (COUNT=400 SEED=1)
	tests/tools/differential_tdx.py --build $(BUILD) --count $(or $(COUNT),400) --seed $(or $(SEED),1)
differential-snp: $(BUILD)/vouchsafe ## SEV-SNP verdicts beside go-sev-guest's (COUNT=400 SEED=1)
	tests/tools/differential_snp.py --build $(BUILD) --count $(or $(COUNT),400) --seed $(or $(SEED),1)
differential-tpm: $(BUILD)/vouchsafe ## verdicts on quotes and logs beside tpm2-tools' (COUNT=60)
	tests/tools/differential_tpm.py $(BUILD)/vouchsafe $(or $(COUNT),60)

# Programs of the benchmarks: each a file of tests/bench, and what it needs besides lib.
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
bench_csi_load := $(BUILD)/obj/tests/fakes/rpc_client.o
bench_renewals := $(BUILD)/libcsi-program.a
bench_issuer_rate := $(patsubst %,$(BUILD)/obj/tests/fakes/%.o,clock ek_certificate tpm_quote) $(BUILD)/libissuer-program.a
bench_issuer_soak := $(bench_issuer_rate)
bench_verifier_rate := $(BUILD)/libissuer-program.a
define bench_rule
$(BUILD)/bench/$(1): $(BUILD)/obj/tests/bench/$(1).o $(bench_$(1)) $(LIBS) $(BUILD)/libproto.a
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS_ALL) -o $$@ $$^ $(PKG_LIBS) -lcmocka
endef
$(foreach b,$(notdir $(BENCHES)),$(eval $(call bench_rule,$(b))))
bench: all $(BENCHES) $(BUILD)/tests/flood ## measure: a table and one JSON document (LONG=1 for longer runs, JSON=file)
	BUILD=$(BUILD) tests/bench/run $(if $(LONG),--long) $(if $(JSON),--json $(JSON))

# Crash runs: workers built on a program's own parts, killed at every system call that changes something (tests/crash/injector.c).
CRASH := $(BUILD)/crash/injector $(BUILD)/crash/csi $(BUILD)/crash/issuer
$(BUILD)/crash/injector: $(call objects,$(addprefix tests/crash/,injector.c case.c trace.c)) $(BUILD)/libbase.a
$(BUILD)/crash/csi: $(call objects,$(addprefix tests/crash/,csi_worker.c csi_check.c)) $(BUILD)/libcsi-program.a \
        $(BUILD)/libfakes.a $(LIBS) $(BUILD)/libproto.a
$(BUILD)/crash/issuer: $(call objects,$(addprefix tests/crash/,issuer_worker.c issuer_check.c)) \
        $(BUILD)/libissuer-program.a $(BUILD)/libfakes.a $(LIBS) $(BUILD)/libproto.a
$(CRASH):
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) -lcmocka
run_crash = $(BUILD)/crash/injector --csi $(BUILD)/crash/csi --issuer $(BUILD)/crash/issuer
crash: $(CRASH) ## kill driver and issuer at every system call with an effect, restart, check (ONLY=csi:12:after:retry)
	$(run_crash) $(if $(ONLY),--only $(ONLY))
crash-long: $(CRASH) ## LOOPS=10000 of these each, with a second kill while restarting
	$(run_crash) --loops $(or $(LOOPS),10000)

include tests/fuzz/fuzz.mk

# Under valgrind: units and corpora, flows. Always of a build without a sanitizer; MEMCHECK is that build's folder.
MEMCHECK = $(BUILD)/memcheck
memcheck: ## units and fuzz corpora under valgrind (DIR=csi/volume for one folder, SHORT=1 without the slowest)
	$(MAKE) MODE=debug BUILD=$(MEMCHECK) memcheck-here
memcheck-here: $(MEMCHECK_SO) $(filter $(addprefix $(BUILD)/unit/,$(if $(DIR),$(DIR)/%,%)),$(UNIT_BINS)) \
               $(filter $(addprefix $(BUILD)/replay/,$(if $(DIR),$(DIR)/%,%)),$(REPLAYS))
	tests/tools/memcheck $(if $(SHORT),--short) $(BUILD) $(filter-out %.so,$^)
memcheck-flow: ## flows with node plugin, attester and issuer under valgrind (K=name for some)
	$(MAKE) MODE=debug BUILD=$(MEMCHECK) memcheck-flow-here
memcheck-flow-here: all $(FLOW_PARTS) $(MEMCHECK_SO)
	MEMCHECK=1 BUILD=$(BUILD) tests/tools/run-flows $(if $(K),-k '$(K)')

# Soak runs: what grows shows itself.
$(BUILD)/soak/renewals: $(BUILD)/obj/tests/soak/renewals.o $(BUILD)/libcsi-program.a $(BUILD)/libfakes.a $(LIBS) $(BUILD)/libproto.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) -lcmocka
soak: all $(BUILD)/soak/renewals ## 10,000 publishes and unpublishes among renewals through the real programs; two days of renewals by a fake clock
	BUILD=$(BUILD) tests/soak/run $(or $(LOOPS),10000) $(or $(HOURS),48)
soak-short: all $(BUILD)/soak/renewals ## the same for CI
	BUILD=$(BUILD) tests/soak/run 600 2

# ---- the rest ------------------------------------------------------------------------------------------------------
lint: $(PROTO_H) ## clang-format, clang-tidy, layer rule, banned calls
	hack/lint $(BUILD)
format: ## rewrite the sources as clang-format has them
	@find lib csi attester issuer cli sign tests -name '*.[ch]' | xargs clang-format -i
install: all ## DESTDIR and PREFIX as usual
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(BINS) $(DESTDIR)$(PREFIX)/bin
clean: ## remove what was built
	rm -rf build
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
