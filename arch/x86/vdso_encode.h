/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * x86: what is written at a site. Pure functions from numbers to bytes, compiled
 * into the module, the library and the tests.
 *
 * Both encoders return the number of bytes they put into buf, which are to be
 * written from the start of the site on, or 0 if nothing fits the room or the
 * ABI has no such thing. They touch at most VDSO_ENCODE_MAX bytes of buf and
 * read only old: the bytes that are at the site now, room of them. A landing pad
 * among them is kept, and the rest goes behind it.
 */
#ifndef _VDSO_ENCODE_H
#define _VDSO_ENCODE_H

#include <linux/types.h>
#include <linux/vdso_remap.h>

#include "vdso_abi.h"

#define VDSO_ENCODE_MAX		26	/* a landing pad and the longest stub */
#define VDSO_LANDING_PAD_SIZE	4

/* endbr64 (f3 0f 1e fa) or endbr32 (fb): where an indirect call may land under CET. */
static inline unsigned int vdso_encode_landing_pad(enum vdso_abi abi, __u8 *buf,
						   const __u8 *old, unsigned int room)
{
	const __u8 pad[VDSO_LANDING_PAD_SIZE] = {
		0xf3, 0x0f, 0x1e, abi == VDSO_ABI_I386 ? 0xfb : 0xfa
	};

	if (room < sizeof(pad) || __builtin_memcmp(old, pad, sizeof(pad)))
		return 0;
	__builtin_memcpy(buf, pad, sizeof(pad));	/* not old: that may change meanwhile */
	return sizeof(pad);
}

/*
 * A jump from site to target.
 *
 *   near	e9 rel32			jmp	target
 *   far	49 bb imm64  41 ff e3		movabs	$target, %r11; jmp *%r11
 *
 * r11 carries no argument, not even the static chain (r10) or the number of
 * vector registers (al), and no call preserves it: syscall itself destroys it.
 * Among 32-bit addresses near reaches everywhere: the sum wraps.
 */
static inline unsigned int vdso_encode_jump(enum vdso_abi abi, __u8 *buf, const __u8 *old,
					    unsigned int room, __u64 site, __u64 target)
{
	unsigned int pad = vdso_encode_landing_pad(abi, buf, old, room);
	__s64 dist = (__s64)(target - (site + pad + 5));
	__s32 rel = (__s32)dist;

	if (abi == VDSO_ABI_UNKNOWN)
		return 0;
	if (abi == VDSO_ABI_I386 && (site | target) >> 32)
		return 0;
	buf += pad;
	room -= pad;

	if (rel == dist || abi == VDSO_ABI_I386) {
		if (room < 5)
			return 0;
		buf[0] = 0xe9;
		__builtin_memcpy(buf + 1, &rel, sizeof(rel));
		return pad + 5;
	}
	if (room < 13)
		return 0;
	buf[0] = 0x49;
	buf[1] = 0xbb;
	__builtin_memcpy(buf + 2, &target, sizeof(target));
	buf[10] = 0x41;
	buf[11] = 0xff;
	buf[12] = 0xe3;
	return pad + 13;
}

/*
 * The size of a jump through a register that is at a site now, including a landing
 * pad before it; 0 if there is no such jump. A thread can be between its two
 * instructions, with the target in the register. Ours, and those that CRIU writes:
 *
 *   49 bb imm64  41 ff e3	movabs	$target, %r11; jmp *%r11
 *   48 b8 imm64  ff e0		movabs	$target, %rax; jmp *%rax
 *   b8 imm32  ff e0		mov	$target, %eax; jmp *%eax	i386
 */
static inline unsigned int vdso_encode_old_jump_size(enum vdso_abi abi, const __u8 *old,
						     unsigned int room)
{
	static const struct {
		__u8 mov[2], mov_size, addr_size, jmp[3], jmp_size;
		__u8 abi;
	} forms[] = {
		{ { 0x49, 0xbb }, 2, 8, { 0x41, 0xff, 0xe3 }, 3, VDSO_ABI_X86_64 },
		{ { 0x48, 0xb8 }, 2, 8, { 0xff, 0xe0 }, 2, VDSO_ABI_X86_64 },
		{ { 0xb8 }, 1, 4, { 0xff, 0xe0 }, 2, VDSO_ABI_I386 },
	};
	__u8 buf[VDSO_LANDING_PAD_SIZE];
	unsigned int pad = vdso_encode_landing_pad(abi, buf, old, room);
	unsigned int i, jmp;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		jmp = pad + forms[i].mov_size + forms[i].addr_size;
		if (forms[i].abi == abi && jmp + forms[i].jmp_size <= room &&
		    !__builtin_memcmp(old + pad, forms[i].mov, forms[i].mov_size) &&
		    !__builtin_memcmp(old + jmp, forms[i].jmp, forms[i].jmp_size))
			return jmp + forms[i].jmp_size;
	}
	return 0;
}

/**
 * struct vdso_encode_call - the system call of a stub
 * @nr: its number, 0 if the ABI has no such stub
 * @nr_args: how many arguments it takes
 */
struct vdso_encode_call {
	__u32 nr;
	unsigned int nr_args;
};

/* The system call of VDSO_REMAP_STUB_*. */
static inline struct vdso_encode_call vdso_encode_stub_call(enum vdso_abi abi, __u32 stub)
{
	static const struct {
		__u16 nr_x86_64;
		__u16 nr_i386;
		__u16 nr_args;
	} calls[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = { 228, 265, 2 },
		[VDSO_REMAP_STUB_CLOCK_GETRES] = { 229, 266, 2 },
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = { 96, 78, 2 },
		[VDSO_REMAP_STUB_TIME] = { 201, 13, 1 },
		[VDSO_REMAP_STUB_GETCPU] = { 309, 318, 3 },
		[VDSO_REMAP_STUB_GETRANDOM] = { 318, 0, 3 },
		[VDSO_REMAP_STUB_CLOCK_GETTIME64] = { 0, 403, 2 },
		[VDSO_REMAP_STUB_CLOCK_GETRES_TIME64] = { 0, 406, 2 },
	};
	struct vdso_encode_call call = { 0, 0 };

	if (stub >= sizeof(calls) / sizeof(calls[0]))
		return call;
	if (abi == VDSO_ABI_X86_64)
		call.nr = calls[stub].nr_x86_64;
	else if (abi == VDSO_ABI_I386)
		call.nr = calls[stub].nr_i386;
	call.nr_args = calls[stub].nr_args;
	return call;
}

/*
 * A stub of x86_64. A function call and a system call pass up to three
 * arguments in the same registers, and return -errno both ways.
 *
 *   b8 nr	mov	$nr, %eax
 *   0f 05	syscall
 *   c3		ret
 *
 * getrandom(buf, len, flags, opaque_state, opaque_len) first looks whether r8
 * asks for the size of the state, opaque_len ~0UL. There is no state behind a
 * system call: -ENOSYS. 16 bytes, the smallest slot that linkers leave.
 *
 *   6a da	push	$-38
 *   58		pop	%rax
 *   49 ff c0	inc	%r8
 *   74 07	jz	1f
 *   b8 nr	mov	$nr, %eax
 *   0f 05	syscall
 *   c3	     1:	ret
 */
static inline unsigned int vdso_encode_stub_x86_64(__u8 *buf, unsigned int room, __u32 stub,
						   struct vdso_encode_call call)
{
	static const __u8 query[] = {
		0x6a, 0xda, 0x58, 0x49, 0xff, 0xc0, 0x74, 0x07
	};
	unsigned int pre = stub == VDSO_REMAP_STUB_GETRANDOM ? sizeof(query) : 0;

	if (room < pre + 8)
		return 0;
	__builtin_memcpy(buf, query, pre);
	buf += pre;
	buf[0] = 0xb8;
	__builtin_memcpy(buf + 1, &call.nr, sizeof(call.nr));
	buf[5] = 0x0f;
	buf[6] = 0x05;
	buf[7] = 0xc3;
	return pre + 8;
}

/*
 * A stub of i386: the arguments are on the stack, and ebx, which a call must
 * preserve, carries the first one of a system call. int $0x80, since the other
 * ways in need a landing pad at an address that the kernel knows.
 *
 *   53			push	%ebx
 *   8b 5c 24 08	mov	8(%esp), %ebx
 *   8b 4c 24 0c	mov	12(%esp), %ecx		as many as there are
 *   8b 54 24 10	mov	16(%esp), %edx
 *   b8 nr		mov	$nr, %eax
 *   cd 80		int	$0x80
 *   5b			pop	%ebx
 *   c3			ret
 */
static inline unsigned int vdso_encode_stub_i386(__u8 *buf, unsigned int room,
						 struct vdso_encode_call call)
{
	static const __u8 reg[] = { 0x5c, 0x4c, 0x54 };	/* ebx, ecx, edx */
	unsigned int i;

	if (room < 10 + 4 * call.nr_args)
		return 0;
	*buf++ = 0x53;
	for (i = 0; i < call.nr_args; i++) {
		*buf++ = 0x8b;
		*buf++ = reg[i];
		*buf++ = 0x24;
		*buf++ = 8 + 4 * i;
	}
	*buf++ = 0xb8;
	__builtin_memcpy(buf, &call.nr, sizeof(call.nr));
	buf += sizeof(call.nr);
	buf[0] = 0xcd;
	buf[1] = 0x80;
	buf[2] = 0x5b;
	buf[3] = 0xc3;
	return 10 + 4 * call.nr_args;
}

/* The system call that an entry point stands for. */
static inline unsigned int vdso_encode_stub(enum vdso_abi abi, __u8 *buf, const __u8 *old,
					    unsigned int room, __u32 stub)
{
	struct vdso_encode_call call = vdso_encode_stub_call(abi, stub);
	unsigned int pad = vdso_encode_landing_pad(abi, buf, old, room);
	unsigned int len;

	if (!call.nr)
		return 0;
	if (abi == VDSO_ABI_I386)
		len = vdso_encode_stub_i386(buf + pad, room - pad, call);
	else
		len = vdso_encode_stub_x86_64(buf + pad, room - pad, stub, call);
	return len ? pad + len : 0;
}

#endif /* _VDSO_ENCODE_H */
