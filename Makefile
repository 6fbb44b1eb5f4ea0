# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The everyday commands; what is built, and how, is in meson.build.
#
#   make           build           make demo      record a program, show what happened in it
#   make check     all tests       make torture   the long tests
#   make install   as root         make bench     measurements
#   make uninstall as root         make clean
#
# BUILD=FOLDER builds elsewhere. Missing packages are installed first.

ifndef BUILD
# Where the source tree is somebody else's, the build goes into the user's cache.
BUILD := $(shell if test -w build || { test ! -e build && test -w .; }; then echo build; \
        else echo "$${XDG_CACHE_HOME:-$$HOME/.cache}/tracectl-build-$$(pwd | cksum | cut -d ' ' -f 1)"; fi)
endif
PYTHON := $(or $(wildcard /usr/bin/python3),python3)

OPTIONS := $(if $(filter true,$(CI)),-Dwerror=true)
TEST = meson test -C '$(BUILD)' --no-rebuild --print-errorlogs
REPORT = $(PYTHON) .ci/report.py '$(BUILD)/meson-logs/testlog.json'

define build
@mkdir -p -- '$(BUILD)' || { echo 'Choose another folder to build in: make BUILD=FOLDER' >&2; exit 1; }
@test -e '$(BUILD)/build.ninja' || meson setup $(OPTIONS) -- '$(BUILD)'
@test -z '$(OPTIONS)' || meson configure '$(BUILD)' $(OPTIONS)
@ninja -C '$(BUILD)' $$(test -t 1 || echo --quiet)
endef

all: packages-build
	$(build)

demo: packages-build
	$(build)
	@docs/examples/demo '$(BUILD)'

check: packages-check
	$(build)
	@rm -f '$(BUILD)/meson-logs/testlog.json'
	@$(TEST) --no-suite torture || :
	@$(REPORT)

torture: packages-torture
	$(build)
	@rm -f '$(BUILD)/meson-logs/testlog.json'
	@TRACECTL_TORTURE=1 $(TEST) --timeout-multiplier 20 || :
	@$(REPORT)

bench: packages-bench
	$(build)
	@meson test -C '$(BUILD)' --no-rebuild --benchmark --verbose

install: packages-build
	$(build)
	@meson install -C '$(BUILD)' --no-rebuild
	@test -n '$(DESTDIR)' || mv -f '$(BUILD)/meson-logs/install-log.txt' '$(BUILD)/installed'
	@test -n '$(DESTDIR)' || '$(BUILD)/units/after-install'

# Of the list that make install has kept: meson's own is that of the last installation, of which the tests make some.
uninstall:
	@test -e '$(BUILD)/installed' || { \
                echo 'Nothing was installed from $(BUILD); name the folder: make uninstall BUILD=FOLDER' >&2; exit 1; }
	@units/before-uninstall
	@cp '$(BUILD)/installed' '$(BUILD)/meson-logs/install-log.txt'
	@ninja -C '$(BUILD)' --quiet uninstall
	@rm -f '$(BUILD)/installed' '$(BUILD)/meson-logs/install-log.txt'
	@test "$$(id -u)" != 0 || ldconfig
	@test "$$(id -u)" != 0 || test ! -d /run/systemd/system || systemctl daemon-reload
	@test "$$(id -u)" != 0 || ! command -v journalctl >/dev/null || journalctl --quiet --update-catalog

clean:
	rm -rf -- '$(BUILD)'

packages-%:
	@.ci/packages $*

.PHONY: all demo check torture bench install uninstall clean
