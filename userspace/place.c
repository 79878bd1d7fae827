// SPDX-License-Identifier: MIT
/*
 * Decides where a runtime vDSO is parked: above the image first, farther and farther
 * away, since what grows (the stack, mmap's area) grows downwards, and a vDSO often
 * lies right above it. If nothing near is free, any place will do, with far jumps.
 */
#include <errno.h>
#include <sys/mman.h>

#include "internal.h"
#include "syscall.h"

/* First distance from the image at which the runtime vDSO is parked. */
#define PARK_DISTANCE	0x10000ULL

static const bool hosted = __STDC_HOSTED__;

/* Returns 0, -EEXIST or another error that says that this is no place. */
static int is_free(int32_t pid, uint64_t start, uint64_t size)
{
	int ret;

	if (hosted && pid)
		return vrl_other_is_free(pid, start, size);
	ret = sys_mmap(&start, size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);
	if (!ret)
		sys_munmap(start, size);
	return ret;
}

static uint64_t addr_end(enum vdso_abi abi)
{
	return (uint64_t)vrl_abi_row(abi)->addr_end << 16;
}

static int find_hole(int32_t pid, enum vdso_abi abi, uint64_t size, uint64_t *start)
{
	int ret;

	if (hosted && pid)
		return vrl_other_find_hole(pid, addr_end(abi), size, start);
	*start = 0;
	ret = sys_mmap(start, size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | (vdso_abi_is_32bit(abi) ? RAW_MAP_LOW : 0));
	if (!ret)
		sys_munmap(*start, size);
	return ret;
}

int vrl_find_place(int32_t pid, enum vdso_abi abi, uint64_t size,
		   const struct vdso_remap_range *avoid, uint64_t *start)
{
	uint64_t end = addr_end(abi);
	uint64_t reach = (uint64_t)vrl_abi_row(abi)->reach << 16;
	uint64_t distance;

	for (distance = PARK_DISTANCE; avoid->end - avoid->start + distance + size < reach;
	     distance *= 2) {
		*start = avoid->end + distance;
		if (*start + size <= end && !is_free(pid, *start, size))
			return 0;
		*start = avoid->start - distance - size;
		if (avoid->start > distance + size && !is_free(pid, *start, size))
			return 0;
	}
	return find_hole(pid, abi, size, start);
}
