# SPDX-License-Identifier: GPL-2.0
# What vm/vdsoctl/Makefile must know about arm64

CC32 := arm-linux-gnueabihf-gcc
include ../../arch/arm/cflags.mk
cflags32 := $(arm_cflags)
