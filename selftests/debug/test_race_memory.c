// SPDX-License-Identifier: GPL-2.0
/* Commands whose process changes its memory meanwhile, or somebody reads it. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/device.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/vdso.h"
#include "race_fixture.h"

static struct t_group any_group(struct race *race)
{
	uint64_t text = race_own_group() ?: race->places[race_below(RACE_NR_PLACES)];

	return (struct t_group){
		.start = text - (race->group.text - race->group.start),
		.text = text,
		.end = text + (race->group.end - race->group.text),
	};
}

/* Does to the group and to the image what a process can do to them. */
static void change_memory_for_ever(void)
{
	while (!race_is_stopped()) {
		struct t_group group = any_group(race_current);
		void *data = (void *)group.start, *text = (void *)group.text;
		size_t data_size = group.text - group.start, text_size = group.end - group.text;
		void *other = (void *)race_current->places[race_below(RACE_NR_PLACES)];

		switch (race_below(12)) {
		case 0:
			munmap(data, group.end - group.start);
			break;
		case 1:
			munmap(race_below(2) ? data : text, T_PAGE);
			break;
		case 2:
			mremap(text, text_size, text_size, MREMAP_MAYMOVE | MREMAP_FIXED, other);
			break;
		case 3:
			mremap(data, data_size, data_size, MREMAP_MAYMOVE | MREMAP_FIXED, other);
			break;
		case 4:
			mprotect(text, T_PAGE, PROT_READ | race_below(2) * PROT_EXEC);
			break;
		case 5:
			madvise(text, text_size, race_below(2) ? MADV_DONTFORK : MADV_DOFORK);
			break;
		case 6:
			mmap(other, T_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			     -1, 0);
			break;
		case 7:
			munmap(race_image.addr + race_below(2) * T_PAGE, T_PAGE);
			break;
		case 8:
			madvise(race_image.addr, race_image.size,
				race_below(2) ? MADV_DONTNEED : MADV_PAGEOUT);
			break;
		case 9:
			mprotect(race_image.addr, race_image.size, PROT_READ |
				 race_below(2) * PROT_EXEC | race_below(2) * PROT_WRITE);
			break;
		default:
			mmap(race_image.addr, race_image.size, PROT_READ | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		}
		race_count(&shared->others);
	}
}

/* Unmaps what is left of a group, as the contract says, and gets a new one. */
static bool repair_group(struct race *race)
{
	struct vdso_remap_info info;
	unsigned int i;

	do {
		memset(&info, 0, sizeof(info));
		info.size = sizeof(info);
		if (t_ioctl(race_fd, VDSO_REMAP_GET_INFO, &info))
			return false;
		for (i = 0; i < info.nr_areas; i++)
			munmap((void *)info.areas[i].start, info.areas[i].size);
	} while (info.nr_areas);
	munmap((void *)(race->places[0] - race->group.text + race->group.start),
	       race->group.end - race->group.start);
	return !race_issue(VDSO_REMAP_MAP, 0, 0, race->places[0], race_busy_only) &&
	       race_own_group_works();
}

TEST_F_TIMEOUT(race, memory_of_group_and_image_changes, RACE_TIMEOUT)
{
	struct race_thread thread;
	pid_t tracer;

	race_current = &self->race;
	ASSERT_TRUE(race_start_thread(&thread, change_memory_for_ever));
	race_tracee = thread.tid;
	tracer = race_spawn(race_stop_and_go, &self->race);
	while (race_goes_on()) {
		race_issue_any(&self->race, 0);
		race_count(&shared->rounds);
	}
	race_stop();
	pthread_join(thread.pthread, NULL);
	race_end(tracer);
	EXPECT_TRUE(race_has_succeeded());
	EXPECT_TRUE(repair_group(&self->race));
}

static void read_all(const char *name)
{
	static char buf[64 << 10];
	char path[64];
	int file;

	snprintf(path, sizeof(path), "/proc/%d/%s", race_tracee, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	while (file >= 0 && read(file, buf, sizeof(buf)) > 0)
		;
	close(file);
}

static void read_for_ever(struct race *race)
{
	static const char *const names[] = {
		"maps", "smaps", "smaps_rollup", "status", "auxv", "maps", "environ",
	};
	static struct t_maps maps;
	static char buf[T_MAX_TEXT];

	for (;;) {
		const uint64_t places[] = {
			race->places[race_below(RACE_NR_PLACES)], D_IMAGE_ADDR,
		};
		uint64_t at = places[race_below(2)];
		struct iovec local = { buf, sizeof(buf) }, remote = { (void *)at, T_PAGE };

		read_all(names[race_below(ARRAY_SIZE(names))]);
		process_vm_readv(race_tracee, &local, 1, &remote, 1, 0);
		if (!t_maps_read(&maps, race_tracee))
			_exit(1);
		for (unsigned int i = 1; i < maps.nr; i++) {
			if (maps.vma[i].start < maps.vma[i - 1].end)
				race_wrong("maps are out of order", i);
		}
		race_count(&shared->others);
	}
}

TEST_F_TIMEOUT(race, others_read_its_maps_and_memory, RACE_TIMEOUT)
{
	pid_t readers[2];

	race_tracee = getpid();
	readers[0] = race_spawn(read_for_ever, &self->race);
	readers[1] = race_spawn(read_for_ever, &self->race);
	while (race_goes_on()) {
		race_move_or_park(&self->race, 0, race_busy_only);
		race_count(&shared->rounds);
	}
	race_end(readers[0]);
	race_end(readers[1]);
	EXPECT_TRUE(race_has_succeeded());
	EXPECT_EQ(0, shared->busy);
	EXPECT_LT(0, shared->others);
	EXPECT_TRUE(race_own_group_works());
}

RACE_HARNESS_MAIN
