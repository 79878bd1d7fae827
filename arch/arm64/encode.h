/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm64: bytes of jumps, stubs and trampolines. Included by ../encode.h, which documents them. */
#ifndef _ARCH_ARM64_ENCODE_H
#define _ARCH_ARM64_ENCODE_H

#define ARM64_INSN_SIZE	4

#define ARM64_BTI_C	0xd503245fU
#define ARM64_BTI_JC	0xd50324dfU
#define ARM64_PACIASP	0xd503233fU
#define ARM64_PACIBSP	0xd503237fU

#define ARM64_B		0x14000000U	/* b, the distance in words in the last 26 bits */
#define ARM64_MOVZ	0xd2800000U	/* movz x0, #0; the value from bit 5 on */
#define ARM64_MOVK	0xf2800000U	/* movk x0, #0; which 16 bits: from bit 21 on */
#define ARM64_BR_X16	0xd61f0200U
#define ARM64_SVC	0xd4000001U
#define ARM64_RET	0xd65f03c0U

static inline unsigned int arm64_put(__u8 *buf, unsigned int size, __u32 insn)
{
	vdso_put_le32(buf + size, insn);
	return size + ARM64_INSN_SIZE;
}

/*
 * Where an indirect call may land under BTI. paciasp and pacibsp serve as such, but are not kept:
 * they sign the return address, which the code that follows would have to authenticate.
 */
static inline unsigned int arm64_encode_landing_pad(__u8 *buf, const __u8 *old, unsigned int room)
{
	__u32 insn;

	if (room < ARM64_INSN_SIZE)
		return 0;
	insn = vdso_get_le32(old);
	if (insn != ARM64_BTI_C && insn != ARM64_BTI_JC && insn != ARM64_PACIASP &&
	    insn != ARM64_PACIBSP)
		return 0;
	return arm64_put(buf, 0, ARM64_BTI_C);
}

/*
 * A near jump if that reaches the target, else a far one:
 *
 *	b	target
 *
 *	movz	x16, #(target & 0xffff)
 *	movk	x16, #(target >> 16 & 0xffff), lsl #16
 *	movk	x16, #(target >> 32 & 0xffff), lsl #32
 *	movk	x16, #(target >> 48), lsl #48
 *	br	x16
 *
 * Between a call and the function that it calls, x16 is free: the linker's own jumps use it. And
 * br x16 may land where a call may land.
 */
#define ARM64_FAR_JUMP_SIZE	(5 * ARM64_INSN_SIZE)
#define ARM64_NEAR_REACH	(1LL << 27)

static inline __u32 arm64_far_jump_move(unsigned int i, __u16 part)
{
	return (i ? ARM64_MOVK : ARM64_MOVZ) | i << 21 | (__u32)part << 5 | 16;
}

static inline int arm64_is_code(__u64 addr)
{
	return !(addr & (ARM64_INSN_SIZE - 1));
}

static inline unsigned int arm64_encode_jump(__u8 *buf, const __u8 *old, unsigned int room,
					     __u64 site, __u64 target)
{
	unsigned int i, size = arm64_encode_landing_pad(buf, old, room);
	__s64 dist = (__s64)(target - (site + size));

	if (!arm64_is_code(site) || !arm64_is_code(target))
		return 0;
	room -= size;
	if (dist >= -ARM64_NEAR_REACH && dist < ARM64_NEAR_REACH) {
		if (room < ARM64_INSN_SIZE)
			return 0;
		return arm64_put(buf, size, ARM64_B | ((__u64)dist >> 2 & 0x3ffffff));
	}
	if (room < ARM64_FAR_JUMP_SIZE)
		return 0;
	for (i = 0; i < 4; i++)
		size = arm64_put(buf, size, arm64_far_jump_move(i, target >> 16 * i));
	return arm64_put(buf, size, ARM64_BR_X16);
}

static inline int arm64_is_far_jump(const __u8 *bytes, __u64 *target)
{
	unsigned int i;
	__u32 insn;
	__u16 part;

	*target = 0;
	for (i = 0; i < 4; i++) {
		insn = vdso_get_le32(bytes + i * ARM64_INSN_SIZE);
		part = insn >> 5;
		if (insn != arm64_far_jump_move(i, part))
			return 0;
		*target |= (__u64)part << 16 * i;
	}
	return vdso_get_le32(bytes + i * ARM64_INSN_SIZE) == ARM64_BR_X16;
}

/* CRIU's: ldr x16, 1f; br x16; 1: .quad target */
#define ARM64_LDR_X16		0x58000050U
#define ARM64_CRIU_JUMP_SIZE	(2 * ARM64_INSN_SIZE + 8)

static inline struct vdso_jump arm64_decode_jump(const __u8 *old, unsigned int room, __u64 site)
{
	struct vdso_jump jump = { VDSO_JUMP_NONE, 0, 0 };
	__u8 buf[ARM64_INSN_SIZE];
	unsigned int pad = arm64_encode_landing_pad(buf, old, room);
	const __u8 *bytes = old + pad;
	__u32 insn;

	room -= pad;
	if (room < ARM64_INSN_SIZE)
		return jump;
	insn = vdso_get_le32(bytes);
	if ((insn & 0xfc000000) == ARM64_B) {
		jump.kind = VDSO_JUMP_NEAR;
		jump.size = pad + ARM64_INSN_SIZE;
		jump.target = site + pad + (__s64)((__s32)(insn << 6) >> 6) * 4;
	} else if (room >= ARM64_FAR_JUMP_SIZE && arm64_is_far_jump(bytes, &jump.target)) {
		jump.kind = VDSO_JUMP_FAR;
		jump.size = pad + ARM64_FAR_JUMP_SIZE;
	} else if (room >= ARM64_CRIU_JUMP_SIZE && insn == ARM64_LDR_X16 &&
		   vdso_get_le32(bytes + ARM64_INSN_SIZE) == ARM64_BR_X16) {
		jump.kind = VDSO_JUMP_CRIU;
		jump.size = pad + ARM64_CRIU_JUMP_SIZE;
		jump.target = vdso_get_le64(bytes + 2 * ARM64_INSN_SIZE);
	}
	return jump;
}

static inline struct vdso_encode_call arm64_encode_stub_call(__u32 stub)
{
	static const struct {
		__u16 nr, nr_args;
	} calls[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = { 113, 2 },
		[VDSO_REMAP_STUB_CLOCK_GETRES] = { 114, 2 },
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = { 169, 2 },
		[VDSO_REMAP_STUB_GETRANDOM] = { 278, 3 },
		[VDSO_REMAP_STUB_RT_SIGRETURN] = { 139, 0 },
	};
	struct vdso_encode_call call = { 0, 0 };

	if (stub < sizeof(calls) / sizeof(calls[0])) {
		call.nr = calls[stub].nr;
		call.nr_args = calls[stub].nr_args;
	}
	return call;
}

/*
 * A vDSO function and its system call take their arguments in the same registers, and both return
 * -errno.
 *
 *	mov	x8, #nr
 *	svc	#0
 *	ret
 *
 * The stub of getrandom(buf, len, flags, opaque_state, opaque_len) first checks whether
 * opaque_len is ~0UL: the caller asks for the size of the state. A system call has no such state,
 * so the stub returns -ENOSYS.
 *
 *	cmn	x4, #1
 *	b.eq	1f
 *	mov	x8, #nr
 *	svc	#0
 *	ret
 *   1:	mov	x0, #-38
 *	ret
 *
 * The trampoline has the kernel's own bytes, by which unwinders recognise it: no ret, and never a
 * landing pad.
 */
static inline unsigned int arm64_encode_stub(__u8 *buf, const __u8 *old, unsigned int room,
					     __u64 site, __u32 stub)
{
	static const __u32 query[] = { 0xb100049f, 0x54000080 };
	static const __u32 answer[] = { 0x928004a0, ARM64_RET };
	int is_trampoline = stub == VDSO_REMAP_STUB_RT_SIGRETURN;
	int is_getrandom = stub == VDSO_REMAP_STUB_GETRANDOM;
	__u32 nr = arm64_encode_stub_call(stub).nr;
	unsigned int size = is_trampoline ? 0 : arm64_encode_landing_pad(buf, old, room);
	unsigned int nr_insns = is_getrandom ? 7 : is_trampoline ? 2 : 3;

	if (!nr || !arm64_is_code(site) || room < size + nr_insns * ARM64_INSN_SIZE)
		return 0;
	if (is_getrandom) {
		size = arm64_put(buf, size, query[0]);
		size = arm64_put(buf, size, query[1]);
	}
	size = arm64_put(buf, size, ARM64_MOVZ | nr << 5 | 8);
	size = arm64_put(buf, size, ARM64_SVC);
	if (!is_trampoline)
		size = arm64_put(buf, size, ARM64_RET);
	if (is_getrandom) {
		size = arm64_put(buf, size, answer[0]);
		size = arm64_put(buf, size, answer[1]);
	}
	return size;
}

#endif /* _ARCH_ARM64_ENCODE_H */
