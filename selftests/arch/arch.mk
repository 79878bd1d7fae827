# SPDX-License-Identifier: GPL-2.0
# Sets arch to the directory of the machine that CC compiles for, goarch to Go's name for it, and arch_cflags
# to what its programs need, if that is anything. gcc -m32 names the 64-bit machine, whose directory is the
# same.
arch_mk := $(dir $(lastword $(MAKEFILE_LIST)))
include $(arch_mk)../../arch/cross.mk
arch_names := $(shell awk -v name=$(firstword $(subst -, ,$(shell $(CC) -dumpmachine))) \
	'$$5 == name { print $$1, $$6; exit }' $(arch_mk)../../arch/names)
arch := $(word 1,$(arch_names))
goarch := $(word 2,$(arch_names))
$(if $(wildcard $(arch_mk)$(arch)),,$(error selftests/arch has no directory for the machine of $(CC)))
-include $(arch_mk)$(arch)/cflags.mk
arch_cflags := $($(arch)_cflags)
