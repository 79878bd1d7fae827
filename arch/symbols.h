/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the names of a vDSO's entry points mean: which stub can replace a function, and which
 * entry points must stay as they are. For the library and vdsoctl; the module does not look at
 * names.
 */
#ifndef _ARCH_SYMBOLS_H
#define _ARCH_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"

struct vdso_stub_name {
	char name[20];		/* an array, not a pointer: no relocations */
	__u8 stub;		/* VDSO_REMAP_STUB_* */
};

/* Functions, by their names without the prefix. Not every ABI has all of these stubs. */
static const struct vdso_stub_name vdso_stub_names[] = {
	{ "clock_gettime", VDSO_REMAP_STUB_CLOCK_GETTIME },
	{ "clock_getres", VDSO_REMAP_STUB_CLOCK_GETRES },
	{ "gettimeofday", VDSO_REMAP_STUB_GETTIMEOFDAY },
	{ "time", VDSO_REMAP_STUB_TIME },
	{ "getcpu", VDSO_REMAP_STUB_GETCPU },
	{ "getrandom", VDSO_REMAP_STUB_GETRANDOM },
	{ "clock_gettime64", VDSO_REMAP_STUB_CLOCK_GETTIME64 },
	{ "clock_getres_time64", VDSO_REMAP_STUB_CLOCK_GETRES_TIME64 },
};

/*
 * Trampolines that another restore tool may have overwritten. The stub consists of the bytes
 * that the kernel's trampoline has.
 */
static const struct vdso_stub_name vdso_trampoline_names[] = {
	{ "sigreturn", VDSO_REMAP_STUB_SIGRETURN },
	{ "rt_sigreturn", VDSO_REMAP_STUB_RT_SIGRETURN },
};

static inline bool vdso_name_equals(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static inline bool vdso_name_has_prefix(const char *name, const char *prefix)
{
	while (*prefix && *name == *prefix) {
		name++;
		prefix++;
	}
	return !*prefix;
}

/* The name without the prefix: a function's weak alias has it, and struct vdso_stub_name. */
static inline const char *vdso_plain_name(const char *name)
{
	if (vdso_name_has_prefix(name, "__vdso_"))
		return name + sizeof("__vdso_") - 1;
	if (vdso_name_has_prefix(name, "__kernel_"))
		return name + sizeof("__kernel_") - 1;
	return name;
}

#include "x86/symbols.h"

/* The ABI of a vDSO whose ELF header is overwritten; its ELF class is known to be of bits. */
static inline enum vdso_abi vdso_abi_of_text(const void *text, size_t size, unsigned int bits)
{
	if (VDSO_ARCH_X86)
		return x86_abi_of_text(text, size, bits);
	return bits == 64 ? VDSO_ABI_ARM64 : VDSO_ABI_ARM;
}

/*
 * Trampolines stay as they are: threads wait inside them, unwinders know their bytes, and they
 * read no data pages.
 */
static inline bool vdso_is_trampoline(const char *name)
{
	if (VDSO_ARCH_X86 && x86_is_trampoline(name))
		return true;
	for (; *name; name++)
		if (vdso_name_has_prefix(name, "sigreturn"))
			return true;
	return false;
}

/* Whether a function works without data pages. */
static inline bool vdso_needs_no_data(const char *name)
{
	return VDSO_ARCH_X86 && x86_needs_no_data(name);
}

#endif /* _ARCH_SYMBOLS_H */
