# SPDX-License-Identifier: GPL-2.0
# What vm/vdsoctl/Makefile must know about x86. Paths are relative to that directory.

CC32 = $(CC) -m32
cflags32 := -D_FILE_OFFSET_BITS=64
PROGRAMS += target-x32

# There is a compiler for x32, but no libc.
$(O)/target-x32: ../../arch/x86/vm/target_x32.c ../../arch/x86/x32.h Makefile
	@mkdir -p $(@D)
	$(CC) -mx32 -std=gnu11 -Wall -Wextra -Werror -O2 -ffreestanding -fno-pic \
		-fno-stack-protector -nostdlib -static -o $@ $<
