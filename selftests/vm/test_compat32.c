// SPDX-License-Identifier: GPL-2.0
/* What a 64-bit tracer does to a 32-bit process. */
#include "compat32.h"

TEST_F(compat32, is_reported_as_what_it_is)
{
	unsigned int i, nr = 0;

	learn(_metadata, self, NULL);
	EXPECT_EQ(T32_MACHINE, self->info.machine);
	EXPECT_EQ(32, self->parsed.bits);
	EXPECT_EQ(self->parsed.build_id_size, self->info.build_id_size);
	EXPECT_EQ(0, memcmp(self->parsed.build_id, self->info.build_id, self->info.build_id_size));
	ASSERT_TRUE(t_maps_read(&maps, self->pid));
	for (i = 0; i < maps.nr; i++) {
		if (!t_is_special(&maps.vma[i]))
			continue;
		EXPECT_EQ(maps.vma[i].start, self->info.areas[nr].start);
		EXPECT_EQ(maps.vma[i].end - maps.vma[i].start, self->info.areas[nr].size);
		nr++;
	}
	EXPECT_EQ(nr, self->info.nr_areas);
	EXPECT_TRUE(ends_well(self->pid, 0));
}

TEST_F(compat32, is_moved)
{
	learn(_metadata, self, NULL);
	ASSERT_EQ(0, move(self, PLACE));
	EXPECT_TRUE(has_group_at(self, PLACE));
	ASSERT_TRUE(set_auxv_of(self->pid, PLACE, &self->parsed));
	EXPECT_TRUE(ends_well(self->pid, 0));
}

TEST_F(compat32, is_not_moved_out_of_its_address_space)
{
	learn(_metadata, self, NULL);
	EXPECT_EQ(-EINVAL, move(self, T32_LIMIT - self->size + T_PAGE));
	EXPECT_EQ(-EINVAL, move(self, T32_LIMIT));
	EXPECT_EQ(-EINVAL, move(self, 1ULL << 32));
	EXPECT_EQ(-EINVAL, move(self, (1ULL << 32) + PLACE));
	EXPECT_EQ(-EINVAL, move(self, T_IMAGE_ADDR));
	EXPECT_TRUE(has_group_at(self, self->info.vdso));
	EXPECT_TRUE(ends_well(self->pid, 0));
}

TEST_F(compat32, is_given_a_fresh_group)
{
	struct vdso_remap_map req = { .size = sizeof(req), .addr = PLACE };
	unsigned int i;

	learn(_metadata, self, NULL);
	req.pid = self->pid;
	EXPECT_EQ(-EEXIST, t_ioctl(fd, VDSO_REMAP_MAP, &req));
	for (i = 0; i < self->info.nr_areas; i++) {
		const __u64 args[VDSO_NR_ARGS] = {
			self->info.areas[i].start, self->info.areas[i].size
		};

		ASSERT_EQ(0, inject(self->pid, NR_munmap, args));
	}
	req.addr = 1ULL << 32;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_MAP, &req));
	req.addr = PLACE;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_MAP, &req));
	EXPECT_TRUE(has_group_at(self, PLACE));
	ASSERT_TRUE(set_auxv_of(self->pid, PLACE, &self->parsed));
	EXPECT_TRUE(ends_well(self->pid, 0));
}

TEST_F(compat32, is_moved_while_it_is_in_another_system_call)
{
	learn(_metadata, self, "outside");
	ASSERT_TRUE(falls_asleep(self->pid));
	ASSERT_EQ(0, move(self, PLACE));
	EXPECT_TRUE(has_group_at(self, PLACE));
	/* Back, or its libc would not find it. */
	ASSERT_EQ(0, move(self, self->info.vdso));
	EXPECT_TRUE(has_group_at(self, self->info.vdso));
	EXPECT_TRUE(ends_well(self->pid, SIGUSR1));
}

TEST_F(compat32_image, becomes_a_proxy)
{
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(set_auxv_of(self->tracee.pid, IMAGE, &self->parsed));
	ASSERT_TRUE(falls_asleep(self->tracee.pid));
	EXPECT_TRUE(ends_well(self->tracee.pid, SIGUSR1));
}

TEST_F(compat32_image, becomes_a_proxy_of_the_parked_group)
{
	/* of 64-bit words, as CRIU's code is that restores and dumps such a process */
	const uint64_t mark[] = {
		0x4f53447655495243ULL, IMAGE, 3, IMAGE - 4 * T_PAGE,
		IMAGE + NEAR - (self->tracee.info.vdso - self->tracee.info.areas[0].start),
	};
	uint64_t found[ARRAY_SIZE(mark)];

	self->req.flags = VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_MARK;
	self->req.addr = IMAGE + NEAR;
	self->req.image_data = IMAGE - 4 * T_PAGE;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	ASSERT_TRUE(t_mem_read(self->tracee.pid, IMAGE + NEAR, found, sizeof(found)));
	EXPECT_EQ(0, memcmp(mark, found, sizeof(mark)));
	ASSERT_TRUE(set_auxv_of(self->tracee.pid, IMAGE, &self->parsed));
	ASSERT_TRUE(falls_asleep(self->tracee.pid));
	EXPECT_TRUE(ends_well(self->tracee.pid, SIGUSR1));
}

TEST_F(compat32_image, must_be_within_its_address_space)
{
	self->req.image = (1ULL << 32) + IMAGE;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	self->req.image = T32_LIMIT - self->size + T_PAGE;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
	self->req.image = IMAGE;
	self->req.flags = VDSO_REMAP_PROXY_PARK;
	self->req.addr = (1ULL << 32) + IMAGE;
	EXPECT_EQ(-EINVAL, t_ioctl(fd, VDSO_REMAP_PROXY, &self->req));
}

TEST_F(compat32, is_not_brought_over_a_breakpoint)
{
	struct vdso_regs before, after;
	struct vdso_remap_range text;
	unsigned long word;
	uint64_t ip;

	learn(_metadata, self, NULL);
	text.start = self->info.vdso;
	text.end = text.start + self->size;
	ASSERT_TRUE(t_get_regs(self->pid, &before));
	vdso_regs_set_code(&before, text.start + self->parsed.entry_points[0].off);
	ip = vdso_regs_get(&before, VDSO_REG_IP);
	ASSERT_TRUE(t_mem_read(self->pid, ip, &word, sizeof(word)));
	word = t32_put_trap(word, before.bytes);
	ASSERT_TRUE(t_mem_write(self->pid, ip, &word, sizeof(word)));
	ASSERT_TRUE(t_set_regs(self->pid, &before));
	EXPECT_EQ(-EILSEQ, vdso_remap_evict(self->pid, &text, 1, 0));
	ASSERT_TRUE(t_get_regs(self->pid, &after));
	EXPECT_EQ(vdso_regs_code(&before), vdso_regs_code(&after));
}

TEST_HARNESS_MAIN
