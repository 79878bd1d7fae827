// SPDX-License-Identifier: GPL-2.0
/* MAP while the kind of vDSO that the process gets changes: arch_prctl() says which one. */
#include <asm/prctl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "lib/clock.h"
#include "lib/device.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/vdso.h"

/* The process's kind of vDSO, and with it the size, changes from moment to moment. */
static void *change_kind(void *arg)
{
	const bool *stop = arg;
	void *addr = (void *)0x10000000;

	for (int turn = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); turn++) {
		int kind = turn % 2 ? ARCH_MAP_VDSO_64 : ARCH_MAP_VDSO_32;

		if (syscall(SYS_arch_prctl, kind, addr) > 0)
			munmap(addr, 0x20000);
	}
	return NULL;
}

TEST(keeps_within_the_limit_while_the_kind_of_vdso_changes)
{
	struct vdso_remap_map req = { .size = sizeof(req) };
	uint64_t limit = t_task_limit(), start;
	time_t end = t_uptime() + 5;
	static struct t_maps maps;
	struct t_group group;
	unsigned int given = 0;
	bool stop = false;
	pthread_t thread;
	int fd = t_open();

	ASSERT_TRUE(t_maps_read(&maps, 0));
	ASSERT_TRUE(t_group_find(&group, &maps));
	ASSERT_EQ(0, munmap((void *)group.start, group.end - group.start));
	if (syscall(SYS_arch_prctl, ARCH_MAP_VDSO_32, 0x10000000) <= 0)
		SKIP(return, "this kernel has no ARCH_MAP_VDSO_32 (CHECKPOINT_RESTORE)");
	munmap((void *)0x10000000, 0x20000);
	req.addr = limit - (group.end - group.text);
	start = req.addr - (group.text - group.start);
	ASSERT_EQ(0, pthread_create(&thread, NULL, change_kind, &stop));
	while (t_uptime() < end) {
		if (t_ioctl(fd, VDSO_REMAP_MAP, &req))
			continue;
		given++;
		ASSERT_TRUE(t_maps_read(&maps, 0));
		for (unsigned int i = 0; i < maps.nr; i++) {
			if (t_is_special(&maps.vma[i]))
				ASSERT_GE(limit, maps.vma[i].end);
		}
		ASSERT_EQ(0, munmap((void *)start, limit - start));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(0, given);
}

TEST_HARNESS_MAIN
