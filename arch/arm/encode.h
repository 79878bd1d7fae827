/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm: the bytes of jumps and stubs. Included by ../encode.h, which documents them. */
#ifndef _ARCH_ARM_ENCODE_H
#define _ARCH_ARM_ENCODE_H

/*
 * The literal of a jump in Thumb code is aligned to 4, the code to 2 only:
 *
 *   ARM code			Thumb code		Thumb code at 2 modulo 4
 *	ldr	pc, [pc, #-4]	ldr.w	pc, [pc, #0]	ldr.w	pc, [pc, #4]
 *	.word	target		.word	target		udf	#0
 *							.word	target
 *
 * Each of them reaches every address. Bit 0 of the target says in which state the code there runs.
 */
#define ARM_LDR_PC	0xe51ff004U
#define ARM_THUMB_UDF	0xde00U

static inline __u32 arm_jump_insn(__u64 site)
{
	if (!(site & ARM_STATE_BITS))
		return ARM_LDR_PC;
	return site & 2 ? 0xf004f8df : 0xf000f8df;	/* the first half is the low one */
}

/* Where the literal is. */
static inline unsigned int arm_jump_literal(__u64 site)
{
	return (site & 3) == 3 ? 6 : 4;
}

static inline unsigned int arm_jump_size(__u64 site)
{
	return arm_jump_literal(site) + 4;
}

/* ARM code is aligned to 4: its addresses end in 0, those of Thumb code in 1 or 3. */
static inline int arm_is_code(__u64 addr)
{
	return (addr & 3) != 2;
}

static inline unsigned int arm_encode_jump(__u8 *buf, unsigned int room, __u64 site, __u64 target)
{
	unsigned int size = arm_jump_size(site);

	if (room < size || !arm_is_code(site) || !arm_is_code(target))
		return 0;
	vdso_put_le32(buf, arm_jump_insn(site));
	vdso_put_le16(buf + 4, ARM_THUMB_UDF);	/* or the literal */
	vdso_put_le32(buf + arm_jump_literal(site), target);
	return size;
}

/* CRIU's jump is that of ARM code, with a bkpt behind it that nothing executes. */
#define ARM_CRIU_BKPT	0xe1200070U

static inline struct vdso_jump arm_decode_jump(const __u8 *old, unsigned int room, __u64 site)
{
	struct vdso_jump jump = { VDSO_JUMP_NONE, 0, 0 };
	unsigned int size = arm_jump_size(site);

	if (room < size || !arm_is_code(site) || vdso_get_le32(old) != arm_jump_insn(site))
		return jump;
	jump.kind = VDSO_JUMP_NEAR;
	jump.size = size;
	jump.target = vdso_get_le32(old + arm_jump_literal(site));
	if (!(site & ARM_STATE_BITS) && room >= size + 4 &&
	    vdso_get_le32(old + size) == ARM_CRIU_BKPT) {
		jump.kind = VDSO_JUMP_CRIU;
		jump.size += 4;
	}
	return jump;
}

static inline struct vdso_encode_call arm_encode_stub_call(__u32 stub)
{
	static const __u16 nrs[] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = 263,
		[VDSO_REMAP_STUB_CLOCK_GETRES] = 264,
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = 78,
		[VDSO_REMAP_STUB_CLOCK_GETTIME64] = 403,
		[VDSO_REMAP_STUB_CLOCK_GETRES_TIME64] = 406,
	};
	struct vdso_encode_call call = { 0, 0 };

	if (stub < sizeof(nrs) / sizeof(nrs[0]) && nrs[stub]) {
		call.nr = nrs[stub];
		call.nr_args = 2;
	}
	return call;
}

/*
 * A vDSO function and its system call take their arguments in the same registers, and both return
 * -errno. A function must preserve r7, which has the number of the system call. ip is free, and a
 * system call preserves it.
 *
 *   ARM code			Thumb code
 *				nop			2 bytes, only at a multiple of 4
 *	mov	ip, r7		mov	ip, r7		2 bytes
 *	movw	r7, #nr		movw	r7, #nr		4 bytes
 *	svc	#0		svc	#0		2 bytes
 *	mov	r7, ip		mov	r7, ip		2 bytes
 *	bx	lr		bx	lr		2 bytes
 *
 * A thread whose call is interrupted stands behind the svc, and starts the call again. A jump
 * that replaces the stub meanwhile must leave the svc as it is, or end further behind, so that
 * the thread is known to be in the way: hence the nop.
 */
#define ARM_STUB_SIZE	20
#define THUMB_STUB_SIZE	12	/* without the nop */

static inline unsigned int arm_encode_stub(__u8 *buf, unsigned int room, __u64 site, __u32 stub)
{
	unsigned int nop = (site & 3) == 1 ? 2 : 0;
	unsigned int size = site & ARM_STATE_BITS ? nop + THUMB_STUB_SIZE : ARM_STUB_SIZE;
	__u32 nr = arm_encode_stub_call(stub).nr;

	if (!nr || room < size || !arm_is_code(site))
		return 0;
	if (site & ARM_STATE_BITS) {
		vdso_put_le16(buf, 0xbf00);
		buf += nop;
		vdso_put_le16(buf, 0x46bc);
		vdso_put_le16(buf + 2, 0xf240);
		vdso_put_le16(buf + 4, 0x0700 | (nr & 0x700) << 4 | (nr & 0xff));
		vdso_put_le16(buf + 6, 0xdf00);
		vdso_put_le16(buf + 8, 0x4667);
		vdso_put_le16(buf + 10, 0x4770);
		return size;
	}
	vdso_put_le32(buf, 0xe1a0c007);
	vdso_put_le32(buf + 4, 0xe3007000 | nr);
	vdso_put_le32(buf + 8, 0xef000000);
	vdso_put_le32(buf + 12, 0xe1a0700c);
	vdso_put_le32(buf + 16, 0xe12fff1e);
	return size;
}

#endif /* _ARCH_ARM_ENCODE_H */
