// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_evict(): from whatever instruction of the vDSO, a
 * thread gets out, with right answers and no signal lost. The threads are
 * children that do nothing but call the vDSO and compare with system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include <vdso_remap.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH	/* <linux/prctl.h>, from 5.11 on */
#define PR_SET_SYSCALL_USER_DISPATCH	59
#define PR_SYS_DISPATCH_ON		1
#endif

/* In what ptrace() gives; the instruction of the child's own system calls, also behind a prefix */
#ifdef __x86_64__
#define REG(name)	r##name
#define SYSTEM_CALL_0	0x0f	/* syscall */
#define SYSTEM_CALL_1	0x05
#define PREFIX		0x48
#define FRAME_BIAS	8	/* of a signal frame's address, modulo 16 */
#else
#define REG(name)	e##name
#define SYSTEM_CALL_0	0xcd	/* int $0x80 */
#define SYSTEM_CALL_1	0x80
#define PREFIX		0x3e
#define FRAME_BIAS	12
#endif

/* What parent and child share: the other one writes it, except for the selector. */
static volatile struct shared {
	unsigned long rounds;
	unsigned long wrong;
	int signals[65];
	uintptr_t hole;	/* the child's: a page that never comes, if the kernel can do that */
	bool dispatches;
	char selector;	/* of system calls: 1 dispatches them to the child by a SIGSYS */
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

/* As one word, which ptrace() takes for a signed one. */
static uint64_t reg_of(pid_t pid, size_t offset)
{
	return (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offset, NULL);
}

static uint64_t ip_of(pid_t pid)
{
	return reg_of(pid, offsetof(struct user, regs.REG(ip)));
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

/* A thread that reads there waits for ever: nobody supplies the page. */
static uintptr_t make_hole(void)
{
	struct uffdio_register hole = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY, from 5.11 on */);

	if (fd < 0)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	hole.range.start = (uintptr_t)page;
	hole.range.len = 4096;
	if (fd < 0 || page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &hole))
		return 0;
	return hole.range.start;
}

/* SIGUSR2 has a stack of its own. */
static void prepare_child(void)
{
	static char stack[64 << 10];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	const struct sigaction count = { .sa_handler = count_signal };
	const struct sigaction elsewhere = {
		.sa_handler = count_signal, .sa_flags = SA_ONSTACK | SA_SIGINFO
	};

	shared->hole = make_hole();
	install_filter();
	sigaltstack(&alternate, NULL);
	sigaction(SIGSYS, &count, NULL);
	sigaction(SIGUSR1, &count, NULL);
	sigaction(SIGUSR2, &elsewhere, NULL);
	sigaction(SIGRTMIN, &count, NULL);
	sigaction(SIGTRAP, &count, NULL);
	sigaction(SIGSEGV, &count, NULL);
	shared->dispatches = !prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0,
				    &shared->selector);
}

FIXTURE_SETUP(evict)
{
	const void *text = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct vdso_remap_image image = VDSO_REMAP_INIT(image);
	uint32_t i;

	/* SKIP(return, ...) in a fixture's setup would go on to the test. */
	if (getenv("STEPS_ARE_SLOW"))
		SKIP(_exit(255), "steps are slow: the clock functions start again and again");
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
		prepare_child();
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

static int64_t now(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return ns(&ts);
}

/* As often as there is time for */
TEST_F_TIMEOUT(evict, gets_out_from_any_instruction, 120)
{
	const int64_t end = now() + 10 * 1000000000LL;
	unsigned int i, nr_out = 0, nr_slow = 0;
	uint64_t mask = mask_of(self->pid);
	int ret, longest = 0;

	srandom(1);
	for (i = 0; i < 400 && (now() < end || !nr_out); i++) {
		ASSERT_TRUE(step_in(self, random() % 64));
		ret = vdso_remap_evict(self->pid, &self->vdso, 1, 2000);
		ASSERT_EQ(mask, mask_of(self->pid));
		/* on a slow machine clocks tick in the middle, and the functions start again */
		if (ret == -ETIME) {
			nr_slow++;
			continue;
		}
		ASSERT_LT(0, ret);
		ASSERT_FALSE(inside(self));
		nr_out++;
		if (ret > longest)
			longest = ret;
		if (nr_out % 8 == 0)
			ASSERT_TRUE(goes_on_well(self));
	}
	ASSERT_TRUE(goes_on_well(self));
	EXPECT_EQ(0, shared->wrong);
	EXPECT_LT(0, nr_out);
	TH_LOG("out %u times, %u times too slow; longest way out: %d steps", nr_out, nr_slow,
	       longest);
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
	regs.REG(ip) = foreign->range.start;
	regs.REG(ax) = nr;
	/* its arguments, of either kind */
	regs.REG(di) = 0;
	regs.REG(si) = 0;
	regs.REG(bx) = 0;
	regs.REG(cx) = 0;
	regs.REG(dx) = 0;
	return !ptrace(PTRACE_SETREGS, self->pid, NULL, &regs);
}

static bool go_back(FIXTURE_DATA(evict) *self, const struct foreign_code *foreign)
{
	return !ptrace(PTRACE_SETREGS, self->pid, NULL, &foreign->saved);
}

/* A nop, and a system call: the usual one, and by each of the three instructions */
static const uint8_t system_call[] = { 0x90, SYSTEM_CALL_0, SYSTEM_CALL_1 };
static const uint8_t by_syscall[] = { 0x90, 0x0f, 0x05 };
static const uint8_t by_int80[] = { 0x90, 0xcd, 0x80 };
static const uint8_t by_sysenter[] = { 0x90, 0x0f, 0x34 };

TEST_F(evict, makes_the_vdsos_own_system_calls)
{
	struct user_regs_struct regs;
	struct foreign_code foreign;

	ASSERT_TRUE(enter(self, &foreign, SYS_getcpu, system_call, sizeof(system_call)));
	EXPECT_EQ(2, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
	EXPECT_EQ(foreign.range.end, (unsigned long)regs.REG(ip));
	EXPECT_EQ(0, regs.REG(ax));
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
#ifdef __x86_64__
		{ by_int80, 13 },	/* i386's time() */
		{ by_sysenter, 13 },
#else
		{ by_int80, SYS_pause },
		{ by_sysenter, SYS_pause },
#endif
	};
	struct user_regs_struct regs;
	struct foreign_code foreign;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ASSERT_TRUE(enter(self, &foreign, calls[i].nr, calls[i].code, 3));
		EXPECT_EQ(-EOPNOTSUPP, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
		EXPECT_EQ(foreign.range.start + 1, (unsigned long)regs.REG(ip));
		EXPECT_EQ(calls[i].nr, regs.REG(ax));
		ASSERT_TRUE(go_back(self, &foreign));
	}
	EXPECT_TRUE(goes_on_well(self));
}

/* The kernel would restart it. */
TEST_F(evict, leaves_a_thread_in_its_system_call)
{
	/* a nop where it would go on, inside */
	static const uint8_t code[] = { 0x90, SYSTEM_CALL_0, SYSTEM_CALL_1, 0x90 };
	struct foreign_code foreign;

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

static pid_t sleeper;

/* As soon as it sleeps. That stops it, in the middle of its step. */
static void signal_sleeper(int __attribute__((unused)) sig)
{
	char path[32], line[64] = "";
	siginfo_t info;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", sleeper);
	stat = fopen(path, "re");
	if (stat && fgets(line, sizeof(line), stat) && strstr(line, ") S ")) {
		kill(sleeper, SIGSEGV);
		waitid(P_PID, sleeper, &info, WSTOPPED | WNOWAIT | __WALL);
	}
	if (stat)
		fclose(stat);
}

/* While a timer expires again and again */
static int evict_under_timer(FIXTURE_DATA(evict) *self, const struct foreign_code *foreign,
			     void (*handler)(int sig))
{
	const struct itimerval timer = { { 0, 100000 }, { 0, 100000 } }, off = { 0 };
	const struct sigaction action = { .sa_handler = handler };
	struct sigaction old;
	int ret;

	if (sigaction(SIGALRM, &action, &old) || setitimer(ITIMER_REAL, &timer, NULL))
		return 0;
	ret = vdso_remap_evict(self->pid, &foreign->range, 1, 0);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	return ret;
}

/* Behind a prefix the system call is not seen. */
TEST_F(evict, is_interrupted_by_a_timer)
{
	static const uint8_t code[] = { PREFIX, SYSTEM_CALL_0, SYSTEM_CALL_1 };
	uint64_t mask = mask_of(self->pid);
	struct foreign_code foreign;

	ASSERT_TRUE(enter(self, &foreign, SYS_pause, code, sizeof(code)));
	EXPECT_EQ(-EINTR, evict_under_timer(self, &foreign, do_nothing));
	EXPECT_EQ(mask, mask_of(self->pid));
	ASSERT_TRUE(go_back(self, &foreign));
	EXPECT_TRUE(goes_on_well(self));
}

/* mov (%rax), %al, which waits */
TEST_F(evict, keeps_a_signal_that_stops_an_interrupted_step)
{
	static const uint8_t code[] = { 0x8a, 0x00 };
	struct foreign_code foreign;

	if (!shared->hole)
		SKIP(return, "no userfaultfd for this user");
	ASSERT_TRUE(enter(self, &foreign, shared->hole, code, sizeof(code)));
	sleeper = self->pid;
	EXPECT_EQ(-EINTR, evict_under_timer(self, &foreign, signal_sleeper));
	ASSERT_TRUE(go_back(self, &foreign));
	EXPECT_EQ(0, shared->signals[SIGSEGV]);
	EXPECT_TRUE(goes_on_well(self));
	EXPECT_EQ(1, shared->signals[SIGSEGV]);
}

/* All registers, but for the instruction pointer */
static bool is_as_before(pid_t pid, struct user_regs_struct before, uint64_t ip)
{
	struct user_regs_struct now;

	before.REG(ip) = ip;
	return !ptrace(PTRACE_GETREGS, pid, NULL, &now) && !memcmp(&before, &now, sizeof(now));
}

/* Resumes it, and takes the SIGSYS that it is stopped by. */
static bool gets_sigsys(pid_t pid, int code, unsigned int nr)
{
	siginfo_t info;
	int status;

	return !ptrace(PTRACE_CONT, pid, NULL, NULL) &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == SIGSYS && !ptrace(PTRACE_GETSIGINFO, pid, NULL, &info) &&
	       info.si_code == code && info.si_syscall == (int)nr;
}

/* Its handler may make up what the system call returns: from all that comes with the signal. */
TEST_F(evict, leaves_a_system_call_that_seccomp_traps_to_the_program)
{
	uint64_t mask = mask_of(self->pid);
	struct user_regs_struct before;
	struct foreign_code foreign;

	ASSERT_TRUE(enter(self, &foreign, SYS_time, system_call, sizeof(system_call)));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &before));
	EXPECT_EQ(-ENOSYS, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
	EXPECT_TRUE(is_as_before(self->pid, before, foreign.range.start + 1));
	EXPECT_EQ(mask, mask_of(self->pid));
	EXPECT_TRUE(gets_sigsys(self->pid, 1 /* SYS_SECCOMP */, SYS_time));
	ASSERT_TRUE(go_back(self, &foreign));
	EXPECT_TRUE(goes_on_well(self));
	EXPECT_EQ(0, shared->signals[SIGSYS]);
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

TEST_F(evict, leaves_a_system_call_that_is_dispatched_to_the_program)
{
	struct user_regs_struct before;
	struct foreign_code foreign;

	if (!shared->dispatches)
		SKIP(return, "this kernel has no PR_SET_SYSCALL_USER_DISPATCH");
	ASSERT_TRUE(enter(self, &foreign, SYS_getcpu, system_call, sizeof(system_call)));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &before));
	shared->selector = 1;
	EXPECT_EQ(-ENOSYS, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
	EXPECT_TRUE(is_as_before(self->pid, before, foreign.range.start + 1));
	EXPECT_TRUE(gets_sigsys(self->pid, 2 /* SYS_USER_DISPATCH */, SYS_getcpu));
	shared->selector = 0;
	ASSERT_TRUE(go_back(self, &foreign));
	EXPECT_TRUE(goes_on_well(self));
	EXPECT_EQ(0, shared->signals[SIGSYS]);
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

/* int3, int $3, int1, behind a nop. The last one is not emulated by QEMU, and faults there. */
TEST_F(evict, stops_at_a_breakpoint)
{
	static const uint8_t codes[][3] = { { 0x90, 0xcc }, { 0x90, 0xcd, 0x03 }, { 0x90, 0xf1 } };
	uint64_t mask = mask_of(self->pid);
	struct user_regs_struct before;
	struct foreign_code foreign;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		ASSERT_TRUE(enter(self, &foreign, 1, codes[i], sizeof(codes[i])));
		ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &before));
		ret = vdso_remap_evict(self->pid, &foreign.range, 1, 0);
		EXPECT_TRUE(ret == -EILSEQ || (i == 2 && ret == -EFAULT)) {
			TH_LOG("breakpoint %zu: %d", i, ret);
		}
		EXPECT_TRUE(is_as_before(self->pid, before, foreign.range.start + 1)) {
			TH_LOG("breakpoint %zu", i);
		}
		EXPECT_EQ(mask, mask_of(self->pid));
		ASSERT_TRUE(go_back(self, &foreign));
		EXPECT_TRUE(goes_on_well(self));
	}
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

static bool set_debug_register(pid_t pid, unsigned int nr, uint64_t val)
{
	return !ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[nr]), val);
}

TEST_F(evict, stops_at_a_breakpoint_of_the_processor)
{
	static const uint8_t code[] = { 0x90, 0x90 };
	struct user_regs_struct before;
	struct foreign_code foreign;

	ASSERT_TRUE(enter(self, &foreign, 1, code, sizeof(code)));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &before));
	ASSERT_TRUE(set_debug_register(self->pid, 0, foreign.range.start + 1));
	ASSERT_TRUE(set_debug_register(self->pid, 7, 1));	/* the first one, for execution */
	EXPECT_EQ(-EILSEQ, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
	EXPECT_TRUE(is_as_before(self->pid, before, foreign.range.start + 1));
	ASSERT_TRUE(set_debug_register(self->pid, 7, 0));
	EXPECT_EQ(1, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
	ASSERT_TRUE(go_back(self, &foreign));
	EXPECT_TRUE(goes_on_well(self));
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

/* jmp *%rax: to nowhere, to data, to code */
TEST_F(evict, is_outside_only_where_code_is)
{
	static const uint8_t code[] = { 0xff, 0xe0 };
	const struct {
		uint64_t target;
		int ret;
	} jumps[] = {
		{ 0, -EFAULT },
		{ (uintptr_t)shared, -EFAULT },
		{ (uintptr_t)self->code + 100, 1 },
	};
	struct foreign_code foreign;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(jumps); i++) {
		ASSERT_TRUE(enter(self, &foreign, jumps[i].target, code, sizeof(code)));
		EXPECT_EQ(jumps[i].ret, vdso_remap_evict(self->pid, &foreign.range, 1, 0));
		EXPECT_EQ(jumps[i].target, ip_of(self->pid));
		ASSERT_TRUE(go_back(self, &foreign));
	}
	EXPECT_TRUE(goes_on_well(self));
}

TEST_F(evict, needs_a_seized_thread)
{
	uint64_t mask = mask_of(self->pid);
	struct user_regs_struct before;
	int status;

	ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->pid, NULL, NULL));
	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, self->pid, NULL, NULL));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, __WALL));
	ASSERT_TRUE(step_in(self, 3));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &before));
	EXPECT_EQ(-EINVAL, vdso_remap_evict(self->pid, &self->vdso, 1, 0));
	EXPECT_TRUE(is_as_before(self->pid, before, before.REG(ip)));
	EXPECT_EQ(mask, mask_of(self->pid));
}

/* As the first process of a pid namespace, where /proc is still that of the one outside */
static int evict_beside_proc(FIXTURE_DATA(evict) *outer)
{
	FIXTURE_DATA(evict) inner = *outer;
	struct user_regs_struct before;
	int ret;

	inner.pid = fork();
	if (!inner.pid)
		call_for_ever(inner.clock_gettime);
	if (ptrace(PTRACE_SEIZE, inner.pid, NULL, NULL) || !interrupt(inner.pid) ||
	    !step_in(&inner, 3) || ptrace(PTRACE_GETREGS, inner.pid, NULL, &before))
		return 0;
	ret = vdso_remap_evict(inner.pid, &inner.vdso, 1, 0);
	return is_as_before(inner.pid, before, before.REG(ip)) ? ret : 0;
}

/* Thread ids mean other threads there. */
TEST_F(evict, needs_its_own_proc)
{
	pid_t between;
	int status;

	between = fork();
	ASSERT_LE(0, between);
	if (!between) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID))
			_exit(255);
		between = fork();
		if (!between)
			_exit(-evict_beside_proc(self));	/* its child ends with it */
		waitpid(between, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	ASSERT_EQ(between, waitpid(between, &status, 0));
	if (WEXITSTATUS(status) == 255)
		SKIP(return, "no namespaces for this user");
	EXPECT_EQ(ENOENT, WEXITSTATUS(status));
}

/* It stops before the handler's first instruction. */
static bool deliver(pid_t pid, int sig)
{
	int status;

	return !ptrace(PTRACE_SINGLESTEP, pid, NULL, sig) &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == SIGTRAP;
}

TEST_F(evict, finds_a_handler_from_its_first_instruction_to_its_last)
{
	static const int signals[] = { SIGUSR1, SIGUSR2 };
	struct vdso_remap_handler handler;
	uint64_t ip;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		ASSERT_TRUE(step_in(self, 3));
		ip = ip_of(self->pid);
		EXPECT_EQ(0, vdso_remap_find_handlers(self->pid, &self->vdso, 1, &handler, 1));
		ASSERT_TRUE(deliver(self->pid, signals[i]));
		do {
			memset(&handler, 0, sizeof(handler));
			ASSERT_EQ(1, vdso_remap_find_handlers(self->pid, &self->vdso, 1,
							      &handler, 1));
			ASSERT_EQ(ip, handler.addr);
			ASSERT_FALSE(handler.at_syscall);
			ASSERT_TRUE(single_step(self->pid));
		} while (ip_of(self->pid) != ip);
		EXPECT_EQ(0, vdso_remap_find_handlers(self->pid, &self->vdso, 1, &handler, 1));
		EXPECT_EQ(1, shared->signals[signals[i]]);
	}
	EXPECT_TRUE(goes_on_well(self));
}

/* From one on another stack, through one that it interrupted */
TEST_F(evict, finds_handlers_behind_handlers)
{
	const struct vdso_remap_range everything = { 0, ~0ULL };
	struct vdso_remap_handler handlers[3];
	uint64_t ip, handler_ip;

	ASSERT_TRUE(step_in(self, 3));
	ip = ip_of(self->pid);
	ASSERT_TRUE(deliver(self->pid, SIGUSR1));
	ASSERT_TRUE(single_step(self->pid));
	handler_ip = ip_of(self->pid);
	ASSERT_TRUE(deliver(self->pid, SIGUSR2));
	ASSERT_EQ(2, vdso_remap_find_handlers(self->pid, &everything, 1, handlers, 3));
	EXPECT_EQ(handler_ip, handlers[0].addr);
	EXPECT_EQ(ip, handlers[1].addr);
	ASSERT_EQ(1, vdso_remap_find_handlers(self->pid, &self->vdso, 1, handlers, 3));
	EXPECT_EQ(ip, handlers[0].addr);
	EXPECT_EQ(1, vdso_remap_find_handlers(self->pid, &everything, 1, handlers, 1));
	EXPECT_EQ(handler_ip, handlers[0].addr);
	EXPECT_TRUE(goes_on_well(self));
}

TEST_F(evict, takes_no_copy_for_a_handler)
{
	struct vdso_remap_handler handlers[3];
	struct iovec local, remote;
	uint8_t frame[512];
	uint64_t sp;

	ASSERT_TRUE(step_in(self, 1));	/* a signal can be delivered after a step only */
	sp = reg_of(self->pid, offsetof(struct user, regs.REG(sp)));
	ASSERT_TRUE(deliver(self->pid, SIGUSR1));
	ASSERT_EQ(1, vdso_remap_find_handlers(self->pid, &self->vdso, 1, handlers, 3));
	local = (struct iovec){ frame, sizeof(frame) };
	remote = (struct iovec){ (void *)(uintptr_t)handlers[0].frame, sizeof(frame) };
	ASSERT_EQ(sizeof(frame), process_vm_readv(self->pid, &local, 1, &remote, 1, 0));
	/* where the stack is looked at again, as aligned as the frame */
	remote.iov_base = (void *)(uintptr_t)((sp & ~15ULL) + FRAME_BIAS);
	ASSERT_EQ(sizeof(frame), process_vm_writev(self->pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(1, vdso_remap_find_handlers(self->pid, &self->vdso, 1, handlers, 3));
}

/* The command, of the same build; NULL: there is none. */
static const char *find_vdsoctl(void)
{
	const char *path = getenv("VDSOCTL"), *guest = getenv("VDSO_IMAGES");
	static char in_guest[4096];

	if (path || !guest)
		return path;
	snprintf(in_guest, sizeof(in_guest), "%s/vdsoctl", guest);
	return in_guest;
}

/*
 * Has vdsoctl evict the child, which stops where it is until that one seizes it.
 * Returns the exit status; said is what it writes to stderr.
 */
static int run_vdsoctl(const char *path, pid_t pid, char *said, size_t size)
{
	int pipes[2], status = -1;
	size_t used = 0;
	char number[16];
	ssize_t ret;
	pid_t ctl;

	snprintf(number, sizeof(number), "%d", pid);
	if (pipe(pipes) || kill(pid, SIGSTOP) || ptrace(PTRACE_DETACH, pid, NULL, NULL))
		return -1;
	ctl = fork();
	if (!ctl) {
		dup2(pipes[1], STDERR_FILENO);
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execl(path, path, "evict", "-p", number, NULL);
		_exit(127);
	}
	close(pipes[1]);
	while (used < size - 1 && (ret = read(pipes[0], said + used, size - 1 - used)) > 0)
		used += ret;
	said[used] = 0;
	close(pipes[0]);
	waitpid(ctl, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_said(const char *said, const char *what, uint64_t where)
{
	char address[32];

	snprintf(address, sizeof(address), "%#llx", (unsigned long long)where);
	if (strstr(said, what) && strstr(said, address))
		return true;
	printf("# not '%s' and %s, but: %s\n", what, address, said);
	fflush(stdout);
	return false;
}

TEST_F(evict, has_the_command_say_where_a_breakpoint_is)
{
	const char *path = find_vdsoctl();
	char said[4096];
	unsigned long ip;	/* for ptrace(), not longer than a word */
	long word;

	if (!path)
		SKIP(return, "no vdsoctl");
	ASSERT_TRUE(step_in(self, 3));
	ip = ip_of(self->pid);
	word = ptrace(PTRACE_PEEKTEXT, self->pid, ip, NULL);
	ASSERT_EQ(0, ptrace(PTRACE_POKETEXT, self->pid, ip, (word & ~0xffL) | 0xcc));
	EXPECT_EQ(1, run_vdsoctl(path, self->pid, said, sizeof(said)));
	EXPECT_TRUE(is_said(said, "a breakpoint is in its way", ip));
}

TEST_F(evict, has_the_command_say_who_faults)
{
	const char *path = find_vdsoctl();
	struct user_regs_struct regs;
	char said[4096];

	if (!path)
		SKIP(return, "no vdsoctl");
	/* From the middle of a function, a frame pointer could bring the stack pointer back. */
	while (ip_of(self->pid) != (uintptr_t)self->clock_gettime)
		ASSERT_TRUE(single_step(self->pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
	regs.REG(sp) = 16;	/* which the function pushes to */
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, self->pid, NULL, &regs));
	EXPECT_EQ(1, run_vdsoctl(path, self->pid, said, sizeof(said)));
	EXPECT_NE(NULL, strstr(said, "what it would execute next faults")) {
		TH_LOG("%s", said);
	}
}

TEST_F(evict, has_the_command_warn_of_a_handler)
{
	const char *path = find_vdsoctl();
	char said[4096];
	uint64_t ip;

	if (!path)
		SKIP(return, "no vdsoctl");
	ASSERT_TRUE(step_in(self, 3));
	ip = ip_of(self->pid);
	ASSERT_TRUE(deliver(self->pid, SIGUSR1));
	EXPECT_EQ(0, run_vdsoctl(path, self->pid, said, sizeof(said)));
	EXPECT_TRUE(is_said(said, "in a signal handler", ip));
}

/* As a checkpoint tool that crashes: it does not detach. */
static int evict_and_end(FIXTURE_DATA(evict) *self)
{
	if (ptrace(PTRACE_SEIZE, self->pid, NULL, NULL) || !interrupt(self->pid) ||
	    !step_in(self, 3))
		return 1;
	return vdso_remap_evict(self->pid, &self->vdso, 1, 0) <= 0;
}

TEST_F(evict, lets_a_thread_outlive_its_tracer)
{
	unsigned long rounds;
	int i, status;
	pid_t tracer;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->pid, NULL, NULL));
		tracer = fork();
		ASSERT_LE(0, tracer);
		if (!tracer)
			_exit(evict_and_end(self));
		ASSERT_EQ(tracer, waitpid(tracer, &status, 0));
		EXPECT_EQ(0, status);
		rounds = shared->rounds;
		while (shared->rounds < rounds + 10)
			ASSERT_EQ(0, waitpid(self->pid, &status, WNOHANG));
		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->pid, NULL, NULL));
		ASSERT_TRUE(interrupt(self->pid));
	}
	EXPECT_TRUE(goes_on_well(self));
	EXPECT_EQ(0, shared->signals[SIGTRAP]);
}

/* A fault inside is the program's own; its handler is to see it, undamaged. */
TEST_F(evict, leaves_a_fault_to_the_program)
{
	struct user_regs_struct regs;
	int status;

	while (ip_of(self->pid) != (uintptr_t)self->clock_gettime)
		ASSERT_TRUE(single_step(self->pid));
	ASSERT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
#ifdef __x86_64__
	regs.rdi = CLOCK_MONOTONIC_COARSE;
	regs.rsi = 8;
	ASSERT_EQ(0, ptrace(PTRACE_SETREGS, self->pid, NULL, &regs));
#else
	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, self->pid, regs.esp + 4, CLOCK_MONOTONIC_COARSE));
	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, self->pid, regs.esp + 8, 8));
#endif
	EXPECT_EQ(-EFAULT, vdso_remap_evict(self->pid, &self->vdso, 1, 0));
	EXPECT_TRUE(inside(self));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, self->pid, NULL, NULL));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGSEGV, WSTOPSIG(status));
}

TEST_HARNESS_MAIN
