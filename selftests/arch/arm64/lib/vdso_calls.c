// SPDX-License-Identifier: GPL-2.0
/* Calls of the vDSO functions that only this machine has; see lib/vdso_calls.h. */
#include <stddef.h>

#include "lib/vdso_calls.h"

const struct t_vdso_call t_arch_vdso_calls[] = {
	{ NULL, NULL },
};
