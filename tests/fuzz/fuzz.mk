# Fuzzing (docs/fuzzing.md). Included by the Makefile. Every *_fuzz.c beside the code is a target, and so is every one in tests/fuzz:
# tests/fuzz/P_fuzz.c holds P against a second implementation and uses P's corpus.
#   MODE=fuzz CC=clang            libFuzzer, with the address and undefined-behaviour sanitizers
#   MODE=fuzz CC=afl-clang-fast   the same target in AFL++'s persistent mode: it puts its own driver in libFuzzer's place
FLAGS_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
        -Wno-error # whether it warns is for make lint to say
LINK_fuzz  := -fsanitize=address,undefined

FUZZ_BINS := $(FUZZERS:%_fuzz.c=$(BUILD)/fuzz/%)
define fuzz_rule
$(BUILD)/fuzz/$(1:_fuzz.c=): $(BUILD)/obj/$(1:.c=.o) $(BUILD)/obj/tests/fuzz/warm.o \
        $(if $(call program_of,$(1)),$(BUILD)/lib$(call program_of,$(1))-program.a) $(LIBS) $(BUILD)/libproto.a
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $$@ $$^ $(call second_libs,$(1)) $(PKG_LIBS)
endef
$(foreach t,$(FUZZERS),$(eval $(call fuzz_rule,$(t))))
fuzz-binaries: $(FUZZ_BINS)

$(BUILD)/tests/say: $(BUILD)/obj/tests/fuzz/say.o $(LIBS) $(BUILD)/libproto.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

.PHONY: fuzz fuzz-compare fuzz-list fuzz-short fuzz-long fuzz-merge fuzz-report fuzz-binaries
FUZZ := tests/fuzz/run --build $(BUILD) $(if $(WORK),--work $(WORK))
fuzz: ## one target: TARGET=lib/wire/json TIME=600 ENGINE=libfuzzer|afl; INPUT=file repeats one input
	+$(FUZZ) one $(or $(TARGET),$(error TARGET=... (make fuzz-list))) --time $(or $(TIME),600) \
	        --engine $(or $(ENGINE),libfuzzer) $(if $(INPUT),--input $(INPUT))
fuzz-compare: $(BUILD)/tests/say ## our parsers beside Python's, over the corpora (INPUTS=folders with more of them)
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/fuzz/compare.py $< $(INPUTS)
fuzz-list: ## the fuzz targets
	@$(FUZZ) list
fuzz-short: fuzz-compare ## every fuzz target for TIME=2 seconds, on a copy of its corpus
	+$(FUZZ) short --time $(or $(TIME),2)
fuzz-long: ## every fuzz target for TIME=600 s; what was done for its present sources is not repeated
	+$(FUZZ) long --time $(or $(TIME),600)
fuzz-merge: ## take the few found inputs that reach something new into tests/corpus (TARGET=... or all)
	+$(FUZZ) merge $(TARGET)
fuzz-report: ## write the table of results into docs/fuzzing.md
	$(FUZZ) report docs/fuzzing.md
