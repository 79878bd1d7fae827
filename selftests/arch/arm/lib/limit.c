// SPDX-License-Identifier: GPL-2.0
/* Where the memory of a task ends. */
#include <errno.h>
#include <sys/mman.h>

#include "lib/memory.h"

/* The limit of a kernel of arm depends on how it was built, as Debian builds it or with less. */
uint64_t t_task_limit(void)
{
	const uint64_t native = 0xbf000000, under_arm64 = 0x100000000ULL - T_PAGE;
	void *hint = (void *)(uintptr_t)native;

	if (mmap(hint, T_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		 -1, 0) != hint)
		return errno == EEXIST ? under_arm64 : native;
	munmap(hint, T_PAGE);
	return under_arm64;
}
