// SPDX-License-Identifier: GPL-2.0
/* See state.h. */
#include "lib/state.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/device.h"
#include "lib/memory.h"
#include "lib/note.h"

static bool read_text(struct t_state *state)
{
	unsigned int i;

	state->nr_text = 0;
	for (i = 0; i < state->maps.nr; i++) {
		const struct t_vma *vma = &state->maps.vma[i];
		size_t size = vma->end - vma->start;

		if (!t_is_text(vma))
			continue;
		if (size > sizeof(state->text) - state->nr_text ||
		    !t_mem_read(state->pid, vma->start, state->text + state->nr_text, size))
			return false;
		state->nr_text += size;
	}
	return true;
}

bool t_state_capture(struct t_state *state, int fd, pid_t pid)
{
	int ret;

	state->fd = fd;
	state->pid = pid;
	memset(&state->info, 0, sizeof(state->info));
	state->info.size = sizeof(state->info);
	state->info.pid = pid;
	ret = t_ioctl(fd, VDSO_REMAP_GET_INFO, &state->info);
	if (ret) {
		t_note("GET_INFO of %d: %s", pid, strerror(-ret));
		return false;
	}
	return t_maps_read(&state->maps, pid) && read_text(state);
}

static bool info_equal(const struct vdso_remap_info *want, const struct vdso_remap_info *have)
{
	unsigned int i;

	if (!memcmp(want, have, sizeof(*want)))
		return true;
	t_note("GET_INFO: vdso %llx, state %x, %u areas; wanted: %llx, %x, %u",
	       have->vdso, have->state, have->nr_areas, want->vdso, want->state, want->nr_areas);
	for (i = 0; i < VDSO_REMAP_MAX_AREAS; i++) {
		if (memcmp(&want->areas[i], &have->areas[i], sizeof(want->areas[i])))
			t_note("GET_INFO: area %u: %llx %llx flags %x; wanted: %llx %llx %x", i,
			       have->areas[i].start, have->areas[i].size, have->areas[i].flags,
			       want->areas[i].start, want->areas[i].size, want->areas[i].flags);
	}
	return false;
}

static bool text_equal(const struct t_state *want, const struct t_state *have)
{
	size_t i;

	for (i = 0; i < want->nr_text && i < have->nr_text; i++) {
		if (want->text[i] == have->text[i])
			continue;
		t_note("[vdso] differs at %zx: %02x, wanted: %02x", i, have->text[i],
		       want->text[i]);
		return false;
	}
	if (want->nr_text == have->nr_text)
		return true;
	t_note("[vdso] has %zu bytes, wanted: %zu", have->nr_text, want->nr_text);
	return false;
}

bool t_state_is(const struct t_state *want)
{
	static struct t_state have;
	bool equal;

	if (!t_state_capture(&have, want->fd, want->pid))
		return false;
	equal = t_maps_equal(&want->maps, &have.maps);
	equal &= info_equal(&want->info, &have.info);
	equal &= text_equal(want, &have);
	if (!equal)
		return false;
	if (want->pid || !(want->info.state & VDSO_REMAP_STATE_PRESENT))
		return true;
	return t_time_between_syscalls(t_text_addr(&want->info));
}

bool t_refused(const struct t_state *before, int error, unsigned long command, void *req)
{
	int ret = t_ioctl(before->fd, command, req);
	bool unchanged = t_state_is(before);

	if (ret != -error)
		t_note("command %lx: %d (%s), wanted: %d (%s)", command, ret, strerror(-ret),
		       -error, strerror(error));
	return unchanged && ret == -error;
}

static int compare_start(const void *a, const void *b)
{
	const struct t_vma *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

void t_state_move(struct t_state *state, uint64_t addr)
{
	uint64_t by = addr - t_text_addr(&state->info);
	unsigned int i;

	for (i = 0; i < state->maps.nr; i++) {
		struct t_vma *vma = &state->maps.vma[i];

		if (t_is_special(vma)) {
			vma->start += by;
			vma->end += by;
		}
	}
	qsort(state->maps.vma, state->maps.nr, sizeof(state->maps.vma[0]), compare_start);
	for (i = 0; i < state->info.nr_areas; i++)
		state->info.areas[i].start += by;
	state->info.vdso = addr;
}

/* Only what has a file shows an offset. */
static void set_start(struct t_vma *vma, uint64_t start)
{
	if (vma->inode)
		vma->offset += start - vma->start;
	vma->start = start;
}

void t_state_unmap(struct t_state *state, uint64_t start, uint64_t end)
{
	static struct t_maps old;
	unsigned int i;

	old = state->maps;
	state->maps.nr = 0;
	for (i = 0; i < old.nr; i++) {
		struct t_vma vma = old.vma[i];

		if (vma.start < start) {
			state->maps.vma[state->maps.nr] = vma;
			if (vma.end > start)
				state->maps.vma[state->maps.nr].end = start;
			state->maps.nr++;
		}
		if (vma.end > end) {
			if (vma.start < end)
				set_start(&vma, end);
			state->maps.vma[state->maps.nr++] = vma;
		}
	}
}
