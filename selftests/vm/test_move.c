// SPDX-License-Identifier: GPL-2.0
/* MOVE of the caller's own group: where it may go, what it keeps, when it is refused. */
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "arch/test.h"
#include "lib/clock.h"
#include "lib/device.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/timens.h"
#include "lib/vdso.h"

/*
 * group: where it is at the start
 * span: its size
 * req: of a move that is possible, to a hole with room for a group on both sides
 */
FIXTURE(move) {
	struct t_group group;
	uint64_t span;
	struct vdso_remap_move req;
};

static struct t_state state;	/* what is to be expected */

FIXTURE_SETUP(move)
{
	ASSERT_TRUE(t_state_capture(&state, t_open(), 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	self->span = self->group.end - self->group.start;
	memset(&self->req, 0, sizeof(self->req));
	self->req.size = sizeof(self->req);
	self->req.addr = t_group_hole_with_room(self->span);
}

FIXTURE_TEARDOWN(move)
{
}

/* Where the areas of a group with its text at addr begin and end. */
static uint64_t start_of(const FIXTURE_DATA(move) *self, uint64_t addr)
{
	return addr - (self->group.text - self->group.start);
}

static uint64_t end_of(const FIXTURE_DATA(move) *self, uint64_t addr)
{
	return start_of(self, addr) + self->span;
}

/* Moves; afterwards everything is as it was, but for the group's place. */
static bool moves(FIXTURE_DATA(move) *self)
{
	int ret = t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->req);

	if (ret)
		t_note("MOVE to %llx: %s", self->req.addr, strerror(-ret));
	t_state_move(&state, self->req.addr);
	return t_state_is(&state) && !ret;
}

static bool moves_to(FIXTURE_DATA(move) *self, uint64_t addr)
{
	self->req.addr = addr;
	return moves(self);
}

static bool refused(FIXTURE_DATA(move) *self, int error)
{
	if (!t_refused(&state, error, VDSO_REMAP_MOVE, &self->req)) {
		t_note("that was MOVE to %llx", self->req.addr);
		return false;
	}
	return true;
}

static bool refused_at(FIXTURE_DATA(move) *self, int error, uint64_t addr)
{
	self->req.addr = addr;
	return refused(self, error);
}

/* At exactly this address; state follows. */
static char *map_at(uint64_t addr, size_t size)
{
	char *map = mmap((void *)addr, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (map == (void *)addr && t_maps_read(&state.maps, 0))
		return map;
	t_note("no mapping at %" PRIx64 ": %s", addr, strerror(errno));
	exit(1);
}

static void unmap(uint64_t addr, size_t size)
{
	if (munmap((void *)addr, size) || !t_maps_read(&state.maps, 0))
		exit(1);
}

static unsigned long read_sysctl(const char *path)
{
	char buf[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		exit(1);
	close(fd);
	return strtoul(buf, NULL, 10);
}

static void write_file(const char *path, const char *format, unsigned long value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || dprintf(fd, format, value) <= 0) {
		t_note("%s: %s", path, strerror(errno));
		exit(1);
	}
	close(fd);
}

/* Places */

TEST_F(move, takes_the_whole_group_and_nothing_else)
{
	EXPECT_TRUE(moves(self));
	EXPECT_EQ(0, self->req.busy_tid);
}

TEST_F(move, there_and_back)
{
	EXPECT_TRUE(moves(self));
	EXPECT_TRUE(moves_to(self, self->group.text));
}

TEST_F(move, fifty_times)
{
	unsigned int i;

	for (i = 0; i < 50; i++)
		ASSERT_TRUE(moves_to(self, T_IMAGE_ADDR + i * 0x1001000ULL));
}

TEST_F(move, right_beside_its_old_place)
{
	ASSERT_TRUE(moves(self));
	EXPECT_TRUE(moves_to(self, self->req.addr + self->span));
	EXPECT_TRUE(moves_to(self, self->req.addr - self->span));
}

TEST_F(move, between_two_mappings_without_a_gap)
{
	map_at(start_of(self, self->req.addr) - T_PAGE, T_PAGE);
	map_at(end_of(self, self->req.addr), T_PAGE);
	EXPECT_TRUE(moves(self));
}

TEST_F(move, to_the_lowest_place_but_no_lower)
{
	uint64_t lowest = t_lowest_addr() + self->group.text - self->group.start;

	EXPECT_TRUE(refused_at(self, t_low_addr_error(t_lowest_addr() - T_PAGE),
			       lowest - T_PAGE));
	EXPECT_TRUE(moves_to(self, lowest));
}

TEST_F(move, to_the_highest_place_but_no_higher)
{
	uint64_t highest = t_task_limit() - (self->group.end - self->group.text);

	EXPECT_TRUE(refused_at(self, EINVAL, highest + T_PAGE));
	if (!t_is_free(&state.maps, start_of(self, highest), t_task_limit()))
		SKIP(return, "the stack has come to lie there");
	EXPECT_TRUE(moves_to(self, highest));
}

/* What a move keeps, and what goes on afterwards */

TEST_F(move, then_fork)
{
	int status;

	ASSERT_TRUE(moves(self));
	if (!fork())
		_exit(t_state_is(&state) && !t_move_own(self->group.text) &&
		      t_time_between_syscalls(self->group.text) ? 0 : 1);
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(t_state_is(&state));
}

TEST_F(move, then_exec)
{
	int status;

	ASSERT_TRUE(moves(self));
	if (!fork()) {
		execlp("date", "date", "+# it is %s", NULL);
		_exit(1);
	}
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
}

static int signals;

static void count_signal(int sig)
{
	signals++;
}

TEST_F(move, then_signal)
{
	ASSERT_TRUE(signal(SIGUSR1, count_signal) != SIG_ERR);
	ASSERT_TRUE(moves(self));
	EXPECT_EQ(0, raise(SIGUSR1));
	EXPECT_EQ(1, signals);
}

static long moved_in_handler = -1;
static sigjmp_buf interrupted;

static void move_in_handler(int sig, siginfo_t *info, void *context)
{
	moved_in_handler = t_move_own((uintptr_t)info->si_value.sival_ptr);
#if T_SIGRETURN_IS_IN_VDSO
	/* It would return to the trampoline that was in the vDSO at its old place. */
	siglongjmp(interrupted, 1);
#endif
}

TEST_F(move, in_signal_handler)
{
	struct sigaction action = { .sa_sigaction = move_in_handler, .sa_flags = SA_SIGINFO };
	union sigval value = { .sival_ptr = (void *)self->req.addr };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	if (!sigsetjmp(interrupted, 1))
		ASSERT_EQ(0, sigqueue(getpid(), SIGUSR1, value));
	EXPECT_EQ(0, moved_in_handler);
	t_state_move(&state, self->req.addr);
	EXPECT_TRUE(t_state_is(&state));
}

/* A time namespace has another data page behind the same mapping. */

TEST_F(move, inside_time_namespace)
{
	int status;

	if (!t_timens_exist()) {
		ASSERT_FALSE(t_kernel_must_have("timens"));
		SKIP(return, "this kernel has no time namespaces");
	}
	ASSERT_TRUE(t_timens_create());
	if (!fork())
		_exit(t_uptime() > T_TIMENS_OFFSET && moves(self) ? 0 : 1);
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
}

TEST_F(move, then_enter_time_namespace)
{
	if (!t_timens_exist()) {
		ASSERT_FALSE(t_kernel_must_have("timens"));
		SKIP(return, "this kernel has no time namespaces");
	}
	ASSERT_TRUE(t_timens_create());
	ASSERT_TRUE(moves(self));
	ASSERT_TRUE(t_timens_enter());
	EXPECT_LT(T_TIMENS_OFFSET, t_uptime());
	EXPECT_TRUE(t_state_is(&state));
}

TEST_F(move, keeps_private_page_and_shares_the_others)
{
	uint64_t last = self->group.end - 1;
	const uint8_t breakpoint = T_TRAP_BYTE;

	ASSERT_TRUE(t_mem_write(0, last, &breakpoint, 1));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	ASSERT_EQ(breakpoint, state.text[state.nr_text - 1]);

	EXPECT_TRUE(moves(self));
	EXPECT_TRUE(t_page_is_private(end_of(self, self->req.addr) - T_PAGE));
	if (self->group.end - self->group.text > T_PAGE)
		EXPECT_FALSE(t_page_is_private(self->req.addr));
}

TEST_F(move, keeps_private_page_of_text_that_can_not_be_read)
{
	size_t size = self->group.end - self->group.text;
	const uint8_t breakpoint = T_TRAP_BYTE;

	ASSERT_TRUE(t_mem_write(0, self->group.end - 1, &breakpoint, 1));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	ASSERT_EQ(0, mprotect((void *)self->group.text, size, PROT_NONE));
	ASSERT_EQ(0, t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->req));
	ASSERT_EQ(0, mprotect((void *)self->req.addr, size, PROT_READ | PROT_EXEC));
	t_state_move(&state, self->req.addr);
	EXPECT_TRUE(t_state_is(&state));
}

/* Copies the VmFlags line of smaps for what starts at addr. */
static bool read_vm_flags(uint64_t addr, char *flags, size_t size)
{
	char line[256], start[24];
	bool found = false;
	FILE *file;

	file = fopen("/proc/self/smaps", "r");
	if (!file)
		return false;
	snprintf(start, sizeof(start), "%" PRIx64 "-", addr);
	*flags = 0;
	while (!*flags && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, start, strlen(start)))
			found = true;
		if (found && !strncmp(line, "VmFlags:", 8))
			snprintf(flags, size, "%s", line);
	}
	fclose(file);
	return *flags;
}

/* Copies the line of /proc/self/status that starts with name. */
static bool read_status(const char *name, char *line, size_t size)
{
	FILE *file = fopen("/proc/self/status", "r");
	bool found = false;

	while (file && !found && fgets(line, size, file))
		found = !strncmp(line, name, strlen(name));
	if (file)
		fclose(file);
	return found;
}

TEST_F(move, keeps_flags_of_every_area)
{
	size_t size = self->group.end - self->group.text;
	char want[VDSO_REMAP_MAX_AREAS][256], have[256];
	unsigned int i;

	ASSERT_EQ(0, mprotect((void *)self->group.text, size, PROT_READ | PROT_WRITE | PROT_EXEC));
	ASSERT_EQ(0, madvise((void *)self->group.text, size, MADV_DONTFORK));
	for (i = 0; i < state.info.nr_areas; i++)
		ASSERT_TRUE(read_vm_flags(state.info.areas[i].start, want[i], sizeof(want[i])));
	EXPECT_NE(NULL, strstr(want[i - 1], " dc "));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));

	EXPECT_TRUE(moves(self));
	for (i = 0; i < state.info.nr_areas; i++) {
		ASSERT_TRUE(read_vm_flags(state.info.areas[i].start, have, sizeof(have)));
		EXPECT_STREQ(want[i], have);
	}
}

/* Kernels before 5.18 lock special mappings then, but do not count them. */
TEST_F(move, does_not_touch_the_count_of_locked_pages)
{
	char before[64] = "", after[64] = "";

	ASSERT_EQ(0, mlockall(MCL_FUTURE));
	ASSERT_TRUE(read_status("VmLck:", before, sizeof(before)));
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_EQ(0, t_move_own(t_group_hole()));
	ASSERT_TRUE(read_status("VmLck:", after, sizeof(after)));
	EXPECT_STREQ(before, after);
}

TEST_F(move, by_plain_user_who_was_handed_the_device)
{
	int status;

	if (!fork())
		_exit(!setuid(65534) && !t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->req) &&
		      t_time_between_syscalls(self->req.addr) ? 0 : 1);
	ASSERT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
}

/* Refusals by the number alone */

TEST_F(move, refuses_unaligned_addr)
{
	EXPECT_TRUE(refused_at(self, EINVAL, self->req.addr + 1));
	EXPECT_TRUE(refused_at(self, EINVAL, self->req.addr - 1 - T_PAGE / 2));
}

TEST_F(move, refuses_addr_0)
{
	EXPECT_TRUE(refused_at(self, EINVAL, 0));
}

TEST_F(move, refuses_data_that_wraps_below_0)
{
	EXPECT_TRUE(refused_at(self, EINVAL, self->group.text - self->group.start - T_PAGE));
}

TEST_F(move, refuses_data_at_0)
{
	EXPECT_TRUE(refused_at(self, t_low_addr_error(0), self->group.text - self->group.start));
}

/* The text alone would be high enough. */
TEST_F(move, refuses_data_below_mmap_min_addr)
{
	const uint64_t lowest = t_lowest_addr(), data = self->group.text - self->group.start;
	const uint64_t addr = lowest > data ? lowest : data;

	EXPECT_TRUE(refused_at(self, t_low_addr_error(addr - data), addr));
}

TEST_F(move, refuses_text_that_wraps)
{
	EXPECT_TRUE(refused_at(self, EINVAL, ~0ULL - (T_PAGE - 1)));
}

TEST_F(move, refuses_kernel_addresses)
{
	EXPECT_TRUE(refused_at(self, EINVAL, 0xffffffff81000000ULL));
	EXPECT_TRUE(refused_at(self, EINVAL, 1ULL << 63));
}

TEST_F(move, refuses_its_own_place)
{
	EXPECT_TRUE(refused_at(self, EINVAL, self->group.text));
}

TEST_F(move, refuses_overlap_with_old_place)
{
	ASSERT_TRUE(moves(self));
	self->group.text = self->req.addr;
	EXPECT_TRUE(refused_at(self, EINVAL, self->group.text + T_PAGE));
	EXPECT_TRUE(refused_at(self, EINVAL, self->group.text - T_PAGE));
	EXPECT_TRUE(refused_at(self, EINVAL, self->group.text + self->span - T_PAGE));
	EXPECT_TRUE(refused_at(self, EINVAL, self->group.text - self->span + T_PAGE));
	self->req.flags = VDSO_REMAP_MOVE_REPLACE;
	EXPECT_TRUE(refused_at(self, EINVAL, self->group.text + self->span - T_PAGE));
	EXPECT_TRUE(refused_at(self, EINVAL, self->group.text));
}

/* What is in the way */

TEST_F(move, refuses_or_replaces_a_mapping_at_each_page)
{
	uint64_t place = self->req.addr, home = self->group.text, page;

	for (page = start_of(self, place); page < end_of(self, place); page += T_PAGE) {
		map_at(page, T_PAGE);
		self->req.flags = 0;
		ASSERT_TRUE(refused_at(self, EEXIST, place));

		self->req.flags = VDSO_REMAP_MOVE_REPLACE;
		t_state_unmap(&state, page, page + T_PAGE);
		ASSERT_TRUE(moves_to(self, place));
		self->req.flags = 0;
		ASSERT_TRUE(moves_to(self, home));
	}
}

TEST_F(move, replaces_several_mappings_at_once)
{
	uint64_t start = start_of(self, self->req.addr), page;

	for (page = start; page < start + self->span; page += 2 * T_PAGE)
		map_at(page, T_PAGE);
	EXPECT_TRUE(refused(self, EEXIST));
	t_state_unmap(&state, start, start + self->span);
	self->req.flags = VDSO_REMAP_MOVE_REPLACE;
	EXPECT_TRUE(moves(self));
}

TEST_F(move, replaces_nothing)
{
	self->req.flags = VDSO_REMAP_MOVE_REPLACE;
	EXPECT_TRUE(moves(self));
}

TEST_F(move, replaces_only_the_half_that_is_in_the_way)
{
	uint64_t start = start_of(self, self->req.addr), end = end_of(self, self->req.addr);
	char *below = map_at(start - T_PAGE, 2 * T_PAGE);
	char *above = map_at(end - T_PAGE, 2 * T_PAGE);

	below[0] = 'b';
	above[T_PAGE] = 'a';
	t_state_unmap(&state, start, end);
	self->req.flags = VDSO_REMAP_MOVE_REPLACE;
	EXPECT_TRUE(moves(self));
	EXPECT_EQ('b', below[0]);
	EXPECT_EQ('a', above[T_PAGE]);
}

TEST_F(move, replaces_the_middle_of_a_mapping)
{
	uint64_t start = start_of(self, self->req.addr), end = end_of(self, self->req.addr);
	char *map = map_at(start - T_PAGE, self->span + 2 * T_PAGE);

	map[0] = 'b';
	map[T_PAGE + self->span] = 'a';
	t_state_unmap(&state, start, end);
	self->req.flags = VDSO_REMAP_MOVE_REPLACE;
	EXPECT_TRUE(moves(self));
	EXPECT_EQ('b', map[0]);
	EXPECT_EQ('a', map[T_PAGE + self->span]);
}

#define MAX_MAP_COUNT	"/proc/sys/vm/max_map_count"

/* MOVE while the caller has as many mappings as are allowed. */
static int move_at_map_limit(FIXTURE_DATA(move) *self)
{
	/* what the kernel lists, but does not count */
	unsigned int nr = state.maps.nr - !!t_maps_find(&state.maps, "[vsyscall]") -
			  !!t_maps_find(&state.maps, "[vectors]");
	unsigned long saved = read_sysctl(MAX_MAP_COUNT);
	int ret;

	write_file(MAX_MAP_COUNT, "%lu\n", nr);
	ret = t_ioctl(state.fd, VDSO_REMAP_MOVE, &self->req);
	write_file(MAX_MAP_COUNT, "%lu\n", saved);
	return ret;
}

TEST_F(move, changes_nothing_when_replacing_needs_one_mapping_too_many)
{
	map_at(start_of(self, self->req.addr) - T_PAGE, self->span + 2 * T_PAGE);
	self->req.flags = VDSO_REMAP_MOVE_REPLACE;
	EXPECT_EQ(-ENOMEM, move_at_map_limit(self));
	EXPECT_TRUE(t_state_is(&state));

	t_state_unmap(&state, start_of(self, self->req.addr), end_of(self, self->req.addr));
	EXPECT_TRUE(moves(self));
}

TEST_F(move, into_a_hole_needs_no_more_mappings)
{
	EXPECT_EQ(0, move_at_map_limit(self));
	t_state_move(&state, self->req.addr);
	EXPECT_TRUE(t_state_is(&state));
}

/* Processes that have no whole group */

TEST_F(move, refuses_process_without_vdso)
{
	unmap(self->group.start, self->span);
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_TRUE(refused(self, ENOENT));
}

TEST_F(move, refuses_data_without_text)
{
	unmap(self->group.text, self->group.end - self->group.text);
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_TRUE(refused(self, EUCLEAN));
}

TEST_F(move, refuses_text_without_data)
{
	unmap(self->group.start, self->group.text - self->group.start);
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_TRUE(refused(self, EUCLEAN));
}

TEST_F(move, refuses_displaced_data)
{
	const struct t_vma *data = t_maps_find(&state.maps, "[vvar]");
	uint64_t place = t_hole(self->span);
	size_t size = data->end - data->start;

	ASSERT_EQ((void *)place, mremap((void *)data->start, size, size,
					MREMAP_MAYMOVE | MREMAP_FIXED, place));
	ASSERT_TRUE(t_state_capture(&state, state.fd, 0));
	EXPECT_TRUE(refused(self, EUCLEAN));
}

TEST_HARNESS_MAIN
