// SPDX-License-Identifier: GPL-2.0
/*
 * vdso_remap_restore() and vdso_remap_query(): every kernel's vDSO. That of the running kernel is
 * proxied only because it is told to.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "lib/clock.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/vdso.h"
#include "lib/vdso_calls.h"
#include "restore.h"

FIXTURE(proxied)
{
	int fd;
	struct t_group group;
	struct t_image image;
	struct vdso_remap_image parsed;
	struct vdso_remap_plan plan;
	struct vdso_remap_restore_args restore;
	struct vdso_remap_error error;
};

T_IMAGE_VARIANTS(proxied);

FIXTURE_SETUP(proxied)
{
	struct vdso_remap_image runtime;
	const void *bytes, *own;
	size_t size, own_size;

	bytes = t_image_read(variant->image, &size);
	self->fd = vdso_remap_open();
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(t_image_map(&self->image, T_IMAGE_ADDR, bytes, size));
	own = t_vdso_image(&own_size);
	ASSERT_EQ(0, t_parse(&runtime, own, own_size));
	ASSERT_EQ(0, t_parse(&self->parsed, bytes, size));
	ASSERT_EQ(0, t_make_plan(&self->plan, &self->parsed, &runtime,
				 VDSO_REMAP_FORCE_PROXY));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	self->error.size = sizeof(self->error);
	self->restore = (struct vdso_remap_restore_args){
		.size = sizeof(self->restore),
		.error = &self->error,
		.fd = self->fd,
		.flags = VDSO_REMAP_FORCE_PROXY,
		.image = T_IMAGE_ADDR,
		.image_size = size,
		.image_data = T_IMAGE_ADDR - DATA_SIZE,
		.image_data_size = DATA_SIZE,
		.park_addr = VDSO_REMAP_PARK_NEAR,
	};
}

FIXTURE_TEARDOWN(proxied)
{
}

static void restores(struct __test_metadata *_metadata, FIXTURE_DATA(proxied) *self)
{
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);

	ASSERT_EQ(0, vdso_remap_query(self->fd, 0, &status));
	EXPECT_EQ(0, status.flags);

	ASSERT_EQ(0, vdso_remap_restore(&self->restore));
	EXPECT_EQ(VDSO_REMAP_PROXIED, self->restore.outcome);
	t_image_expect(&self->image, self->plan.sites, self->plan.nr_sites, self->restore.runtime);
	EXPECT_TRUE(t_image_is_expected(&self->image));
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
	EXPECT_TRUE(t_time_between_syscalls(self->restore.runtime));

	ASSERT_EQ(0, vdso_remap_query(self->fd, 0, &status));
	EXPECT_EQ(self->restore.runtime, status.info.vdso);
	EXPECT_EQ(self->restore.flags & VDSO_REMAP_NO_MARK ? 0 :
		  VDSO_REMAP_STATUS_MARKED | VDSO_REMAP_STATUS_PROXIED, status.flags);
	if (!status.flags)
		return;
	EXPECT_EQ(3, status.mark_version);
	EXPECT_EQ(T_IMAGE_ADDR, status.image.start);
	EXPECT_EQ(T_IMAGE_ADDR + self->restore.image_size, status.image.end);
	EXPECT_EQ(self->restore.image_data, status.image_data.start);
}

static bool is_near(uint64_t a, uint64_t b)
{
	return a - b < T_NEAR_REACH || b - a < T_NEAR_REACH;
}

TEST_F(proxied, parks_near)
{
	restores(_metadata, self);
	EXPECT_TRUE(is_near(T_IMAGE_ADDR, self->restore.runtime));
	EXPECT_TRUE(is_all(self->restore.image_data, DATA_SIZE, 0));
}

#if T_HAS_FAR_JUMPS	/* otherwise everything is near */
TEST_F(proxied, parks_near_where_not_much_is_free)
{
	/* Half of what a jump reaches is taken, on both sides of image and data pages. */
	ASSERT_TRUE(map_at(T_IMAGE_ADDR + self->image.size, T_NEAR_REACH / 2, PROT_NONE));
	ASSERT_TRUE(map_at(T_IMAGE_ADDR - DATA_SIZE - T_NEAR_REACH / 2, T_NEAR_REACH / 2,
			   PROT_NONE));
	restores(_metadata, self);
	EXPECT_TRUE(is_near(T_IMAGE_ADDR, self->restore.runtime));
}

TEST_F(proxied, parks_far_where_nothing_near_is_free)
{
	ASSERT_TRUE(map_at(T_IMAGE_ADDR + self->image.size, 2 * T_NEAR_REACH, PROT_NONE));
	ASSERT_TRUE(map_at(T_IMAGE_ADDR - DATA_SIZE - 2 * T_NEAR_REACH, 2 * T_NEAR_REACH,
			   PROT_NONE));
	restores(_metadata, self);
	EXPECT_FALSE(is_near(T_IMAGE_ADDR, self->restore.runtime));
}
#endif

TEST_F(proxied, parks_where_it_is_told)
{
	self->restore.park_addr = ELSEWHERE;
	restores(_metadata, self);
	EXPECT_EQ(ELSEWHERE, self->restore.runtime);
}

TEST_F(proxied, does_not_park_when_told_so)
{
	self->restore.park_addr = VDSO_REMAP_PARK_NOT;
	restores(_metadata, self);
	EXPECT_EQ(self->group.text, self->restore.runtime);
}

TEST_F(proxied, writes_no_mark_when_told_so)
{
	self->restore.flags |= VDSO_REMAP_NO_MARK;
	restores(_metadata, self);
}

TEST_F(proxied, knowing_of_no_data_pages)
{
	self->restore.image_data = 0;
	self->restore.image_data_size = 0;
	restores(_metadata, self);
}

TEST_F(proxied, leaves_data_pages_that_are_there)
{
	ASSERT_TRUE(map_at(self->restore.image_data, DATA_SIZE, PROT_READ | PROT_WRITE));
	memset((void *)self->restore.image_data, 0x5a, DATA_SIZE);
	restores(_metadata, self);
	EXPECT_TRUE(is_all(self->restore.image_data, DATA_SIZE, 0x5a));
}

/* The image's data pages were where the runtime vDSO is now. */
TEST_F(proxied, brings_the_group_out_of_the_images_data)
{
	self->restore.image_data = self->group.start;
	self->restore.image_data_size = self->group.text - self->group.start;
	restores(_metadata, self);
	EXPECT_TRUE(is_all(self->restore.image_data, self->restore.image_data_size, 0));
}

TEST_F(proxied, when_the_runtime_vdso_is_split)
{
	if (!split_at(_metadata, self->group.start))
		SKIP(return, NO_SPLIT);
	restores(_metadata, self);
	EXPECT_TRUE(is_near(T_IMAGE_ADDR, self->restore.runtime));
}

/* Its first page has rights of its own, as a checkpoint may have found it. */
TEST_F(proxied, when_the_image_is_in_several_mappings)
{
	ASSERT_EQ(0, mprotect(self->image.addr, T_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	restores(_metadata, self);
}

TEST_F(proxied, takes_few_system_calls)
{
	int calls = count_system_calls(&self->restore, VDSO_REMAP_PROXIED);

	EXPECT_LT(0, calls);
	EXPECT_GE(12, calls);
	t_note("proxied: %d system calls", calls);
}

TEST_F(proxied, is_not_restored_a_second_time)
{
	restores(_metadata, self);
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	fails(_metadata, &self->image, -EALREADY, &self->restore);
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
}

/* Maps the image again, elsewhere, with these bytes replaced wherever they stand. */
static void map_altered(struct __test_metadata *_metadata, FIXTURE_DATA(proxied) *self,
			const void *from, const void *to, size_t len)
{
	size_t size = self->image.size;
	uint8_t *bytes = malloc(size), *at;
	unsigned int nr = 0;

	memcpy(bytes, self->image.pristine, size);
	while ((at = memmem(bytes, size, from, len))) {
		memcpy(at, to, len);
		nr++;
	}
	ASSERT_NE(0, nr);
	ASSERT_TRUE(t_image_map(&self->image, ELSEWHERE, bytes, size));
	self->restore.image = ELSEWHERE;
	self->restore.image_data = self->restore.image - DATA_SIZE;
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
}

TEST_F(proxied, names_an_entry_point_that_is_unknown)
{
	map_altered(_metadata, self, "gettimeofday", "gettimeofeon", strlen("gettimeofday"));
	fails(_metadata, &self->image, -ENOTSUP, &self->restore);
	EXPECT_STREQ(T_VDSO "gettimeofeon", self->error.entry_point);

	self->restore.flags |= VDSO_REMAP_ALLOW_UNKNOWN;
	EXPECT_EQ(0, vdso_remap_restore(&self->restore));
}

#if T_HAS_FAR_JUMPS	/* otherwise near jumps reach everything */
/* Of the image; 0 if it has none. */
static uint64_t entry_point(const struct vdso_remap_image *image, const char *name)
{
	uint32_t i;

	for (i = 0; i < image->nr_entry_points; i++)
		if (!strcmp(image->entry_points[i].name, name))
			return image->entry_points[i].off;
	return 0;
}

/*
 * clock_getres, all names of it, begins 12 bytes behind gettimeofday: room for a near jump only.
 * The name without a prefix is an alias, if there is one.
 */
TEST_F(proxied, names_the_first_alias_where_a_far_jump_does_not_fit)
{
	uint64_t from = entry_point(&self->parsed, T_VDSO "clock_getres");
	uint64_t to = entry_point(&self->parsed, T_VDSO "gettimeofday") + 12;
	uint64_t alias = entry_point(&self->parsed, "gettimeofday");

	ASSERT_NE(0, from);
	ASSERT_NE(12, to);
	if (alias)
		ASSERT_EQ(to - 12, alias);
	map_altered(_metadata, self, &from, &to, sizeof(from));
	self->restore.park_addr = VDSO_REMAP_PARK_NOT;
	fails(_metadata, &self->image, -ENOSPC, &self->restore);
	EXPECT_STREQ(T_VDSO "gettimeofday", self->error.entry_point);

	self->restore.park_addr = VDSO_REMAP_PARK_NEAR;
	EXPECT_EQ(0, vdso_remap_restore(&self->restore));
}
#endif

TEST_F(proxied, refuses_what_is_no_image)
{
	map_altered(_metadata, self, "\177ELF", "\177FLE", 4);
	fails(_metadata, &self->image, -ENOEXEC, &self->restore);
}

TEST_F(proxied, refuses_wrong_arguments)
{
	const struct vdso_remap_restore_args valid = self->restore;

	self->restore.flags = 1U << 31;
	fails(_metadata, &self->image, -EINVAL, &self->restore);
	self->restore = valid;
	self->restore.image_size--;
	fails(_metadata, &self->image, -EINVAL, &self->restore);
	self->restore = valid;
	self->restore.image_data++;
	fails(_metadata, &self->image, -EINVAL, &self->restore);
	self->restore = valid;
	self->restore.image_data = self->restore.image;
	fails(_metadata, &self->image, -EINVAL, &self->restore);
	self->restore = valid;
	self->restore.park_addr = ELSEWHERE + 2;
	fails(_metadata, &self->image, -EINVAL, &self->restore);
	self->restore = valid;
	self->restore.fd = -1;
	fails(_metadata, &self->image, -ENODEV, &self->restore);
}

TEST_F(proxied, fails_where_it_cannot_park)
{
	self->restore.park_addr = T_IMAGE_ADDR;
	fails(_metadata, &self->image, -EINVAL, &self->restore);
	self->restore.park_addr = t_task_limit();
	fails(_metadata, &self->image, -EINVAL, &self->restore);
	self->restore.park_addr = self->group.text - self->group.start;	/* data at 0 */
	fails(_metadata, &self->image, -t_low_addr_error(0), &self->restore);

	self->restore.park_addr = ELSEWHERE;
	ASSERT_TRUE(map_at(ELSEWHERE, T_PAGE, PROT_NONE));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	fails(_metadata, &self->image, -EEXIST, &self->restore);
}

TEST_F(proxied, fails_without_a_group)
{
	ASSERT_EQ(0, munmap((void *)self->group.start, self->group.end - self->group.start));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	fails(_metadata, &self->image, -ENOENT, &self->restore);
}

static void *spin(void *arg)
{
	__atomic_store_n((pid_t *)arg, gettid(), __ATOMIC_RELAXED);
	while (pause())
		;
	return NULL;
}

TEST_F(proxied, names_a_thread_that_could_run)
{
	pthread_t thread;
	pid_t tid = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, spin, &tid));
	while (!__atomic_load_n(&tid, __ATOMIC_RELAXED))
		sched_yield();
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	fails(_metadata, &self->image, -EBUSY, &self->restore);
	EXPECT_EQ(tid, self->error.tid);

	/* Nothing is moved: it need not stand still. */
	self->restore.park_addr = VDSO_REMAP_PARK_NOT;
	restores(_metadata, self);
}

/* By the tracer of a process that stands still: a child, which has the image, too. */
static void by_its_tracer(struct __test_metadata *_metadata, FIXTURE_DATA(proxied) *self, int fd,
			  uint64_t park_addr, int outcome)
{
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		t_raw(SYS_kill, getpid(), SIGSTOP, 0);
		t_raw(SYS_exit_group, !t_image_answers(&self->parsed, self->image.addr), 0, 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, __WALL));
	self->restore.fd = fd;
	self->restore.pid = pid;
	self->restore.park_addr = park_addr;
	EXPECT_EQ(0, vdso_remap_restore(&self->restore)) {
		TH_LOG("stage %u, %s", self->error.stage, self->error.entry_point);
	}
	EXPECT_EQ(outcome, self->restore.outcome);
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(t_image_is_expected(&self->image));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(proxied, by_its_tracer)
{
	by_its_tracer(_metadata, self, self->fd, VDSO_REMAP_PARK_NEAR, VDSO_REMAP_PROXIED);
	EXPECT_TRUE(is_near(T_IMAGE_ADDR, self->restore.runtime));
}

TEST_F(proxied, by_its_tracer_with_the_group_where_it_is)
{
	by_its_tracer(_metadata, self, self->fd, VDSO_REMAP_PARK_NOT, VDSO_REMAP_PROXIED);
	EXPECT_EQ(self->group.text, self->restore.runtime);
}

TEST_F(proxied, by_its_tracer_without_the_module)
{
	by_its_tracer(_metadata, self, -1, VDSO_REMAP_PARK_NEAR, VDSO_REMAP_PROXIED_BY_PTRACE);
	EXPECT_EQ(self->group.text, self->restore.runtime);
}

/* The thread could be inside of the vDSO that would have to be replaced. */
TEST_F(proxied, refuses_a_split_vdso_of_several_threads)
{
	pthread_t thread;
	pid_t tid = 0;

	if (!split_at(_metadata, self->group.start))
		SKIP(return, NO_SPLIT);
	ASSERT_EQ(0, pthread_create(&thread, NULL, spin, &tid));
	while (!__atomic_load_n(&tid, __ATOMIC_RELAXED))
		sched_yield();
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	fails(_metadata, &self->image, -EUCLEAN, &self->restore);
}

TEST_HARNESS_MAIN
