/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* x86: entry points that other machines' vDSOs do not have. Included by ../symbols.h. */
#ifndef _ARCH_X86_SYMBOLS_H
#define _ARCH_X86_SYMBOLS_H

/* i386: 32-bit programs make their system calls through this function. */
#define X86_VSYSCALL	"__kernel_vsyscall"

static inline bool x86_is_trampoline(const char *name)
{
	return vdso_name_equals(name, X86_VSYSCALL);
}

static inline bool x86_needs_no_data(const char *name)
{
	return vdso_name_equals(name, "__vdso_sgx_enter_enclave") ||
	       vdso_name_has_prefix(name, "__vdso_futex_robust_list");
}

/* Among the 32-bit vDSOs only i386's has a symbol __kernel_vsyscall. */
static inline enum vdso_abi x86_abi_of_text(const void *text, size_t size, unsigned int bits)
{
	const char *bytes = text;
	size_t off;

	if (bits == 64)
		return VDSO_ABI_X86_64;
	for (off = 0; off + sizeof(X86_VSYSCALL) <= size; off++)
		if (!__builtin_memcmp(bytes + off, X86_VSYSCALL, sizeof(X86_VSYSCALL)))
			return VDSO_ABI_I386;
	return VDSO_ABI_X32;
}

#endif /* _ARCH_X86_SYMBOLS_H */
