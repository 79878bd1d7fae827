// SPDX-License-Identifier: MIT
/*
 * A program without libc, start-up code or relocations, as a restorer blob is:
 * parses its own vDSO, plans and tries to restore it. Exits with the number of
 * the step that failed, and says "ok" when none did.
 */
#include <asm/unistd.h>
#include <errno.h>
#include <link.h>

#include <vdso_remap.h>

#include "arch/syscall.h"
#include "arch/test.h"

/* Of the stack of a new program: argc, argv, 0, environment, 0, auxv; 0: there is none. */
static unsigned long find_auxv(const long *stack, unsigned long type)
{
	const ElfW(auxv_t) *auxv;

	stack += 1 + stack[0] + 1;
	while (*stack++)
		;
	for (auxv = (const ElfW(auxv_t) *)stack; auxv->a_type != AT_NULL; auxv++)
		if (auxv->a_type == type)
			return auxv->a_un.a_val;
	return 0;
}

/* Its sections' headers come last. */
static size_t size_of(const ElfW(Ehdr) *vdso, size_t page)
{
	return (vdso->e_shoff + vdso->e_shnum * vdso->e_shentsize + page - 1) & -page;
}

static int check(const long *stack)
{
	const void *vdso = (const void *)find_auxv(stack, AT_SYSINFO_EHDR);
	struct vdso_remap_image image = VDSO_REMAP_INIT(image);
	struct vdso_remap_restore_args restore = VDSO_REMAP_INIT(restore, .fd = 1000);
	struct vdso_remap_plan plan = VDSO_REMAP_INIT(plan);
	size_t size;

	if (!vdso)
		return 1;
	size = size_of(vdso, find_auxv(stack, AT_PAGESZ));
	if (vdso_remap_parse(&image, vdso, size))
		return 2;
	if (vdso_remap_make_plan(&plan, &image, &image, 0) || plan.outcome != VDSO_REMAP_IN_PLACE)
		return 3;
	if (vdso_remap_make_plan(&plan, &image, &image, VDSO_REMAP_FORCE_PROXY) || !plan.nr_sites)
		return 4;
	if (vdso_remap_restore(&restore) != -EINVAL)
		return 5;
	/* The system calls are there, too: nothing is open. */
	restore.image = (uintptr_t)vdso;
	restore.image_size = size;
	if (vdso_remap_restore(&restore) != -EBADF)
		return 6;
	return 0;
}

void start(const long *stack);
void start(const long *stack)
{
	int ret = check(stack);

	if (!ret)
		raw_syscall(__NR_write, 1, (long)"ok\n", 3, 0, 0, 0);
	raw_syscall(__NR_exit_group, ret, 0, 0, 0, 0, 0);
}

T_START_BY_STACK;
