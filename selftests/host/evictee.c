// SPDX-License-Identifier: MIT
/* See evictee.h. */
#include "evictee.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/test.h"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#ifndef PR_SET_SYSCALL_USER_DISPATCH	/* <linux/prctl.h>, from 5.11 on */
#define PR_SET_SYSCALL_USER_DISPATCH	59
#define PR_SYS_DISPATCH_ON		1
#endif

volatile struct shared *shared;

static void count_signal(int sig)
{
	shared->signals[sig]++;
}

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000LL + ts->tv_nsec;
}

void evictee_call_for_ever(clock_gettime_fn *vdso_clock_gettime)
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

uint64_t ip_of(pid_t pid)
{
	return t_get_reg(pid, VDSO_REG_IP);
}

uint64_t mask_of(pid_t pid)
{
	uint64_t mask = 0;

	ptrace(PTRACE_GETSIGMASK, pid, sizeof(mask), &mask);
	return mask;
}

bool evictee_is_inside(struct evictee *child)
{
	uint64_t ip = ip_of(child->pid);

	return ip >= child->vdso.start && ip < child->vdso.end;
}

bool single_step(pid_t pid)
{
	int status;

	return !ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
}

bool evictee_step_in(struct evictee *child, unsigned int more)
{
	unsigned int i;

	for (i = 0; !evictee_is_inside(child); i++)
		if (i == 100000 || !single_step(child->pid))
			return false;
	while (more-- && evictee_is_inside(child)) {
		if (!single_step(child->pid))
			return false;
		if (!evictee_is_inside(child))	/* it was shorter than that: the next call */
			return evictee_step_in(child, 0);
	}
	return evictee_is_inside(child);
}

bool interrupt(pid_t pid)
{
	int status;

	return !ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
}

struct vdso_remap_range mapping_of(uintptr_t start)
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

/* gettimeofday() raises SIGSYS. */
static void install_filter(void)
{
	struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettimeofday, 0, 1),
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
	const size_t size = sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY, from 5.11 on */);

	if (fd < 0)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	hole.range.start = (uintptr_t)page;
	hole.range.len = size;
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

void evictee_run(const struct evictee *child, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	prepare_child();
	evictee_call_for_ever(child->clock_gettime);
}

bool evictee_goes_on_well(struct evictee *child)
{
	unsigned long rounds = shared->rounds;
	int status;

	if (ptrace(PTRACE_CONT, child->pid, NULL, NULL))
		return false;
	while (shared->rounds < rounds + 10) {
		if (waitpid(child->pid, &status, __WALL | WNOHANG)) {
			if (!WIFSTOPPED(status))
				return false;
			/* Its signals, now that it may have them. */
			if (ptrace(PTRACE_CONT, child->pid, NULL,
				   status >> 16 ? 0 : WSTOPSIG(status)))
				return false;
		}
		usleep(100);
	}
	return interrupt(child->pid) && !shared->wrong;
}

int64_t now(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return ns(&ts);
}

bool evictee_enter(struct evictee *child, struct foreign_code *foreign, uint64_t nr,
		   const void *code, size_t size)
{
	static const __u64 no_args[VDSO_NR_ARGS];
	struct vdso_regs regs;

	foreign->range.start = (uintptr_t)child->code;
	foreign->range.end = foreign->range.start + size;
	t_write_code(child->code, code, size);
	/* not while it is in a system call, which would be restarted elsewhere */
	if (!evictee_step_in(child, 0) || !t_get_regs(child->pid, &foreign->saved))
		return false;
	regs = foreign->saved;
	vdso_regs_set_call(&regs, 0, no_args);
	vdso_regs_set(&regs, VDSO_REG_CALL, nr);
	vdso_regs_set_code(&regs, foreign->range.start);
	return t_set_regs(child->pid, &regs);
}

bool evictee_go_back(struct evictee *child, const struct foreign_code *foreign)
{
	return t_set_regs(child->pid, &foreign->saved);
}

bool is_as_before(pid_t pid, struct vdso_regs before, uint64_t ip)
{
	struct vdso_regs now;

	vdso_regs_set(&before, VDSO_REG_IP, ip);
	return t_get_regs(pid, &now) && !memcmp(&before, &now, sizeof(now));
}

bool deliver(pid_t pid, int sig)
{
	int status;

	return !ptrace(PTRACE_SINGLESTEP, pid, NULL, sig) &&
	       waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == SIGTRAP;
}
