// SPDX-License-Identifier: GPL-2.0
/*
 * Valid calls of all commands with fields, sizes, sites and pointers changed at
 * random, by processes that may die of it, on themselves or on a child that
 * they trace. Every answer must be one that the contract knows; after an error
 * GET_INFO must say what it said before, and the image must have the bytes that
 * it had; and a bystander must not notice.
 *
 *   TIME	seconds (60)
 *   SEED	of the first round (a random one); it is printed, and that of
 *		each round is this plus its number: TIME=0 repeats a single one
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/child.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/state.h"
#include "lib/task.h"
#include "common.h"

#define CALLS		100	/* of one round */
#define ROUND_TIMEOUT	60000	/* milliseconds */
#define MAX_ERRNO	200
#define HOLE		0x20000000000ULL	/* nothing is there */

#define ARENA		0x10000000ULL	/* where a 32-bit caller can point to */
#define ARENA_SIZE	(8 * T_PAGE)

static const unsigned long commands[] = {
	VDSO_REMAP_GET_INFO, VDSO_REMAP_MOVE, VDSO_REMAP_MAP, VDSO_REMAP_PROXY,
};

static const size_t sizes[] = {
	sizeof(struct vdso_remap_info), sizeof(struct vdso_remap_move),
	sizeof(struct vdso_remap_map), sizeof(struct vdso_remap_proxy),
};

static struct shared {
	unsigned long calls;
	unsigned long ok[ARRAY_SIZE(commands)];
	unsigned long errors[ARRAY_SIZE(commands)][MAX_ERRNO];
	bool wrong;
	bool stop;
} *shared;

static uint64_t seed;
static int fd;
static uint64_t text, text_end, text_start;	/* of the group, when the round begins */
static pid_t bystander, tracee;
static struct t_image image;

static uint32_t below(uint32_t limit)
{
	return d_random(&seed) % limit;
}

static bool one_in(uint32_t n)
{
	return !below(n);
}

/* What a field may be tempted to believe. */
static uint64_t odd_number(void)
{
	const uint64_t values[] = {
		0, 1, 2, 4, 7, 8, 15, 16, 255, 256, 257, T_PAGE - 1, T_PAGE, T_PAGE + 1,
		0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		1ULL << 46, 1ULL << 47, (1ULL << 47) - T_PAGE, (1ULL << 56) - T_PAGE, 1ULL << 63,
		~0ULL, ~0ULL - T_PAGE + 1, 0xffffffff81000000ULL,
		text, text_end, text_start, text_start - T_PAGE, text + T_PAGE,
		D_IMAGE_ADDR, D_IMAGE_ADDR + T_PAGE, D_IMAGE_ADDR + D_IMAGE_SIZE,
		D_IMAGE_ADDR - 0x10000, HOLE, HOLE + 0x7000000, (uintptr_t)&seed & -T_PAGE,
		(uintptr_t)odd_number & -T_PAGE, ARENA, ARENA + ARENA_SIZE - T_PAGE,
	};
	uint64_t value = values[below(ARRAY_SIZE(values))];

	switch (below(6)) {
	case 0:
		return value + below(64) - 32;
	case 1:
		return value + (int64_t)(below(64) - 32) * T_PAGE;
	case 2:
		return value ^ 1ULL << below(64);
	case 3:
		return (uint64_t)d_random(&seed) << 32 | d_random(&seed);
	default:
		return value;
	}
}

static pid_t odd_pid(void)
{
	const pid_t pids[] = {
		0, 0, tracee, tracee, getpid(), getppid(), bystander, 1, 2, -1, -getpid(),
		0x7fffffff,
	};

	return one_in(8) ? (pid_t)odd_number() : pids[below(ARRAY_SIZE(pids))];
}

/* One field of four or eight bytes, or one bit. */
static void change(void *bytes, size_t size)
{
	uint64_t value = odd_number();
	size_t at = below(size / 4) * 4;

	if (one_in(3))
		((uint8_t *)bytes)[below(size)] ^= 1 << below(8);
	else if (one_in(2) && at % 8 == 0)
		memcpy((uint8_t *)bytes + at, &value, 8);
	else
		memcpy((uint8_t *)bytes + at, &value, 4);
}

static uint32_t odd_size(uint32_t size)
{
	const uint32_t odd[] = { 0, 1, 4, size - 1, size + 1, size + 8, 2 * size, T_PAGE,
				 T_PAGE + 1, ~0U, ~0U - 7 };

	return odd[below(ARRAY_SIZE(odd))];
}

/* A place that is free, or the same one with something in it. */
static uint64_t odd_place(void)
{
	return one_in(4) ? odd_number() & -T_PAGE : HOLE + below(64) * 0x40000;
}

/*
 * Where the bytes are put: there are two pages in the middle of the arena, one
 * of them read-only, and none around.
 */
static uint64_t put(const void *bytes, size_t size)
{
	const uint64_t good = ARENA + 2 * T_PAGE, read_only = good + 2 * T_PAGE;
	uint64_t at = good + below(T_PAGE / 2 / 8) * 8;

	switch (below(24)) {
	case 0:
		return one_in(2) ? odd_number() : ARENA;
	case 1:		/* cut off */
		at = good + 2 * T_PAGE - size - T_PAGE + below(16) * 4;
		break;
	case 2:
		at = read_only;
		break;
	case 3:
		at += below(8);
		break;
	}
	if (at != read_only) {
		size_t room = good + T_PAGE - at;

		memcpy((void *)at, bytes, size < room ? size : room);
	} else {
		mprotect((void *)read_only, T_PAGE, PROT_READ | PROT_WRITE);
		memcpy((void *)read_only, bytes, size);
		mprotect((void *)read_only, T_PAGE, PROT_READ);
	}
	return at;
}

static long call(unsigned long command, uint64_t req)
{
	if (req >> 32 || !one_in(6))
		return syscall(SYS_ioctl, fd, command, req) < 0 ? -errno : 0;
	return t_ioctl32(fd, command, req);
}

static bool get_info(struct vdso_remap_info *info, pid_t pid)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->pid = pid;
	return !ioctl(fd, VDSO_REMAP_GET_INFO, info);
}

static bool is_known(int error)
{
	static const int known[] = {
		EFAULT, EINVAL, E2BIG, ESRCH, EPERM, ENOENT, EUCLEAN, EEXIST, EBUSY, ENOMEM,
		EINTR, EOPNOTSUPP, ENOTTY, EACCES, ENXIO, ENOSPC, EALREADY,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		if (error == known[i])
			return true;
	}
	return false;
}

static void found(unsigned int which, const char *what, long ret)
{
	t_note("command %u returned %ld: %s", which, ret, what);
	shared->wrong = true;
}

static void note_result(unsigned int which, long ret)
{
	shared->calls++;
	if (!ret)
		shared->ok[which]++;
	else if (ret < 0 && ret > -MAX_ERRNO && is_known(-ret))
		shared->errors[which][-ret]++;
	else
		found(which, "no answer of the contract", ret);
}

static bool read_memory(pid_t pid, uint64_t addr, void *bytes, size_t size)
{
	struct iovec local = { bytes, size }, remote = { (void *)addr, size };

	return process_vm_readv(pid ?: getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size;
}

/*
 * With REPLACE what was in the way may be gone after an error, and part of a
 * group or the image may have been there. What counts is what the module reads.
 */
static bool may_unmap(unsigned int command, uint64_t req)
{
	struct {
		uint32_t size;
		uint32_t flags;
	} head;

	if (!read_memory(0, req, &head, sizeof(head)))
		return false;
	return (command == VDSO_REMAP_MOVE && head.flags & VDSO_REMAP_MOVE_REPLACE) ||
	       (command == VDSO_REMAP_PROXY && head.flags & VDSO_REMAP_PROXY_REPLACE);
}

/* All that an error must leave as it was, of one process. */
struct snapshot {
	struct vdso_remap_info info;
	uint8_t image[D_IMAGE_SIZE];
};

static bool take(struct snapshot *snapshot, pid_t pid)
{
	memset(snapshot->image, 0xee, D_IMAGE_SIZE);	/* where nothing is mapped */
	for (size_t off = 0; off < D_IMAGE_SIZE; off += T_PAGE)
		read_memory(pid, D_IMAGE_ADDR + off, snapshot->image + off, T_PAGE);
	return get_info(&snapshot->info, pid);
}

static void compare(unsigned int which, const struct snapshot *before, pid_t pid, long ret)
{
	static struct snapshot after;

	if (!take(&after, pid) || memcmp(&before->info, &after.info, sizeof(after.info)))
		found(which, pid ? "changed the tracee's group" : "changed the caller's group",
		      ret);
	if (memcmp(before->image, after.image, D_IMAGE_SIZE))
		found(which, pid ? "changed the tracee's image" : "changed the caller's image",
		      ret);
}

static void fuzz_once(void)
{
	unsigned int which = below(ARRAY_SIZE(commands)), changes = below(4);
	static struct vdso_remap_site sites[VDSO_REMAP_MAX_SITES];
	static struct snapshot before[2];
	unsigned long command = commands[which];
	bool replace = one_in(16), unmaps;
	union d_request req;
	uint8_t bytes[sizeof(req) + 64] = {};
	uint32_t flags = 0;
	uint64_t at;
	long ret;

	if (command == VDSO_REMAP_MOVE && replace)
		flags = VDSO_REMAP_MOVE_REPLACE;
	if (command == VDSO_REMAP_PROXY)
		flags = below(2) * VDSO_REMAP_PROXY_PARK | below(2) * VDSO_REMAP_PROXY_MARK;
	if (flags & VDSO_REMAP_PROXY_PARK && replace)
		flags |= VDSO_REMAP_PROXY_REPLACE;
	d_request(&req, command, flags, one_in(8) ? odd_pid() : one_in(2) ? tracee : 0,
		  odd_place());

	memcpy(sites, d_sites, sizeof(d_sites));
	if (command == VDSO_REMAP_PROXY) {
		for (unsigned int i = below(3); i && one_in(2); i--)
			change(&sites[below(D_NR_SITES)], sizeof(sites[0]));
		req.proxy.sites = put(sites, sizeof(d_sites));
	}
	while (changes--)
		change(req.bytes, sizes[which]);
	if (one_in(8))
		req.size = odd_size(sizes[which]);
	if (one_in(16))
		command = one_in(2) ? odd_number() : command ^ 1UL << below(32);
	memcpy(bytes, req.bytes, sizes[which]);
	if (one_in(16))
		bytes[sizes[which] + below(64)] = 1;

	if (!take(&before[0], 0) || (tracee && !take(&before[1], tracee)))
		return;
	at = put(bytes, sizes[which] + 64);
	unmaps = may_unmap(command, at);
	ret = call(command, at);
	note_result(which, ret);
	if (!ret || unmaps)
		return;
	compare(which, &before[0], 0, ret);
	if (tracee)
		compare(which, &before[1], tracee, ret);
}

static int wait_for_ever(void *unused)
{
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
	return 0;
}

/* A process to trace; sometimes it shares the memory of this one. */
static void start_tracee(void)
{
	if (one_in(4))
		tracee = t_spawn_sharing_mm(0, wait_for_ever, NULL);
	else
		tracee = fork();
	if (!tracee)
		wait_for_ever(NULL);
	/* It dies with this process, whatever that dies of. */
	if (tracee < 0 || !t_seize_and_stop(tracee) ||
	    ptrace(PTRACE_SETOPTIONS, tracee, 0, PTRACE_O_EXITKILL))
		_exit(1);
}

static bool set_up_arena(void)
{
	struct vdso_remap_info info;
	void *map;

	map = mmap((void *)(ARENA + 2 * T_PAGE), T_PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (map == MAP_FAILED)
		return false;
	map = mmap((void *)(ARENA + 4 * T_PAGE), T_PAGE, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (map == MAP_FAILED || !get_info(&info, 0))
		return false;
	text_start = info.areas[0].start;
	text = info.vdso;
	text_end = text + info.areas[info.nr_areas - 1].size;
	return true;
}

static _Noreturn void run_round(uint64_t round)
{
	const struct rlimit no_core = {};
	unsigned int i;

	seed = round * 0x9e3779b97f4a7c15ULL;
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!set_up_arena())
		_exit(1);
	if (one_in(2))
		start_tracee();
	if (one_in(8))
		munmap((void *)text_start, text_end - text_start);
	for (i = 0; i < CALLS; i++)
		fuzz_once();
	_exit(0);
}

/* What it dies of is its own business, but it has to end. */
static bool round_ends(uint64_t round, unsigned long *died)
{
	struct pollfd ends = { .events = POLLIN };
	pid_t pid = fork();
	int status;

	if (!pid)
		run_round(round);
	ends.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pid < 0 || ends.fd < 0 || poll(&ends, 1, ROUND_TIMEOUT) != 1) {
		t_note("SEED=%lu: process %d does not end", round, pid);
		return false;
	}
	close(ends.fd);
	waitpid(pid, &status, 0);
	*died += WIFSIGNALED(status);
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
	if (shared->wrong)
		t_note("that was SEED=%lu", round);
	return !shared->wrong;
}

static struct t_state state;

static _Noreturn void watch_own_vdso(void)
{
	bool right = t_state_capture(&state, fd, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (right && !__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		right = t_state_is(&state);
		usleep(5000);
	}
	_exit(right ? 0 : 1);
}

static void note_counts(unsigned long rounds, unsigned long died)
{
	t_note("%lu rounds, %lu of them died, %lu calls", rounds, died, shared->calls);
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		char line[400];
		int len = snprintf(line, sizeof(line), "command %u: success %lu", i,
				   shared->ok[i]);

		for (unsigned int e = 0; e < MAX_ERRNO; e++) {
			if (shared->errors[i][e])
				len += snprintf(line + len, sizeof(line) - len, ", %s %lu",
						strerrorname_np(e), shared->errors[i][e]);
		}
		t_note("%s", line);
	}
}

static int number, failed;

static void claim(bool ok, const char *what)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++number, what);
	failed |= !ok;
}

int main(void)
{
	unsigned long seconds = d_number("TIME", 60), rounds = 0, died = 0;
	uint64_t first, end = d_now_ns() + seconds * 1000000000ULL;
	bool ends = true, all_succeed = true;
	int status = -1;

	syscall(SYS_getrandom, &first, 4, 0);
	first = d_number("SEED", (uint32_t)first);
	setbuf(stdout, NULL);
	printf("TAP version 13\n1..4\n# SEED=%lu TIME=%lu\n", first, seconds);
	fd = t_open();
	d_learn_sites();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED ||
	    !t_image_map(&image, D_IMAGE_ADDR, t_image_build(D_IMAGE_SIZE), D_IMAGE_SIZE))
		return 1;
	bystander = fork();
	if (!bystander)
		watch_own_vdso();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (!t_state_capture(&state, fd, 0))
		return 1;

	do {
		ends = round_ends(first + rounds++, &died);
	} while (ends && d_now_ns() < end);

	note_counts(rounds, died);
	claim(ends, "every round ends, with answers of the contract that change nothing");
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++)
		all_succeed &= shared->ok[i] > 0;
	claim(all_succeed || !seconds, "every command also succeeds");
	claim(t_state_is(&state), "the parent's vDSO is untouched");
	shared->stop = true;
	claim(waitpid(bystander, &status, 0) == bystander && !status,
	      "a bystander's vDSO is untouched all the time");
	return failed;
}
