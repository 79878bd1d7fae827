// SPDX-License-Identifier: MIT
/* vdsoctl: where the vDSO group of a process is, and where else it could be. */
#include "vdsoctl.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../internal.h"

#define TASK_LIMIT_64	0x7ffffffff000ULL
#define TASK_LIMIT_32	0xffffe000ULL
#define LOWEST_ADDR	0x10000ULL	/* what vm.mmap_min_addr is nearly everywhere */

/* What is left free on both sides of a parked group, and for what grows. */
#define MARGIN		(64ULL << 10)
#define STACK_GAP	(1ULL << 20)	/* as the kernel keeps below a stack */
#define HEAP_ROOM	(1ULL << 30)
#define NEAR_REACH	(1ULL << 31)

int group_open_device(void)
{
	int fd;

	fd = vdso_remap_open();
	if (fd >= 0)
		return fd;
	if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV)
		return complain("can't open " VDSO_REMAP_DEVICE
				": not there. Is the module loaded? Try: vdsoctl load");
	if (fd == -EACCES || fd == -EPERM)
		return complain("can't open " VDSO_REMAP_DEVICE
				": not allowed. Be root, or widen its mode by a udev rule");
	return complain("can't open " VDSO_REMAP_DEVICE ": %s", strerror(-fd));
}

const struct vdso_remap_area *group_text(const struct vdso_remap_info *info)
{
	uint32_t i;

	for (i = 0; i < info->nr_areas; i++)
		if (info->areas[i].kind == VDSO_REMAP_AREA_TEXT)
			return &info->areas[i];
	return NULL;
}

struct vdso_remap_range group_span(const struct vdso_remap_info *info)
{
	const struct vdso_remap_area *last = &info->areas[info->nr_areas - 1];

	return (struct vdso_remap_range){ info->areas[0].start, last->start + last->size };
}

static int areas_from_maps(struct vdso_remap_info *info, pid_t pid)
{
	struct maps maps;
	size_t i;
	int ret;

	ret = maps_read(&maps, pid);
	if (ret)
		return ret;
	for (i = 0; i < maps.nr && info->nr_areas < VDSO_REMAP_MAX_AREAS; i++) {
		const struct mapping *m = &maps.items[i];
		bool text = !strcmp(m->name, "[vdso]");

		if (!text && strcmp(m->name, "[vvar]") && strcmp(m->name, "[vvar_vclock]"))
			continue;
		info->areas[info->nr_areas++] = (struct vdso_remap_area){
			.start = m->start,
			.size = m->end - m->start,
			.kind = text ? VDSO_REMAP_AREA_TEXT : VDSO_REMAP_AREA_DATA,
		};
		if (text)
			info->state |= VDSO_REMAP_STATE_PRESENT;
	}
	maps_free(&maps);
	return 0;
}

static int query_without_module(pid_t pid, struct vdso_remap_status *status)
{
	const struct vdso_remap_area *text;
	unsigned char header[sizeof(struct vdso_remap_mark)];
	struct vr_mark mark;
	int ret;

	memset(status, 0, sizeof(*status));
	ret = areas_from_maps(&status->info, pid);
	text = group_text(&status->info);
	if (ret || !text)
		return ret;
	ret = process_read(pid, text->start, header, sizeof(header));
	if (ret || !vr_read_mark(&mark, header, sizeof(header)))
		return ret;
	status->proxied = true;
	status->mark_version = mark.version;
	status->image = mark.image;
	status->image_data = mark.image_data;
	return 0;
}

int group_query(int fd, pid_t pid, struct vdso_remap_status *status)
{
	if (fd < 0)
		return query_without_module(pid, status);
	return vdso_remap_query(fd, pid == getpid() ? 0 : pid, status);
}

unsigned int group_ranges(const struct vdso_remap_status *status, const struct maps *maps,
			  struct vdso_remap_range ranges[2])
{
	const struct mapping *image = status->proxied ? maps_at(maps, status->image) : NULL;
	const struct vdso_remap_info *info = &status->info;
	unsigned int nr = 0;
	uint32_t i;

	for (i = 0; i < info->nr_areas; i++) {
		const struct vdso_remap_area *area = &info->areas[i];

		if (area->kind != VDSO_REMAP_AREA_TEXT)
			continue;
		if (!nr)	/* of several, if some of its pages were protected */
			ranges[0].start = area->start;
		ranges[0].end = area->start + area->size;
		nr = 1;
	}
	/* A process can write marks, too. */
	if (nr && image && image->end - status->image <= VDSO_REMAP_MAX_IMAGE_SIZE)
		ranges[nr++] = (struct vdso_remap_range){ status->image, image->end };
	return nr;
}

int group_move(int fd, pid_t pid, uint64_t addr, uint32_t flags)
{
	struct vdso_remap_move move = {
		.size = sizeof(move),
		.flags = flags,
		.pid = pid,
		.addr = addr,
	};

	if (!ioctl(fd, VDSO_REMAP_MOVE, &move))
		return 0;
	return group_complain(-errno, "can't move the vDSO", pid, move.busy_tid);
}

struct hole_search {
	uint64_t size;		/* of the group */
	uint64_t text_off;	/* of the text in the group */
	uint64_t near;		/* text address to be close to */
	uint64_t best_text;	/* 0: none yet */
	uint64_t best_dist;
};

static void consider_gap(struct hole_search *s, uint64_t lo, uint64_t hi)
{
	uint64_t text, dist;

	lo += MARGIN;
	if (hi < MARGIN || hi - MARGIN < lo || hi - MARGIN - lo < s->size)
		return;
	hi -= MARGIN + s->size;

	text = s->near - s->text_off;
	if (text < lo)
		text = lo;
	if (text > hi)
		text = hi;
	text += s->text_off;
	dist = text > s->near ? text - s->near : s->near - text;
	if (dist < s->best_dist) {
		s->best_dist = dist;
		s->best_text = text;
	}
}

static void consider_around(struct hole_search *s, uint64_t lo, uint64_t hi,
			    const struct vdso_remap_range *avoid)
{
	if (avoid->end <= lo || avoid->start >= hi) {
		consider_gap(s, lo, hi);
		return;
	}
	if (avoid->start > lo)
		consider_gap(s, lo, avoid->start);
	if (avoid->end < hi)
		consider_gap(s, avoid->end, hi);
}

uint64_t group_find_hole(pid_t pid, const struct maps *maps, const struct vdso_remap_info *info,
			 const struct vdso_remap_range *avoid)
{
	uint64_t limit = info->machine == EM_386 ? TASK_LIMIT_32 : TASK_LIMIT_64;
	struct vdso_remap_range span = group_span(info);
	struct hole_search search = {
		.size = span.end - span.start,
		.text_off = group_text(info)->start - span.start,
		.near = avoid->start,
		.best_dist = NEAR_REACH - VDSO_REMAP_MAX_IMAGE_SIZE - (span.end - span.start),
	};
	uint64_t lo = LOWEST_ADDR, hi, stack_limit;
	struct rlimit stack = { 0 };
	size_t i;

	/* stacks without a limit: leave what a large one would need */
	prlimit(pid, RLIMIT_STACK, NULL, &stack);
	stack_limit = stack.rlim_cur > HEAP_ROOM ? HEAP_ROOM : stack.rlim_cur;
	for (i = 0; i <= maps->nr && lo < limit; i++) {
		const struct mapping *next = i < maps->nr ? &maps->items[i] : NULL;

		hi = next && next->start < limit ? next->start : limit;
		if (next && !strcmp(next->name, "[stack]"))
			hi = next->end - stack_limit - STACK_GAP;
		if (hi > lo)
			consider_around(&search, lo, hi, avoid);
		if (!next)
			break;
		lo = next->end;
		if (!strcmp(next->name, "[heap]"))
			lo += HEAP_ROOM;
	}
	return search.best_text;
}

int group_complain(int err, const char *what, pid_t pid, pid_t busy_tid)
{
	switch (err) {
	case -ESRCH:
		return complain("%s: process %d is gone or not stopped", what, pid);
	case -EPERM:
		return complain("%s: not allowed for process %d: the new place is below "
				"vm.mmap_min_addr, or a mapping is sealed. For a sealed "
				"vDSO it takes --unseal, CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN, "
				"and the module's parameter allow_unseal=1", what, pid);
	case -ENOENT:
		return complain("%s: process %d has no vDSO: was it unmapped, or the kernel booted "
				"with vdso=0?", what, pid);
	case -EUCLEAN:
		return complain("%s: process %d has parts of a vDSO only. "
				"'vdsoctl info -p %d' shows them", what, pid, pid);
	case -EEXIST:
		return complain("%s: something is mapped at the new place in process %d. "
				"See /proc/%d/maps", what, pid, pid);
	case -EBUSY:
		return complain("%s: thread %d of process %d is in the way: it runs, or stands "
				"inside the vDSO. Try again", what, busy_tid, pid);
	case -EINVAL:
		return complain("%s: the address is not page aligned, is outside of what process "
				"%d may use, or overlaps its vDSO", what, pid);
	case -ENOTTY:
	case -E2BIG:
		return complain("%s: the loaded module does not know this. Is it older than "
				"vdsoctl?", what);
	default:
		return complain("%s: process %d: %s", what, pid, strerror(-err));
	}
}
