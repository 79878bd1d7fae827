// SPDX-License-Identifier: GPL-2.0
/* Where the memory of a task ends. */
#include <sys/mman.h>

#include "lib/memory.h"

#ifdef __i386__
uint64_t t_task_limit(void)
{
	return 0xffffe000;	/* under a 64-bit kernel */
}
#else
uint64_t t_task_limit(void)
{
	const uint64_t limits[] = { (1ULL << 56) - T_PAGE, (1ULL << 47) - T_PAGE };
	void *hint = (void *)limits[1];

	/* With five levels of page tables there is memory where four end. */
	if (mmap(hint, T_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		 -1, 0) != hint)
		return limits[1];
	munmap(hint, T_PAGE);
	return limits[0];
}
#endif
