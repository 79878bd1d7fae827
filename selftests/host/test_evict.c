// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_evict(): from whatever instruction of the vDSO, a
 * thread gets out, with right answers and no signal lost. The threads are
 * children that do nothing but call the vDSO and compare with system calls.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include <vdso_remap.h>

/* What parent and child share: the other one writes it. */
static volatile struct shared {
	unsigned long rounds;
	unsigned long wrong;
	int signals[65];
} *shared;

typedef int clock_gettime_fn(clockid_t clock, struct timespec *ts);

static void count_signal(int sig)
{
	shared->signals[sig]++;
}

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

static void call_for_ever(clock_gettime_fn *vdso_clock_gettime)
{
	static const clockid_t clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
	};
	struct timespec before, ts, after;
	unsigned int i;

	for (i = 0;; i++) {
		clockid_t clock = clocks[i % ARRAY_SIZE(clocks)];

		syscall(SYS_clock_gettime, clock, &before);
		if (vdso_clock_gettime(clock, &ts))
			shared->wrong++;
		syscall(SYS_clock_gettime, clock, &after);
		if (ns(&ts) < ns(&before) || ns(&after) < ns(&ts))
			shared->wrong++;
		shared->rounds++;
	}
}

FIXTURE(evict)
{
	struct vdso_remap_range vdso;
	clock_gettime_fn *clock_gettime;
	uint8_t *code;	/* of the child's, to be written here */
	pid_t pid;
};

static uint64_t ip_of(pid_t pid)
{
	return ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), NULL);
}

static uint64_t mask_of(pid_t pid)
{
	uint64_t mask = 0;

	ptrace(PTRACE_GETSIGMASK, pid, sizeof(mask), &mask);
	return mask;
}

static bool inside(FIXTURE_DATA(evict) *self)
{
	uint64_t ip = ip_of(self->pid);

	return ip >= self->vdso.start && ip < self->vdso.end;
}

static bool single_step(pid_t pid)
{
	int status;

	return !ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
}

/* Steps the child into the vDSO, and at most more instructions further in it. */
static bool step_in(FIXTURE_DATA(evict) *self, unsigned int more)
{
	unsigned int i;

	for (i = 0; !inside(self); i++)
		if (i == 100000 || !single_step(self->pid))
			return false;
	while (more-- && inside(self)) {
		if (!single_step(self->pid))
			return false;
		if (!inside(self))	/* it was shorter than that: the next call */
			return step_in(self, 0);
	}
	return inside(self);
}

static bool interrupt(pid_t pid)
{
	int status;

	return !ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
}

/* Which begins there, as /proc/self/maps says; else all zero. */
static struct vdso_remap_range mapping_of(uintptr_t start)
{
	struct vdso_remap_range range = { 0 };
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long first, end;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &first, &end) == 2 && first == start)
			range = (struct vdso_remap_range){ first, end };
	}
	if (maps)
		fclose(maps);
	return range;
}

/* time() raises SIGSYS. */
static void install_filter(void)
{
	struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_time, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { ARRAY_SIZE(instructions), instructions };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		_exit(1);
}

FIXTURE_SETUP(evict)
{
	const void *text = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct vdso_remap_image image;
	struct sigaction count = { .sa_handler = count_signal };
	uint32_t i;

	/* SKIP(return, ...) in a fixture's setup would go on to the test. */
	if (!text)
		SKIP(_exit(255), "this process has no vDSO");
	self->vdso = mapping_of((uintptr_t)text);
	ASSERT_NE(0, self->vdso.end);
	ASSERT_EQ(0, vdso_remap_parse(&image, text, self->vdso.end - self->vdso.start));
	for (i = 0; i < image.nr_entry_points; i++)
		if (!strcmp(image.entry_points[i].name, "__vdso_clock_gettime"))
			self->clock_gettime = (clock_gettime_fn *)
				(self->vdso.start + image.entry_points[i].off);
	ASSERT_NE(0, (uintptr_t)self->clock_gettime);

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	self->code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->code);
	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (!self->pid) {
		install_filter();
		sigaction(SIGSYS, &count, NULL);
		sigaction(SIGUSR1, &count, NULL);
		sigaction(SIGRTMIN, &count, NULL);
		sigaction(SIGTRAP, &count, NULL);
		sigaction(SIGSEGV, &count, NULL);
		call_for_ever(self->clock_gettime);
	}
	while (!shared->rounds)
		usleep(1000);
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->pid, NULL, NULL));
	ASSERT_TRUE(interrupt(self->pid));
}

FIXTURE_TEARDOWN(evict)
{
	if (self->pid > 0) {
		kill(self->pid, SIGKILL);
		waitpid(self->pid, NULL, __WALL);
	}
}

/* The child goes on until it has called the vDSO some more times. */
static bool goes_on_well(FIXTURE_DATA(evict) *self)
{
	unsigned long rounds = shared->rounds;
	int status;

	if (ptrace(PTRACE_CONT, self->pid, NULL, NULL))
		return false;
	while (shared->rounds < rounds + 10) {
		if (waitpid(self->pid, &status, __WALL | WNOHANG)) {
			if (!WIFSTOPPED(status))
				return false;
			/* Its signals, now that it may have them. */
			if (ptrace(PTRACE_CONT, self->pid, NULL,
				   status >> 16 ? 0 : WSTOPSIG(status)))
				return false;
		}
		usleep(100);
	}
	return interrupt(self->pid) && !shared->wrong;
}

TEST_F(evict, gets_out_from_any_instruction)
{
	uint64_t mask = mask_of(self->pid);
	int i, ret, longest = 0;

	srandom(1);
	for (i = 0; i < 400; i++) {
		ASSERT_TRUE(step_in(self, random() % 64));
		ret = vdso_remap_evict(self->pid, &self->vdso, 1, 0);
		ASSERT_LT(0, ret);
		ASSERT_FALSE(inside(self));
		ASSERT_EQ(mask, mask_of(self->pid));
		if (ret > longest)
			longest = ret;
		if (i % 8 == 0)
			ASSERT_TRUE(goes_on_well(self));
	}
	ASSERT_TRUE(goes_on_well(self));
	EXPECT_EQ(0, shared->wrong);
	TH_LOG("longest way out: %d steps", longest);
}

TEST_F(evict, does_not_touch_a_thread_outside)
{
	struct user_regs_struct before, after;

	while (inside(self))
		ASSERT_TRUE(single_step(self->pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &before));
	EXPECT_EQ(0, vdso_remap_evict(self->pid, &self->vdso, 1, 0));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_F(evict, leaves_every_range)
{
	struct vdso_remap_range halves[2] = { self->vdso, self->vdso };

	halves[0].end = (uintptr_t)self->clock_gettime + 8;
	halves[1].start = halves[0].end;
	ASSERT_TRUE(step_in(self, 0));
	EXPECT_LT(0, vdso_remap_evict(self->pid, halves, 2, 0));
	EXPECT_FALSE(inside(self));
	EXPECT_TRUE(goes_on_well(self));
}

TEST_F(evict, has_an_end)
{
	struct vdso_remap_range everything = { 0, ~0ULL };
	uint64_t mask = mask_of(self->pid);

	EXPECT_EQ(-ETIME, vdso_remap_evict(self->pid, &everything, 1, 100));
	EXPECT_EQ(mask, mask_of(self->pid));
	EXPECT_TRUE(goes_on_well(self));
}

TEST_F(evict, takes_exactly_the_steps_it_may)
{
	uint64_t before;
	int steps;

	ASSERT_TRUE(step_in(self, 0));
	before = ip_of(self->pid);
	EXPECT_EQ(-ETIME, vdso_remap_evict(self->pid, &self->vdso, 1, 1));
	EXPECT_NE(before, ip_of(self->pid));
	EXPECT_TRUE(inside(self));
	steps = vdso_remap_evict(self->pid, &self->vdso, 1, 0);
	EXPECT_LT(0, steps);
}

/* Signals that come while it stands inside wait until it is out and resumed. */
TEST_F(evict, holds_signals_back)
{
	static const int signals[] = { SIGUSR1, SIGTRAP, SIGSEGV };
	size_t i;

	ASSERT_TRUE(step_in(self, 3));
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		ASSERT_EQ(0, kill(self->pid, signals[i]));
	for (i = 0; i < 2; i++)	/* queued, each of them counts */
		ASSERT_EQ(0, sigqueue(self->pid, SIGRTMIN, (union sigval){ 0 }));
	EXPECT_LT(0, vdso_remap_evict(self->pid, &self->vdso, 1, 0));
	EXPECT_FALSE(inside(self));
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		EXPECT_EQ(0, shared->signals[signals[i]]);
	EXPECT_EQ(0, shared->signals[SIGRTMIN]);

	EXPECT_TRUE(goes_on_well(self));
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		EXPECT_EQ(1, shared->signals[signals[i]]) {
			TH_LOG("signal %d", signals[i]);
		}
	EXPECT_EQ(2, shared->signals[SIGRTMIN]);
}

TEST_F(evict, sends_a_stop_again)
{
	int status;

	ASSERT_TRUE(step_in(self, 3));
	ASSERT_EQ(0, kill(self->pid, SIGSTOP));
	EXPECT_LT(0, vdso_remap_evict(self->pid, &self->vdso, 1, 0));
	EXPECT_FALSE(inside(self));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->pid, NULL, NULL));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGSTOP, WSTOPSIG(status));
}

TEST_F(evict, says_when_the_thread_dies)
{
	ASSERT_TRUE(step_in(self, 0));
	ASSERT_EQ(0, kill(self->pid, SIGKILL));
	EXPECT_EQ(-ESRCH, vdso_remap_evict(self->pid, &self->vdso, 1, 0));
}

TEST_F(evict, needs_a_stopped_thread)
{
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->pid, NULL, NULL));
	EXPECT_EQ(-ESRCH, vdso_remap_evict(self->pid, &self->vdso, 1, 0));
	EXPECT_EQ(-ESRCH, vdso_remap_evict(getpid(), &self->vdso, 1, 0));
}

/* What the program has put into its vDSO, and goes on with. */
struct foreign_code {
	struct vdso_remap_range range;
	struct user_regs_struct saved;
};

static bool enter(FIXTURE_DATA(evict) *self, struct foreign_code *foreign, uint64_t nr,
		  const uint8_t *code, size_t size)
{
	struct user_regs_struct regs;

	foreign->range.start = (uintptr_t)self->code;
	foreign->range.end = foreign->range.start + size;
	memcpy(self->code, code, size);
	/* not while it is in a system call, which would be restarted elsewhere */
	if (!step_in(self, 0) || ptrace(PTRACE_GETREGS, self->pid, NULL, &foreign->saved))
		return false;
	regs = foreign->saved;
	regs.rip = foreign->range.start;
	regs.rax = nr;
	regs.rdi = 0;
	regs.rsi = 0;
	regs.rdx = 0;
	return !ptrace(PTRACE_SETREGS, self->pid, NULL, &regs);
}

static bool go_back(FIXTURE_DATA(evict) *self, const struct foreign_code *foreign)
{
	return !ptrace(PTRACE_SETREGS, self->pid, NULL, &foreign->saved);
}

/* A nop, and a system call by each of the three instructions */
static const uint8_t by_syscall[] = { 0x90, 0x0f, 0x05 };
static const uint8_t by_int80[] = { 0x90, 0xcd, 0x80 };
static const uint8_t by_sysenter[] = { 0x90, 0x0f, 0x34 };

TEST_F(evict, makes_the_vdsos_own_system_calls)
{
	struct user_regs_struct regs;
	struct foreign_code foreign;

	ASSERT_TRUE(enter(self, &foreign, SYS_getcpu, by_syscall, sizeof(by_syscall)));
	EXPECT_EQ(2, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
	EXPECT_EQ(foreign.range.end, regs.rip);
	EXPECT_EQ(0, regs.rax);
	ASSERT_TRUE(go_back(self, &foreign));
	EXPECT_TRUE(goes_on_well(self));
}

TEST_F(evict, makes_no_other_system_call)
{
	static const struct {
		const uint8_t *code;
		uint64_t nr;
	} calls[] = {
		{ by_syscall, SYS_pause },
		{ by_syscall, SYS_getppid },
		{ by_syscall, 0 },
		{ by_int80, 13 },	/* i386's time() */
		{ by_sysenter, 13 },
	};
	struct user_regs_struct regs;
	struct foreign_code foreign;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ASSERT_TRUE(enter(self, &foreign, calls[i].nr, calls[i].code, 3));
		EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
		EXPECT_EQ(foreign.range.start + 1, regs.rip);
		EXPECT_EQ(calls[i].nr, regs.rax);
		ASSERT_TRUE(go_back(self, &foreign));
	}
	EXPECT_TRUE(goes_on_well(self));
}

/* The kernel would restart it. */
TEST_F(evict, leaves_a_thread_in_its_system_call)
{
	struct foreign_code foreign;
	uint8_t code[sizeof(by_syscall) + 1];

	memcpy(code, by_syscall, sizeof(by_syscall));
	code[sizeof(by_syscall)] = 0x90;	/* where it would go on, inside */
	ASSERT_TRUE(enter(self, &foreign, SYS_pause, code, sizeof(code)));
	ASSERT_TRUE(single_step(self->pid));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->pid, NULL, NULL));
	usleep(10000);
	ASSERT_TRUE(interrupt(self->pid));
	ASSERT_EQ(foreign.range.end - 1, ip_of(self->pid));
	EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
	ASSERT_TRUE(go_back(self, &foreign));
	EXPECT_TRUE(goes_on_well(self));
}

static void do_nothing(int __attribute__((unused)) sig)
{
}

/* Behind a prefix the system call is not seen. */
TEST_F(evict, is_interrupted_by_a_timer)
{
	static const uint8_t code[] = { 0x48, 0x0f, 0x05 };
	const struct itimerval timer = { { 0, 100000 }, { 0, 100000 } }, off = { 0 };
	const struct sigaction action = { .sa_handler = do_nothing };
	uint64_t mask = mask_of(self->pid);
	struct foreign_code foreign;
	struct sigaction old;

	ASSERT_TRUE(enter(self, &foreign, SYS_pause, code, sizeof(code)));
	ASSERT_EQ(0, sigaction(SIGALRM, &action, &old));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
	EXPECT_EQ(-EINTR, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &off, NULL));
	ASSERT_EQ(0, sigaction(SIGALRM, &old, NULL));
	EXPECT_EQ(mask, mask_of(self->pid));
	ASSERT_TRUE(go_back(self, &foreign));
	EXPECT_TRUE(goes_on_well(self));
}

/* It comes behind the system call, which is not made again. */
TEST_F(evict, loses_no_sigsys)
{
	struct foreign_code foreign;

	ASSERT_TRUE(enter(self, &foreign, SYS_time, by_syscall, sizeof(by_syscall)));
	EXPECT_EQ(2, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
	ASSERT_TRUE(go_back(self, &foreign));
	EXPECT_EQ(0, shared->signals[SIGSYS]);
	EXPECT_TRUE(goes_on_well(self));
	EXPECT_EQ(1, shared->signals[SIGSYS]);
}

/* A fault inside is the program's own; its handler is to see it, undamaged. */
TEST_F(evict, leaves_a_fault_to_the_program)
{
	struct user_regs_struct regs;
	int status;

	while (ip_of(self->pid) != (uintptr_t)self->clock_gettime)
		ASSERT_TRUE(single_step(self->pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
	regs.rdi = CLOCK_MONOTONIC_COARSE;
	regs.rsi = 8;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, self->pid, NULL, &regs));
	EXPECT_EQ(-EFAULT, vdso_remap_evict(self->pid, &self->vdso, 1, 0));
	EXPECT_TRUE(inside(self));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->pid, NULL, NULL));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGSEGV, WSTOPSIG(status));
}

TEST_HARNESS_MAIN
