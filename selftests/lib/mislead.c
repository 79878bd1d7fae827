// SPDX-License-Identifier: GPL-2.0
/* See mislead.h. */
#include "lib/memory.h"
#include "lib/mislead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/device.h"
#include "lib/maps.h"
#include "lib/note.h"
#include "lib/vdso.h"

/*
 * A fork copies the kernel's pointer first, and the mappings when it has got the lock.
 * If the text moves in between, the child has it where the pointer does not say.
 */
struct misleading {
	uint64_t place[2];	/* where the text goes by turns */
	size_t size;		/* of it */
	bool *done;		/* shared with the children */
};

static bool move_mapping(uint64_t from, uint64_t to, uint64_t size)
{
	return mremap((void *)from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == (void *)to;
}

static void *move_text(void *arg)
{
	const struct misleading *m = arg;
	unsigned int at = 0;

	while (!__atomic_load_n(m->done, __ATOMIC_RELAXED)) {
		if (!move_mapping(m->place[at], m->place[!at], m->size))
			break;
		at = !at;
	}
	return NULL;
}

/* The data go to where the text is; of this the kernel takes no note. */
static bool join_text(const struct t_maps *maps, uint64_t text)
{
	const uint64_t *sizes;
	unsigned int i, nr = t_group_areas(&sizes);
	uint64_t start = text;

	for (i = 0; i < nr - 1; i++)
		start -= sizes[i];
	for (i = 0; i < maps->nr; i++) {
		const struct t_vma *vma = &maps->vma[i];

		if (!t_is_special(vma) || t_is_text(vma))
			continue;
		if (!move_mapping(vma->start, start, vma->end - vma->start))
			return false;
		start += vma->end - vma->start;
	}
	return start == text;
}

/* The child: exits with this if it is like its parent. */
#define NOT_MISLED	99

static bool is_misled(const struct misleading *m)
{
	struct vdso_remap_info info = { .size = sizeof(info) };
	static struct t_maps maps;
	const struct t_vma *text;
	int fd = t_open();
	int ret = t_ioctl(fd, VDSO_REMAP_GET_INFO, &info);

	close(fd);
	if (ret || !t_maps_read(&maps, 0))
		return false;
	text = t_maps_find(&maps, "[vdso]");
	if (text->start == info.vdso)
		_exit(NOT_MISLED);
	__atomic_store_n(m->done, true, __ATOMIC_RELAXED);
	return join_text(&maps, text->start);
}

bool t_mislead_kernel(void)
{
	struct misleading m = { .place = { t_group_hole(), t_group_hole() } };
	static struct t_maps maps;
	unsigned int tries;
	pthread_t mover;
	int status = 0;
	pid_t pid;

	t_vdso_image(&m.size);
	m.done = mmap(NULL, T_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m.done == MAP_FAILED || !t_maps_read(&maps, 0) ||
	    !move_mapping(t_maps_find(&maps, "[vdso]")->start, m.place[0], m.size) ||
	    pthread_create(&mover, NULL, move_text, &m)) {
		t_note("can't move the text by hand: %s", strerror(errno));
		return false;
	}
	for (tries = 0; tries < 50000; tries++) {
		pid = fork();
		if (!pid)
			return is_misled(&m);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			break;
		if (WIFSIGNALED(status))
			kill(getpid(), WTERMSIG(status));
		if (WEXITSTATUS(status) != NOT_MISLED)
			_exit(WEXITSTATUS(status));
	}
	t_note("no fork has been late in %u", tries);
	return false;
}
