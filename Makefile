# belay: README.md is the tour, CODE-MAP.md the rooms.
#
#   make            build/belay, and the server for this machine
#   make servers    and the servers for other machines, see doc/MACHINES.md
#   make static     a client without dependencies, for any Linux, in build-static
#   make try        a session to a private sshd, to play with
#   make test       those that take seconds; T=stream: of one room or module
#   make check      all tests, built with sanitizers
#   make smoke      sessions through cuts, by this machine's own sshd: on any system
#   make install    PREFIX=/usr/local DESTDIR=; and uninstall
#   make dist       a release, in build/dist: the sources, and the servers for Linux
#   make deb        a Debian package, in build/deb; packaging/ has others
#   make bench conformance fuzz soak      see doc/TESTING.md

VERSION := 0.2.0
PREFIX ?= /usr/local
BUILD ?= build
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
	-Wpointer-arith -Wcast-qual -Wvla
SANITIZE :=
comma := ,
OS := $(shell uname -s)
MACHINE := $(shell uname -m)
NATIVE = $(OS)-$(MACHINE)
# The only question asked of the system; see doc/MACHINES.md for what was tried where.
CC = $(if $(filter Linux,$(OS)),gcc,cc)
OS_FILES := src/sys/$(if $(filter Linux,$(OS)),os_linux_harden.c src/sys/os_linux_peek.c,os_bsd.c) src/sys/os_$(shell echo $(OS) | tr A-Z a-z).c
FEATURES := $(if $(filter Linux,$(OS)),-D_DEFAULT_SOURCE -D_XOPEN_SOURCE=700,-D_DARWIN_C_SOURCE \
	-Wno-deprecated-declarations)

# ---- the rooms: each folder of src/ is an archive, and links with those that it may use ----

uses_base :=
uses_wire := base
uses_stream := wire base
uses_term := base
uses_sys := base
uses_link := stream sys wire base
uses_tunnel := stream sys wire base
uses_ssh := sys base
uses_predict := term base
uses_screen := predict term stream sys wire base
uses_autossh := ssh sys base
uses_reconnect := screen predict ssh link term stream sys wire base
uses_client := reconnect autossh screen predict ssh tunnel link term stream sys wire base
uses_server := tunnel link term stream sys wire base
uses_libc := sys base
ROOMS := client server reconnect autossh screen predict ssh tunnel link term stream sys wire base
SERVER_ROOMS := server $(uses_server)
sources = $(filter-out src/sys/os_% %/main.c,$(wildcard src/$(1)/*.c)) $(if $(filter sys,$(1)),$(OS_FILES))
objects = $(patsubst src/%.c,$(BUILD)/%.o,$(call sources,$(1)))

# BearSSL seals datagrams.  Its archive, for both programs: the server is static, and a client
# with the library alone would have nobody to talk to.  Empty: no datagrams.  Where the compiler
# does not find it: make BEARSSL=/the/path/of/libbearssl.a
BEARSSL := $(filter /%,$(shell $(CC) -print-file-name=libbearssl.a))
BEARSSL_HEADERS = $(wildcard $(dir $(BEARSSL))../inc)

# The server has nobody to log to, and no stdio.
SERVER_SOURCES := $(filter-out src/base/log.c,$(foreach r,$(SERVER_ROOMS),$(call sources,$(r)))) \
	src/server/main.c
# What the client looks for on the host: the same sources and flags give the same server; it
# is the same for all systems and machines, so those of the others count.
SHA256 := $(or $(shell command -v sha256sum),shasum -a 256)
SUM := $(shell cat $(sort $(wildcard $(foreach r,$(SERVER_ROOMS) libc,src/$(r)/*.[ch]))) | \
	$(SHA256) | cut -c1-64)
id = $(VERSION)-$(shell echo '$(SUM) $(1)' | $(SHA256) | cut -c1-12)
# A release brings the servers for Linux along (`make dist`).  They are taken as they are where they
# are of these sources; SERVERS= : none is.
SERVERS := $(if $(SANITIZE),,$(filter $(call id,bearssl),$(shell cat servers/build-id 2>/dev/null)))
BROUGHT := $(if $(SERVERS),$(patsubst servers/%.gz,%,$(wildcard servers/*.gz)))
BUILD_ID := $(call id,$(SANITIZE)$(if $(or $(BEARSSL),$(BROUGHT)),bearssl))
CPPFLAGS := -Isrc -I$(BUILD)/made $(FEATURES) $(if $(BEARSSL),-DBELAY_BEARSSL $(BEARSSL_HEADERS:%=-isystem %)) \
	-DBELAY_BUILD='"$(BUILD_ID)"' -DBELAY_LIBDIR='"$(PREFIX)/lib/belay"'
# Of what is released; sanitizers have their own ways.  See doc/MACHINES.md.
HARDEN := $(if $(SANITIZE),,-fstack-protector $(if $(filter Linux,$(OS)),-fPIE -U_FORTIFY_SOURCE \
	-D_FORTIFY_SOURCE=2))
HARDEN_LINK := $(if $(SANITIZE),,$(if $(filter Linux,$(OS)),-pie -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now))
ALL_CFLAGS = -std=c17 $(WARN) $(CFLAGS) $(HARDEN) $(SANITIZE)

all: $(BUILD)/belay $(BUILD)/servers/$(NATIVE) $(BUILD)/servers/$(NATIVE).gz

$(BUILD)/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# The programs for the host's shell, as the client has them.
$(BUILD)/ssh/bootstrap.o: $(BUILD)/made/ssh/bootstrap_scripts.h
$(BUILD)/made/ssh/bootstrap_scripts.h: src/ssh/find.sh src/ssh/install.sh src/ssh/remove.sh \
		tools/embed
	@mkdir -p $(@D)
	tools/embed $(filter %.sh,$^) > $@

# Change when the version or the flags do; for the servers, when what they are called does.
$(BUILD)/flags: NOW = $(ALL_CFLAGS) $(CPPFLAGS)
$(BUILD)/build-id: NOW = $(BUILD_ID)
$(BUILD)/flags $(BUILD)/build-id: FORCE
	@mkdir -p $(@D)
	@echo '$(NOW)' | cmp -s - $@ || echo '$(NOW)' > $@

define room_rules
$(call lib,$(1)): $(call objects,$(1))
	@rm -f $$@
	$(AR) rcs $$@ $$^
endef
lib = $(BUILD)/lib$(1).a
$(foreach r,$(ROOMS),$(eval $(call room_rules,$(r))))

libs = $(foreach r,$(filter-out libc,$(1)) $(uses_$(1)),$(call lib,$(r))) \
	$(if $(filter link,$(1) $(uses_$(1))),$(BEARSSL))
CLIENT_LIBS = $(call libs,client)
SERVER_LIBS = $(call libs,server)

$(BUILD)/belay: $(BUILD)/client/main.o $(CLIENT_LIBS) $(if $(STATIC),src/libc/fortify.c)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(HARDEN_LINK) -o $@ $^

# ---- the server: compiled whole, static, with musl where it is there ----

MUSL := $(if $(filter Linux,$(OS)),$(shell command -v musl-gcc))
# The kernel's headers, which musl has not, are those of the system, looked at last.
STATIC_CC := musl-gcc $(patsubst %,-idirafter %,/usr/include $(wildcard \
	/usr/include/$(shell $(CC) -print-multiarch)))
SERVER_CC := $(if $(MUSL),$(STATIC_CC) -Wl$(comma)-T$(comma)tools/discard.ld,$(CC))
# One object, without holes: pages are shared by the end of the code and the beginning of the
# data, where the linker would rather fill up to 64 KB.
SERVER_LINK_Linux := -flto -flto-partition=one -fno-pie -static -s \
	-Wl,--gc-sections,--build-id=none -Wl,-z,norelro,-z,noseparate-code,-z,common-page-size=16
SERVER_LINK_Darwin := -Wl,-dead_strip
SERVER_CFLAGS := -std=c17 -Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fno-caller-saves -fno-move-loop-invariants -fno-ident \
	$(or $(SERVER_LINK_$(OS)),-static -s -Wl,--gc-sections)
# Where the file stays below its bound with it (doc/MACHINES.md).
PROTECTED := x86_64 armv7l
protect = $(if $(filter $(PROTECTED),$(1)),-fstack-protector-strong,-fno-stack-protector)
# macOS signs what it runs, and lets nothing be added.
SEAL = $(if $(filter Linux,$(OS)),tools/seal $@)
SERVER_HEADERS := $(wildcard src/*/*.h)
MUSL_SOURCES := $(wildcard src/libc/*.c)

ifneq ($(filter $(NATIVE),$(BROUGHT)),)
else ifeq ($(SANITIZE),)
$(BUILD)/servers/$(NATIVE): $(SERVER_SOURCES) $(SERVER_HEADERS) $(MUSL_SOURCES) Makefile \
		tools/discard.ld $(BUILD)/build-id
	@mkdir -p $(@D)
	$(SERVER_CC) $(SERVER_CFLAGS) $(call protect,$(MACHINE)) $(CPPFLAGS) -o $@ $(SERVER_SOURCES) \
		$(if $(MUSL),$(MUSL_SOURCES)) $(BEARSSL)
	$(SEAL)
else
$(BUILD)/servers/$(NATIVE): $(BUILD)/server/main.o $(SERVER_LIBS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $^
	$(SEAL)
endif

# Some 3 % shorter by zopfli, where it is there.
PACK := $(if $(shell command -v zopfli),zopfli --i30 -c,gzip -9nc)
$(BUILD)/servers/%.gz: $(BUILD)/servers/%
	$(PACK) $< > $@

TAKEN := $(BROUGHT:%=$(BUILD)/servers/%)
$(TAKEN:=.gz): $(BUILD)/servers/%: servers/% $(BUILD)/build-id
	@mkdir -p $(@D)
	cp $< $@
$(TAKEN): %: %.gz
	gzip -dc $< > $@
	chmod +x $@

# By way of make again, as in `check`: those for which there is a compiler now.
servers:
	tools/deps servers
	$(MAKE) all $$(tools/cross list | sed 's|.*|$(BUILD)/servers/&.gz|')

# Those that were made once are kept up to date by `check` and `install`.
MADE = $(wildcard $(FOREIGN:=.gz)) $(patsubst %,$(BUILD)/servers/%.gz,$(filter-out $(NATIVE),$(BROUGHT)))
FOREIGN := $(patsubst %,$(BUILD)/servers/%,$(filter-out $(NATIVE) $(BROUGHT),$(shell tools/cross names)))
$(FOREIGN): $(SERVER_SOURCES) $(MUSL_SOURCES) $(SERVER_HEADERS) Makefile tools/cross \
		tools/discard.ld $(BUILD)/build-id $(wildcard build/deps/bearssl)
	@mkdir -p $(@D)
	tools/cross $(@F) $(SERVER_CFLAGS) $(call protect,$(@F:Linux-%=%)) $(CPPFLAGS) -o $@ \
		$(SERVER_SOURCES) $(MUSL_SOURCES) $(BEARSSL)
	tools/seal $@

# The programs for macOS, compiled and linked where there is none; they have not been run.
# tools/cross leaves BearSSL out of them; the build is the same.  WHAT='all unit sim': the tests, too.
WHAT ?= all
DARWIN := $(foreach m,arm64 x86_64,$(MAKE) BUILD=build-darwin/$(m) OS=Darwin MACHINE=$(m) \
	BEARSSL='$(BEARSSL)' CC='tools/cross Darwin-$(m)' AR='build/deps/zig/zig ar' $(WHAT) &&)
darwin:
	tools/deps darwin
	$(DARWIN) true

# The client as one file without dependencies, for any Linux of this machine's kind, with the server beside it.
# musl has no name service switch: the user is one of /etc/passwd, or HOME and USER say it.
static:
	$(if $(MUSL),,$(error make static needs musl-gcc, of musl-tools or musl-dev))
	$(MAKE) BUILD=build-static STATIC=yes CC='$(STATIC_CC)' BEARSSL='$(BEARSSL)' HARDEN_LINK=-static all

include tests/rules.mk
include packaging/install.mk

clean:
	rm -rf $(BUILD) $(CHECK_BUILD) build-fuzz build-darwin build-static

FORCE:
.PHONY: all count seal servers static darwin test check coverage unit sim replay faults soak soak-simulator \
	soak-datagrams soak-sessions soak-trouble soak-roaming soak-faults soak-hostile fuzz bench conformance conformance-ready \
	conformance-cut conformance-packages conformance-openssh smoke try \
	clean FORCE
-include $(shell find $(BUILD) -path $(BUILD)/deps -prune -o -type f -name '*.d' -print 2>/dev/null)
