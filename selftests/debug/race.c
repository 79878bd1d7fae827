// SPDX-License-Identifier: GPL-2.0
/* See race.h. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/child.h"
#include "lib/clock.h"
#include "lib/device.h"
#include "lib/image.h"
#include "lib/maps.h"
#include "lib/note.h"
#include "lib/vdso.h"
#include "race.h"

struct race_shared *shared;
struct t_image race_image;
int race_fd;
struct race *race_current;
pid_t race_tracee;
uint32_t race_go_us = 1000;

static uint64_t end_ns;
static uint64_t seed;

void race_begin(void)
{
	seed = d_number("SEED", 1);
	end_ns = d_now_ns() + d_number("RACE_SECONDS", RACE_SECONDS) * 1000000000ULL;
}

bool race_goes_on(void)
{
	return d_now_ns() < end_ns && !__atomic_load_n(&shared->wrong, __ATOMIC_RELAXED);
}

bool race_is_stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

void race_stop(void)
{
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
}

void race_count(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void race_wrong(const char *what, long how)
{
	t_note("%s: %ld", what, how);
	__atomic_store_n(&shared->wrong, true, __ATOMIC_RELAXED);
}

uint32_t race_below(uint32_t limit)
{
	return d_random(&seed) % limit;
}

void race_nap(uint32_t us)
{
	const struct timespec time = { .tv_nsec = race_below(us) * 1000L };

	syscall(SYS_nanosleep, &time, NULL);
}

void race_nap_long(void)
{
	race_nap(1000 << race_below(8));
}

pid_t race_spawn(void (*fn)(struct race *race), struct race *race)
{
	pid_t pid = t_fork();

	if (pid)
		return pid;
	seed += syscall(SYS_getpid);
	fn(race);
	_exit(0);
}

int race_reap(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, __WALL) != pid)
		race_wrong("waitpid", errno);
	return status;
}

void race_end(pid_t pid)
{
	kill(pid, SIGKILL);
	race_reap(pid);
}

/* Errors that somebody who changes the process can cause, besides EBUSY. */
static bool is_harmless(int error, const int *harmless)
{
	while (*harmless && *harmless != error)
		harmless++;
	return *harmless;
}

const int race_busy_only[] = { EBUSY, 0 };
const int race_may_vanish[] = { EBUSY, ESRCH, EPERM, EINTR, 0 };
const int race_anything[] = {
	EBUSY, ESRCH, EPERM, EINTR, ENOENT, EUCLEAN, EEXIST, EFAULT, EACCES, EINVAL, EALREADY, 0
};

int race_issue(unsigned long command, uint32_t flags, pid_t pid, uint64_t addr,
	       const int *harmless)
{
	union d_request req;
	int ret;

	d_request(&req, command, flags, pid, addr);
	ret = t_ioctl(race_fd, command, &req);
	if (!ret)
		race_count(&shared->ok);
	else if (is_harmless(-ret, harmless))
		race_count(&shared->busy);
	else
		race_wrong("unexpected answer", ret);
	return ret;
}

int race_issue_any(struct race *race, pid_t pid)
{
	uint64_t place = race->places[race_below(RACE_NR_PLACES)];

	switch (race_below(5)) {
	case 0:
		return race_issue(VDSO_REMAP_PROXY, 0, pid, 0, race_anything);
	case 1:
		/* Seldom a mark: from then on MOVE is refused. */
		return race_issue(VDSO_REMAP_PROXY, VDSO_REMAP_PROXY_PARK |
				  VDSO_REMAP_PROXY_REPLACE |
				  !race_below(16) * VDSO_REMAP_PROXY_MARK, pid, place,
				  race_anything);
	case 2:
		return race_issue(VDSO_REMAP_GET_INFO, 0, pid, 0, race_anything);
	case 3:
		return race_issue(VDSO_REMAP_MOVE, VDSO_REMAP_MOVE_REPLACE, pid, place,
				  race_anything);
	default:
		return race_issue(VDSO_REMAP_MAP, 0, pid, place, race_anything);
	}
}

uint64_t race_elsewhere(struct race *race, pid_t pid)
{
	struct vdso_remap_info info = { .size = sizeof(info), .pid = pid };
	unsigned int i = race_below(RACE_NR_PLACES);

	if (!t_ioctl(race_fd, VDSO_REMAP_GET_INFO, &info) && info.vdso == race->places[i])
		i = (i + 1) % RACE_NR_PLACES;
	return race->places[i];
}

int race_move_or_park(struct race *race, pid_t pid, const int *harmless)
{
	uint64_t place = race_elsewhere(race, pid);

	if (race_below(2))
		return race_issue(VDSO_REMAP_MOVE, 0, pid, place, harmless);
	return race_issue(VDSO_REMAP_PROXY, VDSO_REMAP_PROXY_PARK, pid, place, harmless);
}

uint64_t race_own_group(void)
{
	struct vdso_remap_info info = { .size = sizeof(info) };

	if (t_ioctl(race_fd, VDSO_REMAP_GET_INFO, &info) ||
	    !(info.state & VDSO_REMAP_STATE_PRESENT))
		return 0;
	return info.vdso;
}

bool race_own_group_works(void)
{
	uint64_t text = race_own_group();
	static struct t_maps maps;
	struct t_group group;

	return text && t_maps_read(&maps, 0) && t_group_find(&group, &maps) &&
	       group.text == text && t_time_between_syscalls(text);
}

void race_sleep_for_ever(struct race *race)
{
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

void race_spin_for_ever(struct race *race)
{
	for (;;)
		syscall(SYS_getppid);
}

bool race_has_succeeded(void)
{
	return !shared->wrong && shared->rounds > 2 && shared->ok > 2;
}

void race_any_for_ever(void)
{
	while (!race_is_stopped()) {
		race_issue_any(race_current, 0);
		race_count(&shared->rounds);
	}
}

static void *run_thread(void *arg)
{
	struct race_thread *thread = arg;

	__atomic_store_n(&thread->tid, gettid(), __ATOMIC_RELEASE);
	thread->fn();
	return NULL;
}

bool race_start_thread(struct race_thread *thread, void (*fn)(void))
{
	thread->fn = fn;
	thread->tid = 0;
	if (pthread_create(&thread->pthread, NULL, run_thread, thread))
		return false;
	while (!__atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE))
		sched_yield();
	return true;
}

void race_stop_and_go(struct race *race)
{
	if (ptrace(PTRACE_SEIZE, race_tracee, 0, 0))
		_exit(1);
	for (;;) {
		int status;

		race_nap(race_go_us);
		ptrace(PTRACE_INTERRUPT, race_tracee, 0, 0);
		if (waitpid(race_tracee, &status, __WALL) != race_tracee || !WIFSTOPPED(status))
			_exit(0);
		race_nap(3000);
		ptrace(PTRACE_CONT, race_tracee, 0, 0);
	}
}
