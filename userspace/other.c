// SPDX-License-Identifier: MIT
/* Where another process, which stands still, has room for its runtime vDSO. */
#include <errno.h>
#include <sys/resource.h>

#include "internal.h"
#include "syscall.h"

#define LOWEST_ADDR	0x20000ULL	/* well above what vm.mmap_min_addr is nearly everywhere */

/* What is left free on both sides of a parked group, and for what grows. */
#define MARGIN		(64ULL << 10)
#define STACK_GAP	(1ULL << 20)	/* as the kernel keeps below a stack */
#define HEAP_ROOM	(1ULL << 30)

/* As far as it can grow; of a stack without a limit, what a large one would need. */
static uint64_t stack_room(int32_t pid)
{
	struct {
		uint64_t now, most;
	} limit;

	if (sys_prlimit64(pid, RLIMIT_STACK, &limit) || limit.now > HEAP_ROOM)
		return HEAP_ROOM + STACK_GAP;
	return limit.now + STACK_GAP;
}

/* The mapping, with what it will grow to and the margin. */
static struct vdso_remap_range with_room(int32_t pid, const struct vrl_mapping *mapping)
{
	struct vdso_remap_range range = { mapping->start, mapping->end };
	uint64_t room = MARGIN;

	if (vdso_name_equals(mapping->name, "[stack]"))
		room += stack_room(pid);
	range.start = range.start > room ? range.start - room : 0;
	range.end += MARGIN;
	if (vdso_name_equals(mapping->name, "[heap]"))
		range.end += HEAP_ROOM;
	return range;
}

int vrl_other_is_free(int32_t pid, uint64_t start, uint64_t size)
{
	struct vrl_lines maps = { .fd = vrl_open_proc(pid, "/maps") };
	struct vdso_remap_range range;
	struct vrl_mapping mapping;
	int ret;

	if (maps.fd < 0)
		return maps.fd;
	if (start < LOWEST_ADDR) {
		ret = -EEXIST;
		goto out_close;
	}
	while ((ret = vrl_next_mapping(&maps, &mapping)) > 0) {
		range = with_room(pid, &mapping);
		if (start < range.end && start + size > range.start) {
			ret = -EEXIST;
			break;
		}
	}
out_close:
	sys_close(maps.fd);
	return ret;
}

int vrl_other_find_hole(int32_t pid, uint64_t end, uint64_t size, uint64_t *start)
{
	struct vrl_lines maps = { .fd = vrl_open_proc(pid, "/maps") };
	struct vdso_remap_range range;
	struct vrl_mapping mapping;
	int ret;

	if (maps.fd < 0)
		return maps.fd;
	*start = LOWEST_ADDR;
	while ((ret = vrl_next_mapping(&maps, &mapping)) > 0) {
		range = with_room(pid, &mapping);
		if (*start + size <= range.start)
			break;
		if (*start < range.end)
			*start = (range.end + MAX_PAGE - 1) & -MAX_PAGE;
	}
	sys_close(maps.fd);
	if (ret < 0)
		return ret;
	return *start + size <= end ? 0 : -ENOMEM;
}

int vrl_other_has_nothing(int32_t pid, uint64_t start, uint64_t size)
{
	struct vrl_lines maps = { .fd = vrl_open_proc(pid, "/maps") };
	struct vrl_mapping mapping;
	int ret;

	if (maps.fd < 0)
		return maps.fd;
	while ((ret = vrl_next_mapping(&maps, &mapping)) > 0) {
		if (start < mapping.end && start + size > mapping.start) {
			ret = -EEXIST;
			break;
		}
	}
	sys_close(maps.fd);
	return ret;
}

/*
 * The ABI of the runtime vDSO. The process may have made it unreadable, and can write another
 * header into it; what the module says of its machine counts. Low addresses suit any ABI.
 */
static enum vdso_abi find_abi(const struct vdso_remap_status *status)
{
	unsigned int bits = status->runtime.end <= 1ULL << 32 ? 32 : 64;
	struct vdso_remap_image runtime = VDSO_REMAP_INIT(runtime);
	uint32_t machine = status->info.machine;
	unsigned int abi = VDSO_ABI_UNKNOWN;

	if (!vrl_copy_vdso(&runtime, status->pid, status->runtime.start,
			   status->runtime.end - status->runtime.start) &&
	    (!machine || machine == runtime.machine))
		abi = runtime.abi;
	vrl_drop_copy(&runtime);
	if (abi == VDSO_ABI_UNKNOWN)
		abi = vdso_abi_of(machine, bits) ?: vdso_abi_of(machine, 96 - bits);
	if (abi == VDSO_ABI_UNKNOWN)
		for (abi = 1; vdso_abi_row(abi)->bits != bits && abi < VDSO_NR_ABIS - 1; abi++)
			;
	return abi;
}

public_api int vdso_remap_find_place(const struct vdso_remap_status *status,
				     const struct vdso_remap_range *avoid, uint64_t *addr)
{
	uint64_t size = status->group.end - status->group.start;
	int ret = vrl_check_size(&status->size, sizeof(*status));
	uint64_t start;

	if (ret)
		return ret;
	if (!status->runtime.end)
		return -ENOENT;
	ret = vrl_find_place(status->pid, find_abi(status), size, avoid, &start);
	if (!ret)
		*addr = start + (status->runtime.start - status->group.start);
	return ret;
}
