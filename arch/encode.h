/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What is written at a site: pure functions from numbers to bytes, compiled into the
 * module, the library and the tests. This file chooses the port by the ABI; the ports have
 * the bytes.
 *
 * An encoder returns the number of bytes that it put into buf, which are to be written from
 * the start of the site on. It returns 0 if nothing fits the room, or if the ABI has no such
 * thing. It touches at most VDSO_ENCODE_MAX bytes of buf and reads only old: the bytes that
 * are at the site now, room of them. A landing pad among them is kept, and the rest goes
 * behind it.
 *
 * Addresses and offsets of code may hold a state bit where st_value holds one (Thumb: bit 0).
 */
#ifndef _ARCH_ENCODE_H
#define _ARCH_ENCODE_H

#include "abi.h"

#define VDSO_ENCODE_MAX		32	/* a landing pad and the longest that any port writes */
#define VDSO_LANDING_PAD_MAX	4

/**
 * struct vdso_encode_call - the system call of a stub
 * @nr: its number, 0 if the ABI has no such stub
 * @nr_args: how many arguments it takes
 */
struct vdso_encode_call {
	__u32 nr;
	unsigned int nr_args;
};

/* What struct vdso_jump is */
enum vdso_jump_kind {
	VDSO_JUMP_NONE,
	VDSO_JUMP_NEAR,
	VDSO_JUMP_FAR,
	VDSO_JUMP_CRIU,		/* as stock CRIU writes it */
};

/**
 * struct vdso_jump - a jump that stands at a site
 * @kind: enum vdso_jump_kind
 * @size: with the landing pad before it; 0 if there is no jump. A thread can be inside of a
 *	jump of several instructions, with the target in a register.
 * @target: where it leads
 */
struct vdso_jump {
	enum vdso_jump_kind kind;
	unsigned int size;
	__u64 target;
};

/* Byte by byte: any machine can test the encoders of any other. */
static inline void vdso_put_le32(__u8 *buf, __u32 val)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		buf[i] = val >> 8 * i;
}

static inline void vdso_put_le64(__u8 *buf, __u64 val)
{
	vdso_put_le32(buf, val);
	vdso_put_le32(buf + 4, val >> 32);
}

static inline __u32 vdso_get_le32(const __u8 *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (__u32)bytes[3] << 24;
}

static inline __u64 vdso_get_le64(const __u8 *bytes)
{
	return vdso_get_le32(bytes) | (__u64)vdso_get_le32(bytes + 4) << 32;
}

#include "x86/encode.h"

/* The size of the landing pad that is in old, and put into buf; 0 if there is none. */
static inline unsigned int vdso_encode_landing_pad(enum vdso_abi abi, __u8 *buf,
						   const __u8 *old, unsigned int room)
{
	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_encode_landing_pad(abi, buf, old, room);
	return 0;
}

/* A jump from site to target. */
static inline unsigned int vdso_encode_jump(enum vdso_abi abi, __u8 *buf, const __u8 *old,
					    unsigned int room, __u64 site, __u64 target)
{
	if (vdso_abi_is_32bit(abi) && (site | target) >> 32)
		return 0;
	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_encode_jump(abi, buf, old, room, site, target);
	return 0;
}

/* The jump that stands in old, which is at site: ours, or stock CRIU's. */
static inline struct vdso_jump vdso_decode_jump(enum vdso_abi abi, const __u8 *old,
						unsigned int room, __u64 site)
{
	const struct vdso_jump none = { VDSO_JUMP_NONE, 0, 0 };

	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_decode_jump(abi, old, room, site);
	return none;
}

/* The system call of VDSO_REMAP_STUB_*. */
static inline struct vdso_encode_call vdso_encode_stub_call(enum vdso_abi abi, __u32 stub)
{
	const struct vdso_encode_call none = { 0, 0 };

	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_encode_stub_call(abi, stub);
	return none;
}

/* The system call that an entry point stands for. */
static inline unsigned int vdso_encode_stub(enum vdso_abi abi, __u8 *buf, const __u8 *old,
					    unsigned int room, __u32 stub)
{
	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_encode_stub(abi, buf, old, room, stub);
	return 0;
}

#endif /* _ARCH_ENCODE_H */
