# SPDX-License-Identifier: GPL-2.0
# Sets arch to the directory of the machine that CC compiles for, for the Makefiles one level up. gcc
# -m32 names the 64-bit machine, whose directory is the same.
include ../../arch/cross.mk
arch := $(shell awk -v name=$(firstword $(subst -, ,$(shell $(CC) -dumpmachine))) \
	'$$5 == name { print $$1; exit }' ../../arch/names)
$(if $(wildcard ../arch/$(arch)),,$(error selftests/arch has no directory for the machine of $(CC)))
