/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The bytes that are written at a site: pure functions, compiled into the module, the
 * library, vdsoctl and the tests. This file chooses the port by the ABI. The ports have the
 * bytes.
 *
 * An encoder puts the bytes into buf and returns how many there are. The caller writes them
 * from the start of the site on. The encoder returns 0 if they do not fit into the room, or if
 * the ABI has no such jump or stub. It writes at most VDSO_ENCODE_MAX bytes of buf. Of the
 * bytes that are at the site now, old, it reads at most room. If they begin with a landing
 * pad, buf begins with one, too, and the jump or stub follows it.
 *
 * site and target are addresses with the bits of vdso_abi_state_bits(). The bytes belong at the
 * address without these bits; the room and old begin there.
 */
#ifndef _ARCH_ENCODE_H
#define _ARCH_ENCODE_H

#include "abi.h"

#define VDSO_ENCODE_MAX		32	/* a landing pad and the longest code of any port */
#define VDSO_LANDING_PAD_MAX	4

/**
 * struct vdso_encode_call - the system call of a stub
 * @nr: its number, 0 if the ABI has no such stub
 * @nr_args: how many arguments the system call takes
 */
struct vdso_encode_call {
	__u32 nr;
	unsigned int nr_args;
};

/* Kinds of struct vdso_jump */
enum vdso_jump_kind {
	VDSO_JUMP_NONE,
	VDSO_JUMP_NEAR,
	VDSO_JUMP_FAR,
	VDSO_JUMP_CRIU,		/* written by an unmodified CRIU */
};

/**
 * struct vdso_jump - a jump that stands at a site
 * @kind: enum vdso_jump_kind
 * @size: in bytes, with the landing pad before it; 0 if there is no jump. A jump may consist
 *	of several instructions, so a thread can stand inside it, with the target in a register.
 * @target: address that it jumps to
 */
struct vdso_jump {
	enum vdso_jump_kind kind;
	unsigned int size;
	__u64 target;
};

/* Little-endian bytes, in whatever byte order the machine has that runs this. */
static inline __u64 vdso_le64(__u64 val)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? val : __builtin_bswap64(val);
}

static inline __u32 vdso_le32(__u32 val)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? val : __builtin_bswap32(val);
}

static inline void vdso_put_le16(__u8 *buf, __u16 val)
{
	buf[0] = val & 0xff;
	buf[1] = val >> 8;
}

static inline void vdso_put_le32(__u8 *buf, __u32 val)
{
	val = vdso_le32(val);
	__builtin_memcpy(buf, &val, sizeof(val));
}

static inline __u32 vdso_get_le32(const __u8 *bytes)
{
	__u32 val;

	__builtin_memcpy(&val, bytes, sizeof(val));
	return vdso_le32(val);
}

static inline __u64 vdso_get_le64(const __u8 *bytes)
{
	__u64 val;

	__builtin_memcpy(&val, bytes, sizeof(val));
	return vdso_le64(val);
}

#include "x86/encode.h"
#include "arm64/encode.h"
#include "arm/encode.h"

/* If old begins with a landing pad, puts one into buf. Returns its size, 0 if there is none. */
static inline unsigned int vdso_encode_landing_pad(enum vdso_abi abi, __u8 *buf,
						   const __u8 *old, unsigned int room)
{
	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_encode_landing_pad(abi, buf, old, room);
	if (VDSO_ARCH_ARM64 && abi == VDSO_ABI_ARM64)
		return arm64_encode_landing_pad(buf, old, room);
	return 0;
}

/* The size of a near jump at site, without a landing pad */
static inline unsigned int vdso_near_jump_size(enum vdso_abi abi, __u64 site)
{
	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return X86_NEAR_JUMP_SIZE;
	if (VDSO_ARCH_ARM64 && abi == VDSO_ABI_ARM64)
		return arm64_is_code(site) ? ARM64_INSN_SIZE : ~0U;
	if (VDSO_ARCH_ARM && abi == VDSO_ABI_ARM)
		return arm_is_code(site) ? arm_jump_size(site) : ~0U;
	return ~0U;
}

/* A jump from site to target. */
static inline unsigned int vdso_encode_jump(enum vdso_abi abi, __u8 *buf, const __u8 *old,
					    unsigned int room, __u64 site, __u64 target)
{
	if (vdso_abi_is_32bit(abi) && (site | target) >> 32)
		return 0;
	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_encode_jump(abi, buf, old, room, site, target);
	if (VDSO_ARCH_ARM64 && abi == VDSO_ABI_ARM64)
		return arm64_encode_jump(buf, old, room, site, target);
	if (VDSO_ARCH_ARM && abi == VDSO_ABI_ARM)
		return arm_encode_jump(buf, room, site, target);
	return 0;
}

/* The jump in old, the bytes at site: one of ours, or of an unmodified CRIU. */
static inline struct vdso_jump vdso_decode_jump(enum vdso_abi abi, const __u8 *old,
						unsigned int room, __u64 site)
{
	const struct vdso_jump none = { VDSO_JUMP_NONE, 0, 0 };

	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_decode_jump(abi, old, room, site);
	if (VDSO_ARCH_ARM64 && abi == VDSO_ABI_ARM64)
		return arm64_decode_jump(old, room, site);
	if (VDSO_ARCH_ARM && abi == VDSO_ABI_ARM)
		return arm_decode_jump(old, room, site);
	return none;
}

/* The system call that a stub (VDSO_REMAP_STUB_*) makes. */
static inline struct vdso_encode_call vdso_encode_stub_call(enum vdso_abi abi, __u32 stub)
{
	const struct vdso_encode_call none = { 0, 0 };

	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_encode_stub_call(abi, stub);
	if (VDSO_ARCH_ARM64 && abi == VDSO_ABI_ARM64)
		return arm64_encode_stub_call(stub);
	if (VDSO_ARCH_ARM && abi == VDSO_ABI_ARM)
		return arm_encode_stub_call(stub);
	return none;
}

/* A stub (VDSO_REMAP_STUB_*): code that makes the system call in place of the function. */
static inline unsigned int vdso_encode_stub(enum vdso_abi abi, __u8 *buf, const __u8 *old,
					    unsigned int room, __u64 site, __u32 stub)
{
	if (VDSO_ARCH_X86 && vdso_abi_is_x86(abi))
		return x86_encode_stub(abi, buf, old, room, stub);
	if (VDSO_ARCH_ARM64 && abi == VDSO_ABI_ARM64)
		return arm64_encode_stub(buf, old, room, site, stub);
	if (VDSO_ARCH_ARM && abi == VDSO_ABI_ARM)
		return arm_encode_stub(buf, room, site, stub);
	return 0;
}

#endif /* _ARCH_ENCODE_H */
