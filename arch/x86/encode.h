/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* x86: the bytes of jumps, stubs and trampolines. Included by ../encode.h, which documents them. */
#ifndef _ARCH_X86_ENCODE_H
#define _ARCH_X86_ENCODE_H

#define X86_LANDING_PAD_SIZE	4
#define X86_NEAR_JUMP_SIZE	5

/* endbr64 (f3 0f 1e fa) or endbr32 (fb): where an indirect call may land under CET. */
static inline unsigned int x86_encode_landing_pad(enum vdso_abi abi, __u8 *buf,
						  const __u8 *old, unsigned int room)
{
	const __u8 pad[X86_LANDING_PAD_SIZE] = {
		0xf3, 0x0f, 0x1e, abi == VDSO_ABI_I386 ? 0xfb : 0xfa
	};

	if (room < sizeof(pad) || __builtin_memcmp(old, pad, sizeof(pad)))
		return 0;
	__builtin_memcpy(buf, pad, sizeof(pad));	/* not from old: it may change meanwhile */
	return sizeof(pad);
}

/*
 * A jump through a register: the bytes before and behind the target's address. The encoder
 * writes the first two, which are for x86_64 and x32, in this order. CRIU writes the others.
 *
 *   49 bb imm64  41 ff e3	movabs	$target, %r11; jmp *%r11
 *   41 bb imm32  41 ff e3	mov	$target, %r11d; jmp *%r11
 *   48 b8 imm64  ff e0		movabs	$target, %rax; jmp *%rax
 *   b8 imm32  ff e0		mov	$target, %eax; jmp *%eax
 *
 * r11 is free: it carries no argument, unlike r10 (the static chain) and al (the number of
 * vector registers), and no call preserves it; the syscall instruction destroys it.
 */
struct x86_far_form {
	__u8 abi, kind, mov_size, addr_size, jmp_size;
	__u8 mov[2], jmp[3];
};

static const struct x86_far_form x86_far_forms[] = {
	{ VDSO_ABI_X86_64, VDSO_JUMP_FAR, 2, 8, 3, { 0x49, 0xbb }, { 0x41, 0xff, 0xe3 } },
	{ VDSO_ABI_X32, VDSO_JUMP_FAR, 2, 4, 3, { 0x41, 0xbb }, { 0x41, 0xff, 0xe3 } },
	{ VDSO_ABI_X86_64, VDSO_JUMP_CRIU, 2, 8, 2, { 0x48, 0xb8 }, { 0xff, 0xe0 } },
	{ VDSO_ABI_I386, VDSO_JUMP_CRIU, 1, 4, 2, { 0xb8 }, { 0xff, 0xe0 } },
};

#define X86_NR_FAR_FORMS	(sizeof(x86_far_forms) / sizeof(x86_far_forms[0]))

static inline unsigned int x86_encode_far_jump(enum vdso_abi abi, __u8 *buf, unsigned int room,
					       __u64 target)
{
	const struct x86_far_form *form = &x86_far_forms[abi == VDSO_ABI_X32];
	unsigned int size = form->mov_size + form->addr_size + form->jmp_size;

	if (room < size)
		return 0;
	__builtin_memcpy(buf, form->mov, form->mov_size);
	buf += form->mov_size;
	vdso_put_le32(buf, target);
	if (form->addr_size == 8)
		vdso_put_le32(buf + 4, target >> 32);
	__builtin_memcpy(buf + form->addr_size, form->jmp, form->jmp_size);
	return size;
}

/*
 * A near jump if that reaches the target, else a far one:
 *
 *   e9 rel32			jmp	target
 *
 * In 32-bit code a near jump reaches every target, since the sum wraps.
 */
static inline unsigned int x86_encode_jump(enum vdso_abi abi, __u8 *buf, const __u8 *old,
					   unsigned int room, __u64 site, __u64 target)
{
	unsigned int pad = x86_encode_landing_pad(abi, buf, old, room);
	__s64 dist = (__s64)(target - (site + pad + X86_NEAR_JUMP_SIZE));
	unsigned int size;

	buf += pad;
	room -= pad;
	if (dist != (__s32)dist && abi != VDSO_ABI_I386) {
		size = x86_encode_far_jump(abi, buf, room, target);
		return size ? pad + size : 0;
	}
	if (room < X86_NEAR_JUMP_SIZE)
		return 0;
	buf[0] = 0xe9;
	vdso_put_le32(buf + 1, dist);
	return pad + X86_NEAR_JUMP_SIZE;
}

static inline int x86_is_far_jump(const struct x86_far_form *form, const __u8 *bytes,
				  unsigned int room)
{
	unsigned int jmp = form->mov_size + form->addr_size;

	return jmp + form->jmp_size <= room &&
	       !__builtin_memcmp(bytes, form->mov, form->mov_size) &&
	       !__builtin_memcmp(bytes + jmp, form->jmp, form->jmp_size);
}

static inline struct vdso_jump x86_decode_jump(enum vdso_abi abi, const __u8 *old,
					       unsigned int room, __u64 site)
{
	struct vdso_jump jump = { VDSO_JUMP_NONE, 0, 0 };
	__u8 buf[X86_LANDING_PAD_SIZE];
	unsigned int pad = x86_encode_landing_pad(abi, buf, old, room);
	const __u8 *bytes = old + pad;
	const struct x86_far_form *form;
	unsigned int i;

	room -= pad;
	if (room >= X86_NEAR_JUMP_SIZE && bytes[0] == 0xe9) {
		jump.kind = VDSO_JUMP_NEAR;
		jump.size = pad + X86_NEAR_JUMP_SIZE;
		jump.target = site + jump.size + (__s64)(__s32)vdso_get_le32(bytes + 1);
		if (abi == VDSO_ABI_I386)
			jump.target = (__u32)jump.target;
		return jump;
	}
	for (i = 0; i < X86_NR_FAR_FORMS; i++) {
		form = &x86_far_forms[i];
		if (form->abi != abi || !x86_is_far_jump(form, bytes, room))
			continue;
		jump.kind = (enum vdso_jump_kind)form->kind;
		jump.size = pad + form->mov_size + form->addr_size + form->jmp_size;
		jump.target = vdso_get_le32(bytes + form->mov_size);
		if (form->addr_size == 8)
			jump.target = vdso_get_le64(bytes + form->mov_size);
	}
	return jump;
}

/*
 * The vDSO of x32 consists of x86_64 code. It makes its system calls by x86_64's numbers, and
 * has x86_64's time structures. The columns are those of enum vdso_abi.
 */
static inline struct vdso_encode_call x86_encode_stub_call(enum vdso_abi abi, __u32 stub)
{
	static const struct {
		__u16 nr_64, nr_32;
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
		[VDSO_REMAP_STUB_SIGRETURN] = { 0, 119, 0 },
		[VDSO_REMAP_STUB_RT_SIGRETURN] = { 0, 173, 0 },
	};
	struct vdso_encode_call call = { 0, 0 };

	if (stub >= sizeof(calls) / sizeof(calls[0]) ||
	    (abi == VDSO_ABI_X32 && stub == VDSO_REMAP_STUB_GETRANDOM))
		return call;
	call.nr = abi == VDSO_ABI_I386 ? calls[stub].nr_32 : calls[stub].nr_64;
	call.nr_args = calls[stub].nr_args;
	return call;
}

/*
 * A stub of 64-bit code. A vDSO function and its system call take up to three arguments in the
 * same registers, and both return -errno.
 *
 *   b8 nr	mov	$nr, %eax
 *   0f 05	syscall
 *   c3		ret
 *
 * The stub of getrandom(buf, len, flags, opaque_state, opaque_len) first checks whether
 * opaque_len, in r8, is ~0UL: the caller asks for the size of the state. A system call has no
 * such state, so the stub returns -ENOSYS. Its 16 bytes fit the smallest slot that linkers leave.
 *
 *   6a da	push	$-38
 *   58		pop	%rax
 *   49 ff c0	inc	%r8
 *   74 07	jz	1f
 *   b8 nr	mov	$nr, %eax
 *   0f 05	syscall
 *   c3	     1:	ret
 */
static inline unsigned int x86_encode_stub_64(__u8 *buf, unsigned int room, __u32 stub,
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
	vdso_put_le32(buf + 1, call.nr);
	buf[5] = 0x0f;
	buf[6] = 0x05;
	buf[7] = 0xc3;
	return pre + 8;
}

/*
 * A stub of 32-bit code. A function takes its arguments on the stack. A system call takes the
 * first one in ebx, which a function must preserve. The stub uses int $0x80, because after
 * sysenter and syscall the kernel returns to an address of its own choice in the vDSO.
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
static inline unsigned int x86_encode_stub_32(__u8 *buf, unsigned int room,
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
	vdso_put_le32(buf, call.nr);
	buf[4] = 0xcd;
	buf[5] = 0x80;
	buf[6] = 0x5b;
	buf[7] = 0xc3;
	return 10 + 4 * call.nr_args;
}

/*
 * The trampolines of 32-bit code, in the kernel's own bytes: unwinders and debuggers recognise
 * them by these. sigreturn's first pops the signal's number.
 *
 *   58			pop	%eax
 *   b8 nr		mov	$nr, %eax
 *   cd 80		int	$0x80
 */
static inline unsigned int x86_encode_trampoline(__u8 *buf, unsigned int room, __u32 stub,
						 struct vdso_encode_call call)
{
	unsigned int pop = stub == VDSO_REMAP_STUB_SIGRETURN;

	if (room < pop + 7)
		return 0;
	if (pop)
		*buf++ = 0x58;
	buf[0] = 0xb8;
	vdso_put_le32(buf + 1, call.nr);
	buf[5] = 0xcd;
	buf[6] = 0x80;
	return pop + 7;
}

static inline unsigned int x86_encode_stub(enum vdso_abi abi, __u8 *buf, const __u8 *old,
					   unsigned int room, __u32 stub)
{
	struct vdso_encode_call call = x86_encode_stub_call(abi, stub);
	unsigned int pad = x86_encode_landing_pad(abi, buf, old, room);
	unsigned int len;

	if (!call.nr)
		return 0;
	if (stub == VDSO_REMAP_STUB_SIGRETURN || stub == VDSO_REMAP_STUB_RT_SIGRETURN)
		len = x86_encode_trampoline(buf + pad, room - pad, stub, call);
	else if (abi == VDSO_ABI_I386)
		len = x86_encode_stub_32(buf + pad, room - pad, call);
	else
		len = x86_encode_stub_64(buf + pad, room - pad, stub, call);
	return len ? pad + len : 0;
}

#endif /* _ARCH_X86_ENCODE_H */
