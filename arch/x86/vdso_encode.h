/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * x86_64: what is written at a site. Pure functions from numbers to bytes,
 * compiled into the module, the library and the tests.
 *
 * Both encoders return the number of bytes they put into buf, which are to be
 * written from the start of the site on, or 0 if nothing fits the room. They
 * touch at most VDSO_ENCODE_MAX bytes of buf and read only old.
 */
#ifndef _VDSO_ENCODE_H
#define _VDSO_ENCODE_H

#include <linux/types.h>
#include <linux/vdso_remap.h>

#define VDSO_ENCODE_MAX		20	/* endbr64 and the longest stub */
#define VDSO_ENDBR64		"\xf3\x0f\x1e\xfa"
#define VDSO_ENDBR64_SIZE	4

/* endbr64 (f3 0f 1e fa): where an indirect call may land under CET. */
static inline unsigned int vdso_encode_landing_pad(const __u8 *old, unsigned int room)
{
	if (room < VDSO_ENDBR64_SIZE)
		return 0;
	if (old[0] != 0xf3 || old[1] != 0x0f || old[2] != 0x1e || old[3] != 0xfa)
		return 0;
	return VDSO_ENDBR64_SIZE;
}

/*
 * A jump from site to target. old: the bytes that are at the site now (room of
 * them may be read); a landing pad among them is kept and the jump goes behind.
 *
 *   near	e9 rel32			jmp	target
 *   far	49 bb imm64  41 ff e3		movabs	$target, %r11; jmp *%r11
 *
 * r11 carries no argument, not even the static chain (r10) or the number of
 * vector registers (al), and no call preserves it: syscall itself destroys it.
 */
static inline unsigned int vdso_encode_jump(__u8 *buf, const __u8 *old, unsigned int room,
					    __u64 site, __u64 target)
{
	unsigned int pad = vdso_encode_landing_pad(old, room);
	__s64 dist = (__s64)(target - (site + pad + 5));
	__s32 rel = (__s32)dist;

	__builtin_memcpy(buf, VDSO_ENDBR64, pad);	/* not old: that may change meanwhile */
	buf += pad;
	room -= pad;

	if (rel == dist) {
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

/* The system call of VDSO_REMAP_STUB_*, 0 if there is none of that number. */
static inline __u32 vdso_encode_stub_syscall(__u32 stub)
{
	switch (stub) {
	case VDSO_REMAP_STUB_CLOCK_GETTIME:
		return 228;
	case VDSO_REMAP_STUB_CLOCK_GETRES:
		return 229;
	case VDSO_REMAP_STUB_GETTIMEOFDAY:
		return 96;
	case VDSO_REMAP_STUB_TIME:
		return 201;
	case VDSO_REMAP_STUB_GETCPU:
		return 309;
	case VDSO_REMAP_STUB_GETRANDOM:
		return 318;
	default:
		return 0;
	}
}

/*
 * A stub: the system call that an entry point stands for. All of them take at
 * most three arguments, which a function call and a system call pass in the
 * same registers, and return -errno both ways.
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
static inline unsigned int vdso_encode_stub(__u8 *buf, const __u8 *old, unsigned int room,
					    __u32 stub)
{
	static const __u8 query[] = {
		0x6a, 0xda, 0x58, 0x49, 0xff, 0xc0, 0x74, 0x07
	};
	unsigned int pad = vdso_encode_landing_pad(old, room);
	unsigned int pre = stub == VDSO_REMAP_STUB_GETRANDOM ? sizeof(query) : 0;
	__u32 nr = vdso_encode_stub_syscall(stub);

	if (!nr || room - pad < pre + 8)
		return 0;
	__builtin_memcpy(buf, VDSO_ENDBR64, pad);	/* not old: that may change meanwhile */
	buf += pad;
	__builtin_memcpy(buf, query, pre);
	buf += pre;
	buf[0] = 0xb8;
	__builtin_memcpy(buf + 1, &nr, sizeof(nr));
	buf[5] = 0x0f;
	buf[6] = 0x05;
	buf[7] = 0xc3;
	return pad + pre + 8;
}

#endif /* _VDSO_ENCODE_H */
