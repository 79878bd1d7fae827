// SPDX-License-Identifier: GPL-2.0
/* See maps.h. */
#include "lib/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/note.h"
#include "lib/proc.h"

bool t_maps_read(struct t_maps *maps, pid_t pid)
{
	static char buf[T_MAX_VMAS * 128];
	char *line = buf, *next;

	maps->nr = 0;
	if (t_proc_read(pid, "maps", buf, sizeof(buf)) < 0)
		return false;
	for (; *line; line = next) {
		struct t_vma *vma = &maps->vma[maps->nr];

		next = strchr(line, '\n');
		if (!next || maps->nr == T_MAX_VMAS)
			goto odd;
		*next++ = 0;
		memset(vma, 0, sizeof(*vma));
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %11s %" SCNu64
			   " %70[^\n]", &vma->start, &vma->end, vma->perms, &vma->offset, vma->dev,
			   &vma->inode, vma->name) < 6)
			goto odd;
		maps->nr++;
	}
	return true;

odd:
	t_note("/proc/%d/maps: more than %d lines, or not understood: %s", pid, T_MAX_VMAS, line);
	return false;
}

void t_note_vma(const char *what, const struct t_vma *vma)
{
	t_note("%s %" PRIx64 "-%" PRIx64 " %s %" PRIx64 " %s %" PRIu64 " %s", what, vma->start,
	       vma->end, vma->perms, vma->offset, vma->dev, vma->inode, vma->name);
}

bool t_maps_equal(const struct t_maps *want, const struct t_maps *have)
{
	unsigned int w = 0, h = 0;
	bool equal = true;

	while (w < want->nr || h < have->nr) {
		const struct t_vma *wanted = &want->vma[w], *found = &have->vma[h];

		if (w < want->nr && h < have->nr && !memcmp(wanted, found, sizeof(*wanted))) {
			w++;
			h++;
			continue;
		}
		equal = false;
		if (h == have->nr || (w < want->nr && wanted->start <= found->start)) {
			t_note_vma("not there:", wanted);
			w++;
		} else {
			t_note_vma("not wanted:", found);
			h++;
		}
	}
	return equal;
}

const struct t_vma *t_maps_find(const struct t_maps *maps, const char *name)
{
	unsigned int i;

	for (i = 0; i < maps->nr; i++) {
		if (!strcmp(maps->vma[i].name, name))
			return &maps->vma[i];
	}
	return NULL;
}

bool t_is_text(const struct t_vma *vma)
{
	return !strcmp(vma->name, "[vdso]");
}

bool t_is_special(const struct t_vma *vma)
{
	return t_is_text(vma) || !strcmp(vma->name, "[vvar]") ||
	       !strcmp(vma->name, "[vvar_vclock]");
}

bool t_is_free(const struct t_maps *maps, uint64_t start, uint64_t end)
{
	unsigned int i;

	for (i = 0; i < maps->nr; i++) {
		if (maps->vma[i].start < end && maps->vma[i].end > start)
			return false;
	}
	return true;
}

static uint64_t first_addr(void)
{
	return T_FIRST_ADDR;
}

uint64_t t_lowest_addr(void)
{
	int fd = open("/proc/sys/vm/mmap_min_addr", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	uint64_t addr;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		exit(1);
	close(fd);
	addr = strtoull(text, NULL, 10);
	return addr < first_addr() ? first_addr() : addr;
}

int t_low_addr_error(uint64_t addr)
{
	return addr < first_addr() ? EINVAL : EPERM;
}
