// SPDX-License-Identifier: GPL-2.0
/*
 * What a 64-bit tracer does to a process of arm. It makes its system calls outside of the vDSO,
 * and its signal handlers return through a page of their own.
 */
#include "vm/compat32.h"

static struct t_vma find_sigpage(pid_t pid)
{
	const struct t_vma *vma = t_maps_read(&maps, pid) ? t_maps_find(&maps, "[sigpage]") : NULL;

	return vma ? *vma : (struct t_vma){ 0 };
}

TEST_F(compat32, leaves_its_trampolines_where_they_are)
{
	struct t_vma before, after;

	learn(_metadata, self, "wait");
	before = find_sigpage(self->pid);
	ASSERT_NE(0, before.start);
	ASSERT_EQ(0, move(self, PLACE));
	after = find_sigpage(self->pid);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	ASSERT_TRUE(set_auxv_of(self->pid, PLACE, &self->parsed));
	ASSERT_TRUE(falls_asleep(self->pid));
	EXPECT_TRUE(ends_well(self->pid, SIGUSR1));
}

TEST_F(compat32, is_moved_while_it_sleeps)
{
	learn(_metadata, self, "wait");
	ASSERT_TRUE(falls_asleep(self->pid));
	ASSERT_EQ(0, move(self, PLACE));
	EXPECT_TRUE(has_group_at(self, PLACE));
	/* Back, or it would not find it. */
	ASSERT_EQ(0, move(self, self->info.vdso));
	EXPECT_TRUE(ends_well(self->pid, SIGUSR1));
}

static bool is_inside(FIXTURE_DATA(compat32) *self)
{
	uint64_t ip = t_get_reg(self->pid, VDSO_REG_IP);

	return ip >= self->info.vdso && ip < self->info.vdso + self->size;
}

/* From wherever it is inside, and its answers are right. */
TEST_F_TIMEOUT(compat32, is_brought_out_of_the_vdso, 240)
{
	unsigned int nr_out = 0, nr_slow = 0, left = 0;
	int status, sig = SIGUSR1, ret;
	struct vdso_remap_range text;

	learn(_metadata, self, "wait");
	if (getenv("STEPS_ARE_SLOW"))
		SKIP(return, "steps are slow: the clock functions start again and again");
	text.start = self->info.vdso;
	text.end = text.start + self->size;
	ASSERT_TRUE(falls_asleep(self->pid));
	EXPECT_EQ(0, vdso_remap_evict(self->pid, &text, 1, 0));
	srandom(1);
	while (nr_out + nr_slow < (nr_out ? 60 : 200)) {
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, NULL, sig));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, __WALL));
		ASSERT_TRUE(WIFSTOPPED(status));
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (sig || !is_inside(self) || left--)
			continue;
		left = random() % 32;
		ret = vdso_remap_evict(self->pid, &text, 1, 300);
		/* on a slow machine the clock ticks in the middle, and its functions start again */
		if (ret == -ETIME) {
			nr_slow++;
			continue;
		}
		ASSERT_LT(0, ret);
		ASSERT_FALSE(is_inside(self));
		nr_out++;
	}
	EXPECT_TRUE(ends_well(self->pid, 0));
	EXPECT_LT(0, nr_out);
	TH_LOG("out %u times, %u times too slow", nr_out, nr_slow);
}

TEST_F_TIMEOUT(compat32, is_found_in_a_handler_that_returns_to_the_vdso, 120)
{
	struct vdso_remap_handler handler = { 0 };
	struct vdso_remap_range text;
	int status, sig = SIGUSR1;
	uint64_t ip;

	learn(_metadata, self, "wait");
	text.start = self->info.vdso;
	text.end = text.start + self->size;
	ASSERT_TRUE(falls_asleep(self->pid));
	do {
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, NULL, sig));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, __WALL));
		ASSERT_TRUE(WIFSTOPPED(status));
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	} while (sig || !is_inside(self));
	ip = t_get_reg(self->pid, VDSO_REG_IP);
	EXPECT_EQ(0, vdso_remap_find_handlers(self->pid, &text, 1, &handler, 1));
	ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, self->pid, NULL, SIGUSR1));
	ASSERT_TRUE(wait_for_stop(self->pid, SIGTRAP));
	ASSERT_EQ(1, vdso_remap_find_handlers(self->pid, &text, 1, &handler, 1));
	EXPECT_EQ(ip, handler.addr);
	EXPECT_FALSE(handler.at_syscall);
	EXPECT_TRUE(ends_well(self->pid, 0));
}

TEST_HARNESS_MAIN
