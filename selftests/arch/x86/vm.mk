# SPDX-License-Identifier: GPL-2.0
# What vm/Makefile must know about x86. Paths are relative to that directory.

CC32 = $(CC) -m32
# Pointers are cut from addresses, which have 64 bits.
cflags32 := -D_FILE_OFFSET_BITS=64 -Wno-int-to-pointer-cast
# Linked into each 32-bit test, so that its libc outlives a move.
start32 := libc_int80

ONLY_64 += test_compat32_i386 test_map_kinds test_restorer test_x32
ONLY_32 += test_i386
PROGRAMS += x32_self

# There is a compiler for x32, but no libc.
$(O)/x32_self: x32_self.c Makefile
	@mkdir -p $(@D)
	$(CC) -mx32 -std=gnu11 -Wall -Wextra -Werror -I$(top)/include/uapi -O2 -ffreestanding \
		-fno-pic -fno-stack-protector -nostdlib -static -o $@ $<
