// SPDX-License-Identifier: GPL-2.0
/* Calls of the vDSO functions that only x86 has; see lib/vdso_calls.h. */
#include <cpuid.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/x86/vsyscall.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/vdso_calls.h"

bool t_vsyscall_fits(const uint8_t *vsyscall)
{
	static const uint8_t sysenter[] = { 0x0f, 0x34 }, syscall[] = { 0x0f, 0x05 };
	const uint8_t *other = syscall;
	unsigned int eax, ebx = 0, ecx, edx;

	__get_cpuid(0, &eax, &ebx, &ecx, &edx);
	if (ebx == signature_AMD_ebx || ebx == 0x6f677948)	/* "Hygo" */
		other = sysenter;
	return !memmem(vsyscall, 16, other, 2);
}

#ifdef __x86_64__
/* There are enclaves on few machines; that this is not a way into one it says everywhere. */
static bool right_enter_enclave(const void *fn)
{
	int (*enter)(unsigned long a, unsigned long b, unsigned long c, unsigned int function,
		     unsigned long d, unsigned long e, void *run) = fn;
	int ret = enter(0, 0, 0, 0, 0, 0, NULL);

	if (ret == -EINVAL)
		return true;
	t_note("sgx_enter_enclave: %d", ret);
	return false;
}
#else

__asm__(".pushsection .text\n"
	".globl t_call_with\n"
	"t_call_with:\n"
	"	push	%ebp\n"
	"	push	%ebx\n"
	"	push	%esi\n"
	"	push	%edi\n"
	"	mov	24(%esp), %eax\n"
	"	push	36(%eax)\n"
	"	push	32(%eax)\n"
	"	push	28(%eax)\n"
	"	mov	4(%eax), %ebx\n"
	"	mov	8(%eax), %ecx\n"
	"	mov	12(%eax), %edx\n"
	"	mov	16(%eax), %esi\n"
	"	mov	20(%eax), %edi\n"
	"	mov	24(%eax), %ebp\n"
	"	mov	(%eax), %eax\n"
	"	call	*32(%esp)\n"
	"	add	$12, %esp\n"
	"	push	%eax\n"
	"	mov	28(%esp), %eax\n"
	"	pop	(%eax)\n"
	"	mov	%ebx, 4(%eax)\n"
	"	mov	%ecx, 8(%eax)\n"
	"	mov	%edx, 12(%eax)\n"
	"	mov	%esi, 16(%eax)\n"
	"	mov	%edi, 20(%eax)\n"
	"	mov	%ebp, 24(%eax)\n"
	"	pop	%edi\n"
	"	pop	%esi\n"
	"	pop	%ebx\n"
	"	pop	%ebp\n"
	"	ret\n"
	".popsection\n");

/* A system call that takes and preserves all six. */
static bool right_vsyscall(const void *fn)
{
	const struct t_registers want = {
		.eax = SYS_mmap2,
		.ecx = T_PAGE,
		.edx = PROT_READ,
		.esi = MAP_PRIVATE | MAP_ANONYMOUS,
		.edi = -1,
	};
	struct t_registers got = want;

	if (!t_vsyscall_fits(fn)) {
		t_note("__kernel_vsyscall is for another vendor's processor");
		return false;
	}
	t_call_with(fn, &got);
	if (!memcmp(&got.ebx, &want.ebx, sizeof(got) - sizeof(got.eax)) &&
	    !munmap((void *)got.eax, T_PAGE))
		return true;
	t_note("mmap2: eax %lx ebx %lx ecx %lx edx %lx esi %lx edi %lx ebp %lx", got.eax, got.ebx,
	       got.ecx, got.edx, got.esi, got.edi, got.ebp);
	return false;
}

#endif

const struct t_vdso_call t_arch_vdso_calls[] = {
#ifdef __x86_64__
	{ "__vdso_sgx_enter_enclave", right_enter_enclave },
#else
	{ "__kernel_vsyscall", right_vsyscall },
#endif
	{ NULL, NULL },
};
