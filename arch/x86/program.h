/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* x86: the smallest programs. Included by ../program.h. */
#ifndef _ARCH_X86_PROGRAM_H
#define _ARCH_X86_PROGRAM_H

#ifdef __x86_64__
#define VDSO_ABI_NATIVE	VDSO_ABI_X86_64
#else
#define VDSO_ABI_NATIVE	VDSO_ABI_I386
#endif

#define VDSO_EXIT_CODE_MAX	16

static inline unsigned int vdso_exit_code(enum vdso_abi abi, unsigned char *code)
{
	/* xor %eax, %eax; inc %eax; int $0x80 */
	static const unsigned char code_32[] = { 0x31, 0xc0, 0x40, 0xcd, 0x80 };
	/* xor %edi, %edi; mov $60, %eax; syscall. x32 programs may make this call, too. */
	static const unsigned char code_64[] = {
		0x31, 0xff, 0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05
	};

	if (abi == VDSO_ABI_I386) {
		__builtin_memcpy(code, code_32, sizeof(code_32));
		return sizeof(code_32);
	}
	__builtin_memcpy(code, code_64, sizeof(code_64));
	return sizeof(code_64);
}

static inline const char *vdso_abi_boot_param(enum vdso_abi abi)
{
	return abi == VDSO_ABI_I386 ? "vdso32" : "vdso";
}

static inline const char *vdso_abi_hint(enum vdso_abi abi)
{
	if (abi == VDSO_ABI_X32)
		return "it was built without the x32 ABI, or not booted with syscall.x32=y";
	return "it was built without IA32 emulation, or booted with ia32_emulation=0";
}

#endif /* _ARCH_X86_PROGRAM_H */
