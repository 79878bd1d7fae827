# SPDX-License-Identifier: GPL-2.0
# Sets arch to the directory of the machine that CC compiles for, and arch_cflags to what its programs need,
# if that is anything. gcc -m32 names the 64-bit machine, whose directory is the same.
arch_mk := $(dir $(lastword $(MAKEFILE_LIST)))
include $(arch_mk)../../arch/cross.mk
arch := $(shell awk -v name=$(firstword $(subst -, ,$(shell $(CC) -dumpmachine))) \
	'$$5 == name { print $$1; exit }' $(arch_mk)../../arch/names)
$(if $(wildcard $(arch_mk)$(arch)),,$(error selftests/arch has no directory for the machine of $(CC)))
-include $(arch_mk)$(arch)/cflags.mk
arch_cflags := $($(arch)_cflags)
