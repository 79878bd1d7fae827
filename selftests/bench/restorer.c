// SPDX-License-Identifier: GPL-2.0
/* What a restorer has: one call, no libc, no one who relocates. Its size is measured. */
#include <vdso_remap.h>

int _start(struct vdso_remap_restore_args *args);
int _start(struct vdso_remap_restore_args *args)
{
	return vdso_remap_restore(args);
}
