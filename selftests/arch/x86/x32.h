/* SPDX-License-Identifier: GPL-2.0 */
/* For programs of x32, which have no libc: system calls, and what their vDSO has. */
#ifndef _SELFTESTS_ARCH_X86_X32_H
#define _SELFTESTS_ARCH_X86_X32_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/elf.h>

/* Those that differ from x86_64's have numbers of their own. */
enum {
	NR_open = 0x40000002,
	NR_mmap = 0x40000009,
	NR_munmap = 0x4000000b,
	NR_exit = 0x4000003c,
	NR_clock_gettime = 0x400000e4,
	NR_ioctl = 0x40000202,
};

#define CLOCK_REALTIME	0
#define CLOCK_MONOTONIC	1

struct x32_timespec {
	long long sec;
	long long nsec;
};

/* Pointers, which have 32 bits, are extended with zeros. */
static inline long long sys(unsigned long nr, unsigned long a, unsigned long b, unsigned long c,
			    unsigned long d, unsigned long e)
{
	register unsigned long long r10 __asm__("r10") = d;
	register unsigned long long r8 __asm__("r8") = e;
	register unsigned long long r9 __asm__("r9") = 0;
	long long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"((unsigned long long)nr), "D"((unsigned long long)a),
			   "S"((unsigned long long)b), "d"((unsigned long long)c), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline bool equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* A function of the vDSO there, which is a 32-bit ELF file. */
static inline void *find(unsigned long text, const char *name)
{
	const struct elf32_hdr *ehdr = (void *)text;
	const struct elf32_shdr *shdr = (void *)(text + ehdr->e_shoff);
	unsigned int i, nr;

	for (i = 0; i < ehdr->e_shnum; i++) {
		const struct elf32_sym *sym = (void *)(text + shdr[i].sh_offset);
		const char *names = (void *)(text + shdr[shdr[i].sh_link].sh_offset);

		if (shdr[i].sh_type != SHT_DYNSYM)
			continue;
		for (nr = shdr[i].sh_size / sizeof(*sym); nr; nr--, sym++) {
			if (equal(names + sym->st_name, name))
				return (void *)(text + sym->st_value);
		}
	}
	return NULL;
}

/* Begins run() with the address of the stack: the number of arguments, in 32 bits, first. */
#define START_BY_RUN				\
	__asm__(".globl	_start\n"		\
		"_start:\n\t"			\
		"mov	%esp, %edi\n\t"		\
		"and	$-16, %esp\n\t"		\
		"call	run")

#endif /* _SELFTESTS_ARCH_X86_X32_H */
