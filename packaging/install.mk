# What the Makefile makes is put in its place, taken away again, and packed.

LIBDIR = $(DESTDIR)$(PREFIX)/lib/belay
SHARE = $(DESTDIR)$(PREFIX)/share
# What is installed besides: the file, its mode, where it goes.
DATA := doc/belay.1:man/man1/belay.1 doc/belay-autossh.1:man/man1/belay-autossh.1 \
	doc/belay-server.8:man/man8/belay-server.8 doc/belay_config.5:man/man5/belay_config.5 \
	completions/belay.bash:bash-completion/completions/belay \
	completions/_belay:zsh/site-functions/_belay \
	completions/belay.fish:fish/vendor_completions.d/belay.fish \
	packaging/debian/copyright:doc/belay/copyright

UNIT = lib/systemd/user/belay@.service

# The servers for other machines that were made go along, packed.
install: all $(MADE)
	install -d $(DESTDIR)$(PREFIX)/bin $(LIBDIR)/servers
	install -m 755 $(BUILD)/belay $(DESTDIR)$(PREFIX)/bin/belay
	ln -sf belay $(DESTDIR)$(PREFIX)/bin/belay-autossh
	install -m 755 $(BUILD)/servers/$(OS)-$(MACHINE) $(LIBDIR)/servers/
	ln -sf servers/$(OS)-$(MACHINE) $(LIBDIR)/belay-server
	install -m 644 $(BUILD)/servers/$(OS)-$(MACHINE).gz $(MADE) $(LIBDIR)/servers/
	for f in $(DATA); do \
		install -d "$$(dirname "$(SHARE)/$${f#*:}")" && \
		install -m 644 "$${f%:*}" "$(SHARE)/$${f#*:}" || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/$(dir $(UNIT))
	sed 's|@PREFIX@|$(PREFIX)|' packaging/belay@.service > $(DESTDIR)$(PREFIX)/$(UNIT)

# Also the directories, where nothing else is in them.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/belay $(DESTDIR)$(PREFIX)/bin/belay-autossh
	rm -rf $(LIBDIR)
	rm -f $(DESTDIR)$(PREFIX)/$(UNIT)
	for f in $(DATA); do rm -f "$(SHARE)/$${f#*:}"; done
	cd $(DESTDIR)$(PREFIX) && for f in bin/x lib/x $(UNIT) $(DATA); do \
		case $$f in *:*) f=share/$${f#*:} ;; esac; \
		rmdir -p "$${f%/*}" 2>/dev/null || true; done

# A release, with what packages need besides; URL: where its files will lie.
ARCHIVE := build/dist/belay-$(VERSION).tar.gz
dist:
	$(if $(BEARSSL),,$(error make dist needs BearSSL: without it it would be another release))
	@echo "make dist: the servers for eight machines take two to five minutes on two processors, once"
	$(MAKE) servers
	tools/dist $(VERSION) $(BUILD_ID) $(URL)

deb:
	tools/deps deb
	$(MAKE) dist
	@echo "make deb: the package takes another minute"
	tools/deb $(ARCHIVE)

# What a tag of a forge makes: TAG is v and the version, URL where the files will lie.
release:
	@[ "$(TAG)" = "v$(VERSION)" ] || { echo "make release: TAG is $(TAG), not v$(VERSION)" >&2; exit 1; }
	@grep -qx '## $(VERSION)' CHANGELOG.md || { echo "make release: CHANGELOG.md has no $(VERSION)" >&2; exit 1; }
	$(MAKE) deb URL=$(URL)
	cp build/deb/belay_$(VERSION)_*.deb build/dist/
	cd build/dist && $(SHA256) belay-* belay_* belay.rb PKGBUILD > SHA256SUMS

.PHONY: install uninstall dist deb release
