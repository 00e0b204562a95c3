# belay: README.md is the tour, CODE-MAP.md the rooms.
#
#   make            build/belay and build/servers/
#   make try        a session to a private sshd, to play with
#   make check      all tests, built with sanitizers
#   make install    PREFIX=/usr/local DESTDIR=
#   make bench conformance fuzz soak      see doc/TESTING.md

VERSION := 0.1.0
PREFIX ?= /usr/local
BUILD ?= build
CC = gcc
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
	-Wpointer-arith -Wcast-qual -Wvla
SANITIZE :=
OS := $(shell uname -s)
MACHINE := $(shell uname -m)
OS_FILE := src/sys/os_$(shell echo $(OS) | tr A-Z a-z).c

# ---- what is made of what: an archive a layer, linked with those before it only ----

LAYERS := base wire stream term sys
sources = $(filter-out src/sys/os_% %/main.c,$(wildcard src/$(1)/*.c)) $(if $(filter sys,$(1)),$(OS_FILE))
objects = $(patsubst src/%.c,$(BUILD)/%.o,$(call sources,$(1)))

SERVER_SOURCES := $(foreach l,$(LAYERS) server,$(call sources,$(l))) src/server/main.c
# What the client looks for on the host: the same sources and flags give the same server.
BUILD_ID := $(VERSION)-$(shell cat $(sort $(SERVER_SOURCES)) \
	$(foreach l,$(LAYERS) server,$(sort $(wildcard src/$(l)/*.h))) | \
	(cat; echo '$(SANITIZE)') | sha256sum | cut -c1-12)
CPPFLAGS := -Isrc -D_DEFAULT_SOURCE -D_XOPEN_SOURCE=700 \
	-DBELAY_BUILD='"$(BUILD_ID)"' -DBELAY_LIBDIR='"$(PREFIX)/lib/belay"'
ALL_CFLAGS = -std=c17 $(WARN) $(CFLAGS) $(SANITIZE)

all: $(BUILD)/belay $(BUILD)/servers/$(OS)-$(MACHINE).gz

$(BUILD)/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# Changes when the version or the flags do.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(ALL_CFLAGS) $(CPPFLAGS)' | cmp -s - $@ || echo '$(ALL_CFLAGS) $(CPPFLAGS)' > $@

define layer_rules
$(call lib,$(1)): $(call objects,$(1))
	@rm -f $$@
	ar rcsD $$@ $$^
endef
lib = $(BUILD)/lib$(1).a
$(foreach l,$(LAYERS) client server,$(eval $(call layer_rules,$(l))))

libs = $(foreach l,$(1),$(call lib,$(l)))
CLIENT_LIBS = $(call libs,client sys term stream wire base)
SERVER_LIBS = $(call libs,server sys term stream wire base)

$(BUILD)/belay: $(BUILD)/client/main.o $(CLIENT_LIBS)
	$(CC) $(ALL_CFLAGS) -o $@ $^

# ---- the server: compiled whole, static, with musl where it is there ----

MUSL := $(shell command -v musl-gcc)
# The kernel's headers, which musl has not, are those of the system, looked at last.
SERVER_CC := $(if $(MUSL),musl-gcc $(patsubst %,-idirafter %,/usr/include \
	$(wildcard /usr/include/$(shell $(CC) -print-multiarch))),$(CC))
SERVER_CFLAGS := -std=c17 -Os -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables -fno-stack-protector -static -s -Wl,--gc-sections \
	-Wl,--build-id=none
SERVER_HEADERS := $(wildcard src/*/*.h)

ifeq ($(SANITIZE),)
$(BUILD)/servers/$(OS)-$(MACHINE): $(SERVER_SOURCES) $(SERVER_HEADERS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(SERVER_CC) $(SERVER_CFLAGS) $(CPPFLAGS) -o $@ $(SERVER_SOURCES)
else
$(BUILD)/servers/$(OS)-$(MACHINE): $(BUILD)/server/main.o $(SERVER_LIBS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^
endif

%.gz: %
	gzip -9nc $< > $@

# ---- tests ----

CHECK_BUILD := build-check
CHECK_FLAGS := BUILD=$(CHECK_BUILD) CFLAGS='-O1 -g -fno-omit-frame-pointer' \
	SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
PYTHON := /usr/bin/python3

# By way of make again: only then is what tools/deps has installed seen.
check:
	tools/deps check
	$(MAKE) all
	$(MAKE) $(CHECK_FLAGS) all unit sim replay
	tests/run $(CHECK_BUILD)

# A unit test links with its own layer and those below it only, and has malloc in hand.
WRAP_MALLOC := -Wl,--wrap=malloc,--wrap=calloc,--wrap=free
below_base := base
below_wire := wire base
below_stream := stream wire base
below_term := term base
below_sys := sys term stream wire base
below_client := client sys term stream wire base
below_server := server sys term stream wire base
TESTS := $(wildcard tests/unit/*/*_test.c)
UNIT := $(TESTS:tests/%.c=$(BUILD)/tests/%)
unit: $(UNIT)
sim: $(BUILD)/tests/sim $(BUILD)/tests/credit_sim $(BUILD)/tests/policy_sim
# The fuzz targets, over their corpus only.
REPLAY := $(patsubst %_fuzz.c,$(BUILD)/%_replay,$(wildcard tests/fuzz/*_fuzz.c))
replay: $(REPLAY)

.SECONDEXPANSION:
layer_of = $(notdir $(patsubst %/,%,$(dir $(1))))
$(UNIT): $(BUILD)/tests/%: tests/%.c tests/unit/test.h $(wildcard tests/unit/*/*.h) \
		$$(call libs,$$(below_$$(call layer_of,$$@)))
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -Itests/unit $(WRAP_MALLOC) -o $@ $< \
		$(call libs,$(below_$(call layer_of,$@)))

$(BUILD)/tests/sim: tests/sim/sim.c $(call libs,stream wire base)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -o $@ $^

$(BUILD)/tests/%_sim: tests/sim/%_sim.c $(call libs,stream wire base)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -o $@ $^

$(REPLAY): $(BUILD)/%_replay: %_fuzz.c tests/fuzz/replay.c $(CLIENT_LIBS) tests/fuzz/fuzz.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -Itests/fuzz -Itests/unit/term -o $@ $(filter %.c %.a,$^)

# How many runs, from which seed.
SEEDS ?= 100000
FROM ?= 1
soak:
	$(MAKE) BUILD=$(BUILD) $(BUILD)/tests/sim
	$(BUILD)/tests/sim $(FROM) $(SEEDS)

FUZZ_SECONDS ?= 60
fuzz:
	tools/deps fuzz
	tests/fuzz/run $(FUZZ_SECONDS)

# QUICK=--quick: few rounds, to see it work.
bench:
	tools/deps bench
	$(MAKE) all $(BUILD)/bench/term_bench
	$(BUILD)/bench/term_bench
	failed=0; for one in bench reaction load; do \
		$(PYTHON) bench/$$one.py $(QUICK) || failed=1; done; exit $$failed

$(BUILD)/bench/term_bench: bench/term_bench.c $(call libs,term base)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -o $@ $^ -lvterm

$(BUILD)/bench/linkemu: bench/lab/linkemu.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $<

# What calls ssh, with belay in its place, while the network is cut.
conformance:
	tools/deps conformance
	$(MAKE) all
	BELAY=$(BUILD)/belay tests/conformance/run

try:
	tools/deps try
	$(MAKE) all
	tools/try $(BUILD)

# ---- installing ----

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/belay/servers \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 755 $(BUILD)/belay $(DESTDIR)$(PREFIX)/bin/belay
	ln -sf belay $(DESTDIR)$(PREFIX)/bin/belay-autossh
	install -m 755 $(BUILD)/servers/$(OS)-$(MACHINE) $(DESTDIR)$(PREFIX)/lib/belay/servers/
	install -m 644 $(BUILD)/servers/$(OS)-$(MACHINE).gz $(DESTDIR)$(PREFIX)/lib/belay/servers/
	install -m 644 doc/belay.1 doc/belay-autossh.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 doc/belay-server.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	install -D -m 644 completions/belay.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/belay
	install -D -m 644 completions/_belay $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_belay
	install -D -m 644 completions/belay.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/belay.fish

clean:
	rm -rf $(BUILD) $(CHECK_BUILD) build-fuzz

FORCE:
.PHONY: all check unit sim replay soak fuzz bench conformance try install clean FORCE
-include $(shell find $(BUILD) -path $(BUILD)/deps -prune -o -type f -name '*.d' -print 2>/dev/null)
