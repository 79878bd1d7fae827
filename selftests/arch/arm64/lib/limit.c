// SPDX-License-Identifier: GPL-2.0
/* Where the memory of a task ends. */
#include <sys/mman.h>

#include "lib/memory.h"

uint64_t t_task_limit(void)
{
	const uint64_t limits[] = { 1ULL << 52, 1ULL << 48 };
	void *hint = (void *)limits[1];

	/* With addresses of 52 bits there is memory where those of 48 end. */
	if (mmap(hint, T_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		 -1, 0) != hint)
		return limits[1];
	munmap(hint, T_PAGE);
	return limits[0];
}
