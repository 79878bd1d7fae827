/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* arm64 and arm: the smallest program. Included by ../program.h. */
#ifndef _ARCH_ARM_PROGRAM_H
#define _ARCH_ARM_PROGRAM_H

#ifdef __aarch64__
#define VDSO_ABI_NATIVE	VDSO_ABI_ARM64
#else
#define VDSO_ABI_NATIVE	VDSO_ABI_ARM
#endif

#define VDSO_EXIT_CODE_MAX	12
#define VDSO_PROGRAM_FLAGS	0x05000000	/* EABI, version 5: the kernel wants to see it */

/* Of arm, the only 32-bit ABI. */
static inline unsigned int vdso_exit_code(enum vdso_abi abi, unsigned char *code)
{
	/* mov r0, #0; mov r7, #1; svc #0 */
	static const unsigned char arm[] = {
		0x00, 0x00, 0xa0, 0xe3, 0x01, 0x70, 0xa0, 0xe3, 0x00, 0x00, 0x00, 0xef
	};

	(void)abi;
	__builtin_memcpy(code, arm, sizeof(arm));
	return sizeof(arm);
}

/* These kernels have no parameter that disables the vDSO. */
static inline const char *vdso_abi_boot_param(enum vdso_abi abi)
{
	(void)abi;
	return NULL;
}

static inline const char *vdso_abi_hint(enum vdso_abi abi)
{
	(void)abi;
	return "it was built without CONFIG_COMPAT, or the processor has no 32-bit mode";
}

#endif /* _ARCH_ARM_PROGRAM_H */
