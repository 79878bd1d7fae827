# SPDX-License-Identifier: GPL-2.0
# vdso-remap: what a user calls. Each part's own Makefile or script does the work.

VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
KDIR ?= /lib/modules/$(shell uname -r)/build
O ?= build
override O := $(abspath $(O))
DESTDIR ?=
prefix ?= /usr/local

dkms_source := $(DESTDIR)/usr/src/vdso-remap-$(VERSION)
export VERSION O DESTDIR prefix

.PHONY: all help modules modules_install clean install uninstall \
	dkms-source dkms-install dkms-remove demo check check-host check-vm check-quick check-machines matrix check-debug check-criu check-podman style bench

all:
	@$(MAKE) -C userspace

help:
	@echo 'On a Debian machine, as root, nothing else needed:'
	@echo '  demo             run python3 under two other kernels'\'' vDSOs in a VM'
	@echo '  check            all tests: host tier, VM tier, style, CRIU, and check-machines'
	@echo '  check-host, check-vm, style, check-criu   parts of it'
	@echo '  check-quick      the VM tier on one kernel, without what takes long'
	@echo '  check-machines   the same on all machines but this one'
	@echo '  check-debug      on kernels with KASAN, lockdep, fault injection; builds them first'
	@echo '  check-podman     containers of podman between three kernels'
	@echo '  bench            what it costs, in a VM and on this machine: build/bench/report.txt'
	@echo '  matrix           every kernel x every test of the VM tier, as a table'
	@echo
	@echo 'Building and installing:'
	@echo '  all              the library and vdsoctl (default)'
	@echo '  modules          the module, for the kernel of KDIR'
	@echo '  install          library, headers, vdsoctl, manuals; a udev rule and a modules-load'
	@echo '                   file, inactive as they are; uninstall undoes it'
	@echo '  modules_install  the module'
	@echo '  dkms-install     the module, through DKMS; dkms-remove undoes it'
	@echo '  dkms-source      only put the source where DKMS looks'
	@echo '  clean            remove what was built'
	@echo
	@echo 'Variables and their values now:'
	@echo '  KDIR=$(KDIR)'
	@echo '  ARCH, CROSS_COMPILE  of modules and programs, as the kernel'\''s build has them'
	@echo '  O=$(O)'
	@echo '  prefix=$(prefix) DESTDIR=$(DESTDIR)'
	@echo '  KERNELS=$(or $(KERNELS),bullseye bookworm experimental)   for check and matrix,'
	@echo '      which also knows trixie and sid, with real-time scheduling bookworm-rt and sid-rt,'
	@echo '      and takes all if none is named; bench: bookworm sid'
	@echo '  IMAGES  the suites whose kernels'\'' images are used, instead of all'
	@echo '  TESTS  for check-vm and matrix: the only tests to run, by the names that they have in the'
	@echo '      summary, such as "move vdsoctl/exec programs": TESTS=move KERNELS=bookworm'
	@echo '  ARCH  of check and matrix, too: the VM'\''s machine, or all of them one after the other'
	@echo '  LOAD_TIMES  that the module is unloaded under load (30; matrix: 100)'
	@echo '  RACE_SECONDS (12), FUZZ_SECONDS (60), SEED  for check-debug'
	@echo '  SOAK_MINUTES  for check-debug: only fuzzer, races and faults, for that long; also'
	@echo '      on a kernel with KCSAN, which it builds first'
	@echo '  PARSE_FUZZ_SECONDS (30)  for check-host'
	@echo '  PAIRS  for check-criu: "all" is between five kernels instead of two, "one" only from the'
	@echo '      first of two to the second and back, which is what check does; BUSY (3) dumps of'
	@echo '      busy threads; CRIU_SUITE (trixie), that CRIU is from. check-podman: BUSY (1) dumps'
	@echo '  VDSO_REMAP_CACHE=$(or $(VDSO_REMAP_CACHE),$${XDG_CACHE_HOME:-~/.cache}/vdso-remap)   kernels, VM disk'

# Kbuild would take these from the environment for its own.
kbuild = env -u O -u VERSION $(MAKE) -C $(KDIR) M=$(CURDIR) MAKEFLAGS= \
	$(if $(ARCH),ARCH=$(ARCH)) $(if $(CROSS_COMPILE),CROSS_COMPILE=$(CROSS_COMPILE))

modules modules_install:
	$(kbuild) $@

clean:
	rm -rf $(O)
	if [ -e $(KDIR) ]; then $(kbuild) clean; fi

# Where udev and systemd-modules-load read them; inactive as they are.
udev_rules := $(DESTDIR)$(prefix)/lib/udev/rules.d/60-vdso-remap.rules
modules_load := $(DESTDIR)$(prefix)/lib/modules-load.d/vdso-remap.conf

install:
	@$(MAKE) -C userspace install
	install -D -m 644 kmod/60-vdso-remap.rules $(udev_rules)
	install -D -m 644 kmod/vdso-remap.conf $(modules_load)

uninstall:
	@$(MAKE) -C userspace uninstall
	rm -f $(udev_rules) $(modules_load)

dkms-source:
	install -d $(dkms_source)
	cp -r Kbuild dkms.conf kmod arch include $(dkms_source)/

dkms-install: dkms-source
	dkms install vdso-remap/$(VERSION)

dkms-remove:
	dkms remove vdso-remap/$(VERSION) --all
	rm -r $(dkms_source)

demo:
	@selftests/demo/run

check:
	@PAIRS=$${PAIRS:-one} selftests/check host style vm criu machines

check-host:
	@selftests/check host

check-vm:
	@selftests/check vm

check-quick:
	@selftests/check quick

check-machines:
	@selftests/check machines

matrix:
	@selftests/check matrix

check-debug:
	@selftests/check debug

check-criu:
	@selftests/check criu

check-podman:
	@selftests/check podman

style:
	@selftests/check style

bench:
	@selftests/bench/run
