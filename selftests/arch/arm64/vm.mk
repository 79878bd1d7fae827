# SPDX-License-Identifier: GPL-2.0
# What vm/Makefile must know about arm64. Paths are relative to that directory.

# Its kernels run programs of arm, whose directory has the tests that only these need.
CC32 := arm-linux-gnueabihf-gcc
AR32 := arm-linux-gnueabihf-ar
include ../arch/arm/cflags.mk
cflags32 := $(arm_cflags)
vpath %.c ../arch/arm/vm ../arch/arm/host
HOST_TESTS += $(wildcard ../arch/arm/host/test_evict_*.c)
ONLY_64 += $(notdir $(basename $(wildcard ../arch/arm64/vm/test_*.c ../arch/arm64/host/test_*.c)))
ONLY_32 += $(notdir $(basename $(wildcard ../arch/arm/vm/test_*.c ../arch/arm/host/test_evict_*.c)))
