# Tests, benchmark and fuzzers; the Makefile includes this.

# ---- tests ----

CHECK_BUILD := build-check
CHECK_FLAGS := BUILD=$(CHECK_BUILD) CFLAGS='-O1 -g -fno-omit-frame-pointer' \
	SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
PYTHON := /usr/bin/python3

# Seconds, without sshd and sanitizers, and nothing is installed.  T=stream: of one room or
# module only.
FAST = $(UNITS) $(SIMS) $(SESSIONS) $(REPLAY)
CHOSEN = $(foreach t,$(FAST),$(if $(T),$(if $(findstring $(T),$(t:$(BUILD)/%=%)),$(t)),$(t)))
test:
	@$(MAKE) --no-print-directory $(CHOSEN)
	tests/quick $(CHOSEN)

# By way of make again: only then is what tools/deps has installed seen.
check:
	tools/deps check
	$(MAKE) all $(MADE) $(BUILD)/tests/hot_path $(BUILD)/tests/seal_probe $(SESSIONS) faults
	$(MAKE) $(CHECK_FLAGS) all unit sim replay
	tests/run $(CHECK_BUILD)

# A unit test links with its own room and those that it may use, and has malloc in hand.
WRAP_MALLOC := $(if $(filter Darwin,$(OS)),,-Wl,--wrap=malloc,--wrap=calloc,--wrap=free,--wrap=mmap,--wrap=munmap)
# What makes its surroundings in Linux's way is for Linux only.
LINUX_TESTS := $(wildcard tests/unit/libc/*_test.c) $(patsubst %,tests/unit/%_test.c,sys/harden sys/peek \
	sys/netwatch screen/display server/echo ssh/control_master tunnel/tunnel) tests/fuzz/tunnel_fuzz.c
here = $(filter-out $(if $(filter Linux,$(OS)),,$(LINUX_TESTS)),$(1))
TESTS := $(call here,$(wildcard tests/unit/*/*_test.c))
UNITS := $(TESTS:tests/%.c=$(BUILD)/tests/%)
unit: $(UNITS)
SIMS := $(addprefix $(BUILD)/tests/,sim congestion_sim policy_sim datagram_sim latency_sim)
sim: $(SIMS)
# The fuzz targets, over their corpus only.
REPLAY := $(patsubst %_fuzz.c,$(BUILD)/%_replay,$(call here,$(wildcard tests/fuzz/*_fuzz.c)))
replay: $(REPLAY)

.SECONDEXPANSION:
room_of = $(notdir $(patsubst %/,%,$(dir $(1))))
$(UNITS): $(BUILD)/tests/%: tests/%.c tests/unit/test.h $(wildcard tests/unit/*/*.h) $(MUSL_SOURCES) \
		$$(call libs,$$(call room_of,$$@))
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -Itests/unit $(WRAP_MALLOC) -o $@ $< \
		$(call libs,$(call room_of,$@))

$(BUILD)/tests/sim: tests/sim/sim.c $(call libs,stream)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -o $@ $^

# Of which modules unit tests run less than half.  Children of theirs end by exit(3), so that what they
# have run is counted.
COVER_BUILD := build-cover
coverage:
	$(MAKE) BUILD=$(COVER_BUILD) HARDEN= CFLAGS='-O0 -g --coverage -D_exit=exit' unit
	tests/cover/run $(COVER_BUILD)

# What a byte and a key cost, in instructions; of the released flags.
count: $(BUILD)/tests/hot_path
	tests/count/run $<

$(BUILD)/tests/hot_path: tests/count/hot_path.c $(call libs,screen)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -o $@ $^

# As OpenSSL does it, and no secret decides; of the released flags.
seal: $(BUILD)/tests/seal_probe
	tests/seal/run $<

$(BUILD)/tests/seal_probe: tests/seal/seal_probe.c $(call libs,link)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -o $@ $^

# Both programs whole, in a world that is made up: each is one object, whose system calls have
# other names (one that the world does not have, does not link).  Of the released flags, and where
# that was tried: processes there are coroutines.
SESSIONS := $(if $(filter %linux-gnu,$(shell $(CC) -dumpmachine)),$(BUILD)/tests/session_sim)
WORLD := $(BUILD)/tests/world
WORLD_SYS = $(filter-out $(BUILD)/sys/os_%,$(call objects,sys))
world_libs = $(filter-out $(call lib,sys),$(call libs,$(1)))
define world_rules
$(WORLD)/$(1).o: $(BUILD)/$(2)/main.o $$(WORLD_SYS) $$(call world_libs,$(2)) \
		tests/sim/world/calls tests/sim/world/program.ld
	@mkdir -p $$(@D)
	$(LD) -r -T tests/sim/world/program.ld -o $$@.whole $$(filter %.o %.a,$$^)
	objcopy --redefine-syms=tests/sim/world/calls --redefine-sym main=$(1)_main \
		--redefine-sym program_begin=$(1)_begin --redefine-sym program_end=$(1)_end \
		--keep-global-symbol=$(1)_main --keep-global-symbol=$(1)_begin \
		--keep-global-symbol=$(1)_end $$@.whole $$@
	@rm -f $$@.whole
endef
$(eval $(call world_rules,belay,client))
$(eval $(call world_rules,belay_server,server))

$(BUILD)/tests/session_sim: $(wildcard tests/sim/session_* tests/sim/world/*.[ch]) \
		$(WORLD)/belay.o $(WORLD)/belay_server.o $(call libs,term)
	@mkdir -p $(@D)
	$(CC) -std=c17 $(WARN) $(CFLAGS) $(SANITIZE) -fPIE -pie $(CPPFLAGS) -Itests/sim -o $@ \
		$(filter %.c %.o %.a,$^)

# The owners of both ends; the sockets are the simulator's.
$(BUILD)/tests/datagram_sim: tests/sim/datagram_sim.c $(call lib,server) $(CLIENT_LIBS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -o $@ $^

$(BUILD)/tests/%_sim: tests/sim/%_sim.c $(CLIENT_LIBS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -o $@ $^

$(REPLAY): $(BUILD)/%_replay: %_fuzz.c tests/fuzz/replay.c $(CLIENT_LIBS) tests/fuzz/fuzz.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -Itests/fuzz -Itests/unit/term -o $@ $(filter %.c %.a,$^)

# Makes the Nth call of a function fail, in the client and in a server that loads it.
faults: $(BUILD)/tests/fault.so $(BUILD)/tests/servers/$(OS)-$(MACHINE)

$(BUILD)/tests/fault.so: tests/fault/fault.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fno-builtin -fPIC -shared -o $@ $< -ldl

$(BUILD)/tests/servers/$(OS)-$(MACHINE): $(BUILD)/server/main.o $(SERVER_LIBS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^

# What for: the simulator, or that of datagrams or of sessions (how many runs, from which seed), the real programs in trouble (how
# many minutes; SEED of it), or with one call failing, or with peers that break the protocol.
SEEDS ?= 100000
FROM ?= 1
MINUTES ?= 30
soak: soak-$(or $(T),simulator)
soak-simulator:
	$(MAKE) BUILD=$(BUILD) $(BUILD)/tests/sim
	$(BUILD)/tests/sim $(FROM) $(SEEDS)
soak-datagrams:
	$(MAKE) BUILD=$(BUILD) $(BUILD)/tests/datagram_sim
	$(BUILD)/tests/datagram_sim $(FROM) $(SEEDS)
soak-sessions:
	$(MAKE) BUILD=$(BUILD) $(BUILD)/tests/session_sim
	$(BUILD)/tests/session_sim $(FROM) $(SEEDS)
soak-trouble:
	tools/deps check
	$(MAKE) all
	BELAY=$(abspath $(BUILD)/belay) BELAY_SERVERS=$(abspath $(BUILD)/servers) \
		tests/soak/trouble.py --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))
soak-roaming:
	tools/deps check
	$(MAKE) $(CHECK_FLAGS) all
	BELAY=$(abspath $(CHECK_BUILD)/belay) BELAY_SERVERS=$(abspath $(CHECK_BUILD)/servers) \
		tests/soak/roaming.py --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))
soak-faults:
	tools/deps check
	$(MAKE) all faults
	BELAY=$(BUILD)/belay FAULTS=all $(PYTHON) -B -m pytest -p no:cacheprovider -q \
		tests/e2e/test_faults.py

PEERS ?= 6000
soak-hostile:
	tools/deps check
	$(MAKE) $(CHECK_FLAGS) all
	BELAY=$(CHECK_BUILD)/belay BELAY_SERVERS=$(CHECK_BUILD)/servers HOSTILE_PEERS=$(PEERS) \
		$(if $(SEED),BELAY_E2E_SEED=$(SEED)) $(PYTHON) -B -m pytest -p no:cacheprovider -q \
		tests/e2e/test_hostile.py

# By this machine's own ssh and sshd: for systems where the other tests do not run.
smoke: all
	tests/smoke $(BUILD)

FUZZ_SECONDS ?= 60
fuzz:
	tools/deps fuzz
	tests/fuzz/run $(FUZZ_SECONDS)

# QUICK=--quick: few rounds, to see it work.
bench:
	tools/deps bench
	$(MAKE) all $(BUILD)/bench/term_bench
	failed=0; $(BUILD)/bench/term_bench || failed=1; for one in bench tunnel reaction share load loss predict; do \
		$(PYTHON) bench/$$one.py $(QUICK) || failed=1; done; exit $$failed

$(BUILD)/bench/term_bench: bench/term_bench.c $(call libs,term) tests/unit/term/floods.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -Itests/unit/term -o $@ $(filter %.c %.a,$^) -lvterm

$(BUILD)/bench/linkemu: bench/lab/linkemu.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $<

$(BUILD)/bench/floor: bench/floor.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $<

# What calls ssh, with belay in its place, while the network is cut; T=openssh: OpenSSH's own
# tests, which take an hour.
conformance: $(if $(T),conformance-$(T),conformance-cut conformance-packages conformance-openssh)
conformance-ready:
	tools/deps conformance
	$(MAKE) all
conformance-cut: conformance-ready
	BELAY=$(BUILD)/belay tests/conformance/run
# Packages of all kinds, clean roots, a release that is made twice, and what can be linked for macOS.
conformance-packages:
	tools/deps packages
	$(MAKE) deb static
	PACKAGES=all $(PYTHON) -B -m pytest -p no:cacheprovider -q tests/e2e/test_packages.py
	tests/conformance/again
	tests/conformance/roots.py
	$(MAKE) smoke
	$(MAKE) darwin WHAT='all unit sim replay'
conformance-openssh: conformance-ready
	BELAY=$(BUILD)/belay tests/conformance/openssh.py

try:
	tools/deps try
	$(MAKE) all
	tools/try $(BUILD)

