// SPDX-License-Identifier: GPL-2.0
/*
 * What only 32-bit processes of x86 have: the kernel returns from their system
 * calls and signals into the vDSO, so it must know where that is.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include "arch/test.h"
#include "arch/x86/vsyscall.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/mislead.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso.h"
#include "lib/vdso_calls.h"

#define NEAR	0x1000000ULL

static struct t_state state;	/* what is to be expected */

FIXTURE(trampoline)
{
	int fd;
	struct t_group group;
	uint32_t vsyscall;	/* offset of __kernel_vsyscall */
	struct vdso_remap_image parsed;
	struct vdso_remap_move move;
	struct t_image image;	/* the own one, not yet a proxy */
	struct vdso_remap_plan plan;
	struct vdso_remap_proxy proxy;
};

FIXTURE_SETUP(trampoline)
{
	const void *own;
	size_t size;

	self->fd = t_open();
	self->vsyscall = t_entry_point("__kernel_vsyscall");
	ASSERT_NE(0, self->vsyscall);
	own = t_vdso_image(&size);
	ASSERT_EQ(0, t_parse(&self->parsed, own, size));
	ASSERT_EQ(0, t_make_plan(&self->plan, &self->parsed, &self->parsed,
				 VDSO_REMAP_FORCE_PROXY));
	ASSERT_TRUE(t_image_map(&self->image, T_IMAGE_ADDR, own, size));
	self->move = (struct vdso_remap_move){
		.size = sizeof(self->move),
		.addr = t_group_hole(),
	};
	self->proxy = (struct vdso_remap_proxy){
		.size = sizeof(self->proxy),
		.flags = VDSO_REMAP_PROXY_PARK,
		.nr_sites = self->plan.nr_sites,
		.sites = (uintptr_t)self->plan.sites,
		.image = T_IMAGE_ADDR,
		.image_size = size,
		.addr = T_IMAGE_ADDR + NEAR,
	};
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
}

FIXTURE_TEARDOWN(trampoline)
{
}

/* An ioctl by this __kernel_vsyscall: the kernel has to return to where that is then. */
static int ioctl_through(FIXTURE_DATA(trampoline) *self, uint64_t vsyscall, unsigned long command,
			 void *req)
{
	const struct t_registers want = {
		.eax = SYS_ioctl,
		.ebx = self->fd,
		.ecx = command,
		.edx = (uintptr_t)req,
		.esi = 0x5e5e5e5e,
		.edi = 0xd1d1d1d1,
		.ebp = 0xb0b0b0b0,
	};
	struct t_registers got = want;

	t_call_with((void *)(uintptr_t)vsyscall, &got);
	if (memcmp(&got.ebx, &want.ebx, sizeof(got) - sizeof(got.eax)))
		t_note("ioctl by __kernel_vsyscall: registers are not what they were");
	return got.eax;
}

TEST_F(trampoline, moves_what_it_is_called_through)
{
	const uint64_t there = self->move.addr;

	for (unsigned int i = 0; i < 10; i++) {
		self->move.addr = i % 2 ? self->group.text : there;
		ASSERT_EQ(0, ioctl_through(self, state.info.vdso + self->vsyscall, VDSO_REMAP_MOVE,
					   &self->move));
		t_state_move(&state, self->move.addr);
		EXPECT_TRUE(t_state_is(&state));
		EXPECT_TRUE(t_image_answers(&self->parsed, (void *)(uintptr_t)self->move.addr));
	}
}

TEST_F(trampoline, parks_what_it_is_called_through)
{
	ASSERT_EQ(0, ioctl_through(self, self->group.text + self->vsyscall, VDSO_REMAP_PROXY,
				   &self->proxy));
	t_state_move(&state, self->proxy.addr);
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
	EXPECT_TRUE(t_image_answers(&self->parsed, (void *)(uintptr_t)self->proxy.addr));
}

/* As a restored process does it: through a vDSO that is ordinary memory. */
TEST_F(trampoline, moves_when_called_through_an_image)
{
	const uint64_t image = T_IMAGE_ADDR + self->vsyscall;

	ASSERT_EQ(0, ioctl_through(self, image, VDSO_REMAP_PROXY, &self->proxy));
	t_state_move(&state, self->proxy.addr);
	EXPECT_TRUE(t_state_is(&state));
	ASSERT_EQ(0, ioctl_through(self, image, VDSO_REMAP_MOVE, &self->move));
	t_state_move(&state, self->move.addr);
	EXPECT_TRUE(t_state_is(&state));
}

TEST_F(trampoline, is_refused_and_returns_all_the_same)
{
	self->move.addr++;
	EXPECT_EQ(-EINVAL, ioctl_through(self, self->group.text + self->vsyscall,
					 VDSO_REMAP_MOVE, &self->move));
	EXPECT_TRUE(t_state_is(&state));
}

/*
 * Code of the process's own, at a place where the kernel wrongly believes the vDSO to
 * be: it makes a system call just like __kernel_vsyscall, and counts in edi when that
 * returns to it.
 */
static bool imitate_vsyscall(uint64_t text, uint32_t vsyscall)
{
	static const uint8_t int80[] = { 0xcd, 0x80 };
	static const uint8_t before[] = { 0x51, 0x52, 0x55 };	/* push %ecx, %edx, %ebp */
	/* pop %ebp, %edx, %ecx; inc %edi; ret */
	static const uint8_t behind[] = { 0x5d, 0x5a, 0x59, 0x47, 0xc3 };
	const uint8_t *own, *call;
	uint8_t *copy, *to;
	size_t size;

	own = t_vdso_image(&size);
	call = memmem(own + vsyscall, 64, int80, sizeof(int80));
	copy = mmap((void *)(uintptr_t)text, size, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (!call || (uintptr_t)copy != text)
		return false;
	to = copy + (call - own);
	memset(copy + vsyscall, 0x90, to - (copy + vsyscall));	/* nop */
	memcpy(to - sizeof(before), before, sizeof(before));
	memcpy(to, int80, sizeof(int80));
	memcpy(to + sizeof(int80), behind, sizeof(behind));
	return true;
}

/* Whether a command that is issued there returns to there; its own result. */
static bool comes_back(FIXTURE_DATA(trampoline) *self, uint64_t text, unsigned long command,
		       void *req, int *ret)
{
	struct t_registers regs = {
		.eax = SYS_ioctl,
		.ebx = self->fd,
		.ecx = command,
		.edx = (uintptr_t)req,
	};

	t_call_with((void *)(uintptr_t)(text + self->vsyscall), &regs);
	*ret = regs.eax;
	return regs.edi == 1;
}

TEST_F_TIMEOUT(trampoline, leaves_a_caller_that_is_only_where_the_kernel_believes_the_text, 120)
{
	uint64_t believed;
	int ret;

	ASSERT_TRUE(t_mislead_kernel());
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	believed = state.info.vdso;
	ASSERT_TRUE(imitate_vsyscall(believed, self->vsyscall));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	EXPECT_TRUE(comes_back(self, believed, VDSO_REMAP_MOVE, &self->move, &ret));
	EXPECT_EQ(0, ret);
	t_state_move(&state, self->move.addr);
	EXPECT_TRUE(t_state_is(&state));
}

TEST_F_TIMEOUT(trampoline, parks_without_a_caller_that_is_only_where_the_kernel_believes_it, 120)
{
	uint64_t believed;
	int ret;

	ASSERT_TRUE(t_mislead_kernel());
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	believed = state.info.vdso;
	ASSERT_TRUE(imitate_vsyscall(believed, self->vsyscall));
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	EXPECT_TRUE(comes_back(self, believed, VDSO_REMAP_PROXY, &self->proxy, &ret));
	EXPECT_EQ(0, ret);
	t_state_move(&state, self->proxy.addr);
	EXPECT_TRUE(t_state_is(&state));
	EXPECT_TRUE(t_image_answers(&self->parsed, self->image.addr));
}

/* What the kernel is told about a handler, without a libc that has its own trampolines. */
struct handler {
	void (*handle)(int sig);
	unsigned long flags;
	const void *restorer;
	uint64_t mask;
};

static volatile uintptr_t returned_to;

static void handle(int sig)
{
	returned_to = (uintptr_t)__builtin_return_address(0);
}

/* Where a handler returns to by what the kernel itself put on its stack. */
static uintptr_t where_a_handler_returns(unsigned long flags)
{
	struct handler handler = { .handle = handle, .flags = flags };

	returned_to = 0;
	if (syscall(SYS_rt_sigaction, SIGUSR1, &handler, NULL, sizeof(handler.mask)) ||
	    kill(getpid(), SIGUSR1))
		return 0;
	return returned_to;
}

static bool returns_into(uint64_t text)
{
	uintptr_t plain = where_a_handler_returns(0), rt = where_a_handler_returns(SA_SIGINFO);

	if (plain == text + t_entry_point("__kernel_sigreturn") &&
	    rt == text + t_entry_point("__kernel_rt_sigreturn"))
		return true;
	t_note("handlers return to %lx and %lx, the text is at %llx", (unsigned long)plain,
	       (unsigned long)rt, (unsigned long long)text);
	return false;
}

TEST_F(trampoline, returns_from_signals_into_the_vdso_wherever_it_is)
{
	struct vdso_remap_map map = { .size = sizeof(map), .addr = t_group_hole() };

	EXPECT_TRUE(returns_into(self->group.text));
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_MOVE, &self->move));
	EXPECT_TRUE(returns_into(self->move.addr));
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_PROXY, &self->proxy));
	EXPECT_TRUE(returns_into(self->proxy.addr));

	ASSERT_TRUE(t_maps_read(&state.maps, 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	ASSERT_EQ(0, munmap((void *)self->group.start, self->group.end - self->group.start));
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_MAP, &map));
	EXPECT_TRUE(returns_into(map.addr));
}

/* A signal that interrupts a system call in __kernel_vsyscall, which is then made again. */
static volatile int nr_alarms;

static void count_alarm(int sig)
{
	nr_alarms++;
}

TEST_F(trampoline, restarts_a_system_call_at_the_new_place)
{
	struct sigaction action = { .sa_handler = count_alarm, .sa_flags = SA_RESTART };
	struct t_registers regs = { .eax = SYS_read };
	int fds[2], status;
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, ioctl_through(self, self->group.text + self->vsyscall, VDSO_REMAP_MOVE,
				   &self->move));
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	pid = fork();
	if (!pid) {
		regs.ebx = fds[0];
		regs.ecx = (uintptr_t)&byte;
		regs.edx = 1;
		t_call_with((void *)(uintptr_t)(self->move.addr + self->vsyscall), &regs);
		_exit(regs.eax == 1 && byte == 'b' && nr_alarms == 3 ? 0 : 1);
	}
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_TRUE(t_wait_for_task_state(pid, "S"));
		ASSERT_EQ(0, kill(pid, SIGUSR1));
		usleep(50000);
	}
	ASSERT_EQ(1, write(fds[1], "b", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Stubs keep what a call has to. */

#define SLOT(n)		((n) * T_SLOT_SIZE)
#define NR_STUBS	VDSO_REMAP_STUB_CLOCK_GETRES_TIME64

TEST(stubs_keep_what_a_call_preserves)
{
	static const unsigned int nr_args[NR_STUBS + 1] = {
		[VDSO_REMAP_STUB_CLOCK_GETTIME] = 2,
		[VDSO_REMAP_STUB_CLOCK_GETRES] = 2,
		[VDSO_REMAP_STUB_GETTIMEOFDAY] = 2,
		[VDSO_REMAP_STUB_TIME] = 1,
		[VDSO_REMAP_STUB_GETCPU] = 3,
		[VDSO_REMAP_STUB_CLOCK_GETTIME64] = 2,
		[VDSO_REMAP_STUB_CLOCK_GETRES_TIME64] = 2,
	};
	struct vdso_remap_site sites[NR_STUBS];
	struct vdso_remap_proxy req = {
		.size = sizeof(req),
		.sites = (uintptr_t)sites,
		.image = T_IMAGE_ADDR,
		.image_size = T_PAGE,
	};
	uint64_t outs[3][2];
	struct t_image image;

	ASSERT_TRUE(t_image_map(&image, T_IMAGE_ADDR, t_image_build(T_PAGE), T_PAGE));
	for (uint32_t stub = 1; stub <= NR_STUBS; stub++) {
		if (nr_args[stub])
			sites[req.nr_sites++] = (struct vdso_remap_site){
				SLOT(stub), T_SLOT_SIZE, VDSO_REMAP_SITE_STUB, stub,
			};
	}
	ASSERT_EQ(0, t_ioctl(t_open(), VDSO_REMAP_PROXY, &req));

	for (uint32_t stub = 1; stub <= NR_STUBS; stub++) {
		const struct t_registers want = {
			.ebx = 0xbbbbbbbb, .esi = 0x5e5e5e5e, .edi = 0xd1d1d1d1, .ebp = 0xb0b0b0b0,
			.args = { (uintptr_t)outs[0], (uintptr_t)outs[1], (uintptr_t)outs[2] },
		};
		struct t_registers got = want;

		if (!nr_args[stub])
			continue;
		if (nr_args[stub] == 2 && stub != VDSO_REMAP_STUB_GETTIMEOFDAY)
			got.args[0] = 1;	/* CLOCK_MONOTONIC */
		if (nr_args[stub] == 3)
			got.args[2] = 0;
		t_call_with(image.addr + SLOT(stub), &got);
		EXPECT_EQ(want.ebx, got.ebx);
		EXPECT_EQ(want.esi, got.esi);
		EXPECT_EQ(want.edi, got.edi);
		EXPECT_EQ(want.ebp, got.ebp);
		if (stub != VDSO_REMAP_STUB_TIME)
			EXPECT_EQ(0, got.eax);
	}
}

/* A 64-bit program, stopped at its start. */
static pid_t start_64bit(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) ? pid : -1;
}

/* To and from where the caller itself could have nothing. */
TEST(moves_a_64bit_process)
{
	struct vdso_remap_info info = { .size = sizeof(info) };
	struct vdso_remap_move move = { .size = sizeof(move), .addr = 1ULL << 40 };
	int fd = t_open(), status;
	pid_t pid = start_64bit();

	ASSERT_LT(0, pid);
	info.pid = pid;
	move.pid = pid;
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(EM_X86_64, info.machine);
	EXPECT_NE(0, info.vdso >> 32);
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_MOVE, &move));
	ASSERT_EQ(0, t_ioctl(fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(move.addr, info.vdso);
	EXPECT_TRUE(info.state & VDSO_REMAP_STATE_PRESENT);

	move.addr = T_IMAGE_ADDR;
	EXPECT_EQ(0, t_ioctl(fd, VDSO_REMAP_MOVE, &move));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

TEST_F(trampoline, does_not_move_when_its_limit_was_lowered)
{
	ASSERT_LE(0, personality(ADDR_LIMIT_3GB));
	EXPECT_TRUE(t_refused(&state, EOPNOTSUPP, VDSO_REMAP_MOVE, &self->move));
	EXPECT_TRUE(t_refused(&state, EOPNOTSUPP, VDSO_REMAP_PROXY, &self->proxy));
	ASSERT_LE(0, personality(PER_LINUX));
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_MOVE, &self->move));
}

TEST_HARNESS_MAIN
