// SPDX-License-Identifier: GPL-2.0
/*
 * Commands against everything that may happen to their process meanwhile. Each
 * race runs for RACE_SECONDS (12); who should survive does, and has one whole
 * group or, where somebody takes it away, none or its remains. The kernel's log
 * is the VM's business.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../vm/image.h"
#include "../vm/util.h"
#include "common.h"
#include "kselftest_harness.h"

#define RACE_SECONDS	12
#define NR_PLACES	4
#define TIMEOUT		900	/* and more if a race takes more, see set_timeouts() */

/* Seen by all processes of a test. */
struct shared {
	bool stop;
	bool safe;		/* the process does not use its group just now */
	bool wrong;
	unsigned long rounds;	/* of whoever counts them */
	unsigned long others;	/* what they raced against */
	unsigned long ok;	/* commands that succeeded */
	unsigned long busy;	/* and that had to give way, EBUSY or another errno */
};

FIXTURE(race) {
	uint64_t places[NR_PLACES];
	struct t_group group;
};

static struct shared *shared;
static struct t_image image;
static struct t_state state;
static uint64_t end_ns;
static uint64_t seed;
static int fd;

FIXTURE_SETUP(race)
{
	fd = t_open();
	d_learn_sites();
	for (unsigned int i = 0; i < NR_PLACES; i++)
		self->places[i] = t_group_hole_with_room(T_PAGE);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	ASSERT_TRUE(t_image_map(&image, D_IMAGE_ADDR, t_image_build(D_IMAGE_SIZE), D_IMAGE_SIZE));
	ASSERT_TRUE(t_state_capture(&state, fd, 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	seed = d_number("SEED", 1);
	end_ns = d_now_ns() + d_number("RACE_SECONDS", RACE_SECONDS) * 1000000000ULL;
}

FIXTURE_TEARDOWN(race)
{
	if (shared)
		t_note("%lu rounds against %lu others; commands: %lu succeeded, %lu gave way",
		       shared->rounds, shared->others, shared->ok, shared->busy);
}

/* Helpers */

static bool goes_on(void)
{
	return d_now_ns() < end_ns && !__atomic_load_n(&shared->wrong, __ATOMIC_RELAXED);
}

static bool stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static void stop(void)
{
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
}

static void count(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void wrong(const char *what, long how)
{
	t_note("%s: %ld", what, how);
	__atomic_store_n(&shared->wrong, true, __ATOMIC_RELAXED);
}

static uint32_t below(uint32_t limit)
{
	return d_random(&seed) % limit;
}

/* Up to so many microseconds, by system call and without looking at a clock. */
static void nap(uint32_t us)
{
	const struct timespec time = { .tv_nsec = below(us) * 1000L };

	syscall(SYS_nanosleep, &time, NULL);
}

/* So that it is right for something, whatever that takes here. */
static void nap_long(void)
{
	nap(1000 << below(8));
}

static pid_t spawn(void (*fn)(FIXTURE_DATA(race) *self), FIXTURE_DATA(race) *self)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	seed += syscall(SYS_getpid);
	fn(self);
	_exit(0);
}

static int reap(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, __WALL) != pid)
		wrong("waitpid", errno);
	return status;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	reap(pid);
}

/* Errors that somebody who changes the process can cause, besides EBUSY. */
static bool is_harmless(int error, const int *harmless)
{
	while (*harmless && *harmless != error)
		harmless++;
	return *harmless;
}

static const int busy_only[] = { EBUSY, 0 };
static const int may_vanish[] = { EBUSY, ESRCH, EPERM, EINTR, 0 };
static const int anything[] = {
	EBUSY, ESRCH, EPERM, EINTR, ENOENT, EUCLEAN, EEXIST, EFAULT, EACCES, EINVAL, EALREADY, 0
};

static int issue(unsigned long command, uint32_t flags, pid_t pid, uint64_t addr,
		 const int *harmless)
{
	union d_request req;
	int ret;

	d_request(&req, command, flags, pid, addr);
	ret = t_ioctl(fd, command, &req);
	if (!ret)
		count(&shared->ok);
	else if (is_harmless(-ret, harmless))
		count(&shared->busy);
	else
		wrong("unexpected answer", ret);
	return ret;
}

/* Any command, to any place. */
static int issue_any(FIXTURE_DATA(race) *self, pid_t pid)
{
	uint64_t place = self->places[below(NR_PLACES)];

	switch (below(5)) {
	case 0:
		return issue(VDSO_REMAP_PROXY, 0, pid, 0, anything);
	case 1:
		/* Seldom a mark: from then on MOVE is refused. */
		return issue(VDSO_REMAP_PROXY, VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_REPLACE |
			     !below(16) * VDSO_REMAP_PROXY_MARK, pid, place, anything);
	case 2:
		return issue(VDSO_REMAP_GET_INFO, 0, pid, 0, anything);
	case 3:
		return issue(VDSO_REMAP_MOVE, VDSO_REMAP_MOVE_REPLACE, pid, place, anything);
	default:
		return issue(VDSO_REMAP_MAP, 0, pid, place, anything);
	}
}

/* Where the group is not. */
static uint64_t elsewhere(FIXTURE_DATA(race) *self, pid_t pid)
{
	struct vdso_remap_info info = { .size = sizeof(info), .pid = pid };
	unsigned int i = below(NR_PLACES);

	if (!t_ioctl(fd, VDSO_REMAP_GET_INFO, &info) && info.vdso == self->places[i])
		i = (i + 1) % NR_PLACES;
	return self->places[i];
}

/* What always succeeds, but for threads in the way and what the caller allows. */
static int move_or_park(FIXTURE_DATA(race) *self, pid_t pid, const int *harmless)
{
	uint64_t place = elsewhere(self, pid);

	if (below(2))
		return issue(VDSO_REMAP_MOVE, 0, pid, place, harmless);
	return issue(VDSO_REMAP_PROXY, VDSO_REMAP_PROXY_PARK, pid, place, harmless);
}

/* Of the caller; where it is, or 0. */
static uint64_t own_group(void)
{
	struct vdso_remap_info info = { .size = sizeof(info) };

	if (t_ioctl(fd, VDSO_REMAP_GET_INFO, &info) ||
	    !(info.state & VDSO_REMAP_STATE_PRESENT))
		return 0;
	return info.vdso;
}

static bool own_group_works(void)
{
	uint64_t text = own_group();
	static struct t_maps maps;
	struct t_group group;

	return text && t_maps_read(&maps, 0) && t_group_find(&group, &maps) &&
	       group.text == text && t_time_between_syscalls(text);
}

static void sleep_for_ever(FIXTURE_DATA(race) *self)
{
	for (;;)
		syscall(SYS_pause);
}

static void spin_for_ever(FIXTURE_DATA(race) *self)
{
	for (;;)
		syscall(SYS_getppid);
}

static bool has_succeeded(void)
{
	return !shared->wrong && shared->rounds > 2 && shared->ok > 2;
}

/* Those who are killed */

static pid_t victim;

static void *kill_victims(void *unused)
{
	while (!stopped()) {
		pid_t pid = __atomic_exchange_n(&victim, 0, __ATOMIC_ACQ_REL);

		nap_long();
		if (pid)
			kill(pid, SIGKILL);
	}
	return NULL;
}

TEST_F_TIMEOUT(race, other_process_is_killed, TIMEOUT)
{
	pthread_t killer;

	ASSERT_EQ(0, pthread_create(&killer, NULL, kill_victims, NULL));
	while (goes_on()) {
		pid_t pid = spawn(below(2) ? sleep_for_ever : spin_for_ever, self);
		int ret = 0;

		if (t_seize_and_stop(pid)) {
			__atomic_store_n(&victim, pid, __ATOMIC_RELEASE);
			while (ret != -ESRCH && ret != -EPERM && !shared->wrong)
				ret = move_or_park(self, pid, may_vanish);
		}
		end(pid);
		count(&shared->rounds);
	}
	stop();
	pthread_join(killer, NULL);
	shared->others = shared->rounds;
	EXPECT_TRUE(has_succeeded());
}

static void move_for_ever(FIXTURE_DATA(race) *self)
{
	while (!stopped())
		move_or_park(self, 0, busy_only);
}

TEST_F_TIMEOUT(race, caller_is_killed, TIMEOUT)
{
	while (goes_on()) {
		pid_t pid = spawn(move_for_ever, self);

		nap_long();
		end(pid);
		count(&shared->rounds);
	}
	shared->others = shared->rounds;
	EXPECT_TRUE(has_succeeded());
}

static pid_t tracee;

static void trace_and_move(FIXTURE_DATA(race) *self)
{
	if (!t_seize_and_stop(tracee))
		_exit(1);
	while (!stopped())
		move_or_park(self, tracee, busy_only);
}

static long group_works(uint64_t unused)
{
	return own_group_works();
}

TEST_F_TIMEOUT(race, tracer_is_killed, TIMEOUT)
{
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	tracee = child.pid;
	while (goes_on()) {
		pid_t pid = spawn(trace_and_move, self);

		nap_long();
		end(pid);
		if (t_child_call(&child, group_works, 0) != 1)
			wrong("the tracee has not survived with its group", child.pid);
		count(&shared->rounds);
	}
	shared->others = shared->rounds;
	EXPECT_TRUE(has_succeeded());
	t_child_end(&child);
}

/* Those who become another program, or two */

static void *exec_true(void *unused)
{
	nap_long();
	execl("/bin/true", "true", NULL);
	_exit(errno);	/* of the process: its first thread would wait for ever */
}

static void start_exec(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, exec_true, NULL);

	if (error)
		_exit(error);
}

/* Whose first thread goes on with commands while the second calls exec. */
static void commands_until_exec(FIXTURE_DATA(race) *self)
{
	start_exec();
	for (;;)
		issue_any(self, 0);
}

TEST_F_TIMEOUT(race, second_thread_execs, TIMEOUT)
{
	while (goes_on()) {
		if (reap(spawn(commands_until_exec, self)))
			wrong("exec", 0);
		count(&shared->rounds);
	}
	shared->others = shared->rounds;
	EXPECT_TRUE(has_succeeded());
}

static void sleep_until_exec(FIXTURE_DATA(race) *self)
{
	start_exec();
	sleep_for_ever(self);
}

/* Where the threads of a process are that does not end */
static void show_threads(pid_t pid)
{
	char command[160];

	snprintf(command, sizeof(command), "cd /proc/%d/task && for t in *; do "
		 "grep -E 'State|TracerPid|SigPnd|ShdPnd' $t/status; cat $t/syscall $t/stack; "
		 "done 2>&1 | sed 's/^/# /' >&2", pid);
	if (system(command))
		t_note("can't look at process %d", pid);
}

#define END_SECONDS	60

/*
 * From the first stop on it is let go again whenever it stops. If it was stopped when the other
 * program had begun already, and looked for its vDSO where that is no longer, it faults: that is
 * not the module's business. Let go without the signal, it would fault for ever.
 */
static void follow_to_its_end(pid_t pid)
{
	uint64_t deadline_ns = d_now_ns() + END_SECONDS * 1000000000ULL;
	int status;
	pid_t got;

	ptrace(PTRACE_CONT, pid, 0, 0);
	for (;;) {
		got = waitpid(pid, &status, __WALL | WNOHANG);
		if (got >= 0 && d_now_ns() > deadline_ns) {
			show_threads(pid);
			wrong("has not called exec", pid);
			end(pid);
			return;
		}
		if (!got) {
			nap(1000);
		} else if (got < 0) {
			wrong("lost the process", pid);
			return;
		} else if (WIFSTOPPED(status) && !(status >> 16) && WSTOPSIG(status) == SIGSEGV) {
			end(pid);
			return;
		} else if (WIFSTOPPED(status)) {
			ptrace(PTRACE_CONT, pid, 0, 0);
		} else {
			if (status)
				wrong("exec", status);
			return;
		}
	}
}

TEST_F_TIMEOUT(race, other_process_execs, TIMEOUT)
{
	while (goes_on()) {
		pid_t pid = spawn(sleep_until_exec, self);
		unsigned int i;

		if (t_seize_and_stop(pid)) {
			for (i = 0; i < 30; i++)
				issue_any(self, pid);
			follow_to_its_end(pid);
		} else {
			end(pid);
		}
		count(&shared->rounds);
	}
	shared->others = shared->rounds;
	EXPECT_TRUE(has_succeeded());
}

struct thread {
	pthread_t pthread;
	pid_t tid;
	void (*fn)(void);
};

static void *run_thread(void *arg)
{
	struct thread *thread = arg;

	__atomic_store_n(&thread->tid, gettid(), __ATOMIC_RELEASE);
	thread->fn();
	return NULL;
}

static bool start_thread(struct thread *thread, void (*fn)(void))
{
	thread->fn = fn;
	thread->tid = 0;
	if (pthread_create(&thread->pthread, NULL, run_thread, thread))
		return false;
	while (!__atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE))
		sched_yield();
	return true;
}

static uint32_t go_us = 1000;

/* Stops a thread and lets it go, again and again: only then may others move. */
static void stop_and_go(FIXTURE_DATA(race) *self)
{
	if (ptrace(PTRACE_SEIZE, tracee, 0, 0))
		_exit(1);
	for (;;) {
		int status;

		nap(go_us);
		ptrace(PTRACE_INTERRUPT, tracee, 0, 0);
		if (waitpid(tracee, &status, __WALL) != tracee || !WIFSTOPPED(status))
			_exit(0);
		nap(3000);
		ptrace(PTRACE_CONT, tracee, 0, 0);
	}
}

/* Of the first site and the last one exactly one has a jump, in either way to install them. */
static struct vdso_remap_site other_sites[D_NR_SITES];

static bool is_jump(unsigned int i)
{
	const uint8_t opcode = image.addr[d_sites[i].off];

	return opcode == 0xe9 || opcode == 0x49;
}

static void install(const struct vdso_remap_site *sites)
{
	union d_request req;

	d_request(&req, VDSO_REMAP_PROXY, 0, 0, 0);
	req.proxy.sites = (uintptr_t)sites;
	if (!t_ioctl(fd, VDSO_REMAP_PROXY, &req))
		count(&shared->ok);
	else
		wrong("PROXY", errno);
}

/*
 * Whose children have a whole group. That the kernel's own pointer to it is right
 * is not asked: fork copies that before it waits for the mmap lock, and the
 * tracer may let it begin in the middle of a MOVE.
 */
static void fork_for_ever(void)
{
	sigset_t set;

	/* Each would be a stop, which its tracer is late to notice. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (!stopped()) {
		pid_t pid = below(4) ? fork() : vfork();
		int status;

		if (!pid)
			_exit((is_jump(0) == is_jump(D_NR_SITES - 1)) | !own_group() << 1);
		status = pid < 0 ? -1 : reap(pid);
		if (status)
			wrong("a fork saw half of the sites (1) or of a move (2)", status >> 8);
		count(&shared->others);
	}
}

TEST_F_TIMEOUT(race, second_thread_forks, TIMEOUT)
{
	struct thread thread;
	unsigned long moved;
	pid_t tracer;

	memcpy(other_sites, d_sites, sizeof(d_sites));
	other_sites[0].kind = VDSO_REMAP_SITE_STUB;
	other_sites[0].target = VDSO_REMAP_STUB_TIME;
	other_sites[D_NR_SITES - 1].kind = VDSO_REMAP_SITE_JUMP;
	other_sites[D_NR_SITES - 1].target = d_sites[0].target;
	install(d_sites);
	ASSERT_TRUE(start_thread(&thread, fork_for_ever));
	tracee = thread.tid;
	go_us = 10000;	/* or it would not get to fork much */
	tracer = spawn(stop_and_go, self);
	for (moved = 0; goes_on(); count(&shared->rounds)) {
		if (shared->rounds % 2)
			install(shared->rounds / 2 % 2 ? d_sites : other_sites);
		else
			moved += !issue(VDSO_REMAP_MOVE, 0, 0, elsewhere(self, 0), busy_only);
	}
	stop();
	pthread_join(thread.pthread, NULL);
	end(tracer);
	EXPECT_TRUE(has_succeeded());
	EXPECT_LT(0, moved);
	t_note("%lu moves", moved);
	EXPECT_TRUE(own_group_works());
}

/* Those whose memory changes */

static struct t_group any_group(FIXTURE_DATA(race) *self)
{
	uint64_t text = own_group() ?: self->places[below(NR_PLACES)];

	return (struct t_group){
		.start = text - (self->group.text - self->group.start),
		.text = text,
		.end = text + (self->group.end - self->group.text),
	};
}

static FIXTURE_DATA(race) *the_self;

/* Does to the group and to the image what a process can do to them. */
static void change_memory_for_ever(void)
{
	while (!stopped()) {
		struct t_group group = any_group(the_self);
		void *data = (void *)group.start, *text = (void *)group.text;
		size_t data_size = group.text - group.start, text_size = group.end - group.text;
		void *other = (void *)the_self->places[below(NR_PLACES)];

		switch (below(12)) {
		case 0:
			munmap(data, group.end - group.start);
			break;
		case 1:
			munmap(below(2) ? data : text, T_PAGE);
			break;
		case 2:
			mremap(text, text_size, text_size, MREMAP_MAYMOVE | MREMAP_FIXED, other);
			break;
		case 3:
			mremap(data, data_size, data_size, MREMAP_MAYMOVE | MREMAP_FIXED, other);
			break;
		case 4:
			mprotect(text, T_PAGE, PROT_READ | below(2) * PROT_EXEC);
			break;
		case 5:
			madvise(text, text_size, below(2) ? MADV_DONTFORK : MADV_DOFORK);
			break;
		case 6:
			mmap(other, T_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			     -1, 0);
			break;
		case 7:
			munmap(image.addr + below(2) * T_PAGE, T_PAGE);
			break;
		case 8:
			madvise(image.addr, image.size, below(2) ? MADV_DONTNEED : MADV_PAGEOUT);
			break;
		case 9:
			mprotect(image.addr, image.size, PROT_READ | below(2) * PROT_EXEC |
				 below(2) * PROT_WRITE);
			break;
		default:
			mmap(image.addr, image.size, PROT_READ | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		}
		count(&shared->others);
	}
}

/* Unmaps what is left of a group, as the contract says, and gets a new one. */
static bool repair_group(FIXTURE_DATA(race) *self)
{
	struct vdso_remap_info info;
	unsigned int i;

	do {
		memset(&info, 0, sizeof(info));
		info.size = sizeof(info);
		if (t_ioctl(fd, VDSO_REMAP_GET_INFO, &info))
			return false;
		for (i = 0; i < info.nr_areas; i++)
			munmap((void *)info.areas[i].start, info.areas[i].size);
	} while (info.nr_areas);
	munmap((void *)(self->places[0] - self->group.text + self->group.start),
	       self->group.end - self->group.start);
	return !issue(VDSO_REMAP_MAP, 0, 0, self->places[0], busy_only) && own_group_works();
}

TEST_F_TIMEOUT(race, memory_of_group_and_image_changes, TIMEOUT)
{
	struct thread thread;
	pid_t tracer;

	the_self = self;
	ASSERT_TRUE(start_thread(&thread, change_memory_for_ever));
	tracee = thread.tid;
	tracer = spawn(stop_and_go, self);
	while (goes_on()) {
		issue_any(self, 0);
		count(&shared->rounds);
	}
	stop();
	pthread_join(thread.pthread, NULL);
	end(tracer);
	EXPECT_TRUE(has_succeeded());
	EXPECT_TRUE(repair_group(self));
}

/* Several who move the same group */

static void *trace_move_detach(void *arg)
{
	struct thread *thread = arg;
	unsigned int i;

	while (goes_on()) {
		if (!t_seize_and_stop(thread->tid))
			break;
		for (i = below(8); i; i--)
			issue_any(the_self, thread->tid);
		if (!t_detach(thread->tid))
			break;
		count(&shared->others);
		/* Of a thread that it does not trace any more. */
		issue(VDSO_REMAP_GET_INFO, 0, thread->tid, 0, may_vanish);
	}
	return NULL;
}

static void naps(void)
{
	while (!stopped())
		nap(300);
}

static struct thread *trio;	/* threads of the process that is moved, in shared memory */

static void be_three(FIXTURE_DATA(race) *self)
{
	start_thread(&trio[1], naps);
	start_thread(&trio[2], naps);
	__atomic_store_n(&trio[0].tid, gettid(), __ATOMIC_RELEASE);
	naps();
	pthread_join(trio[1].pthread, NULL);
	pthread_join(trio[2].pthread, NULL);
	_exit(own_group_works() ? 0 : 1);
}

TEST_F_TIMEOUT(race, three_tracers_of_one_process_move_and_detach, TIMEOUT)
{
	pthread_t tracers[3];
	unsigned int i;
	pid_t pid;

	the_self = self;
	trio = mmap(NULL, T_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, trio);
	pid = spawn(be_three, self);
	while (!__atomic_load_n(&trio[0].tid, __ATOMIC_ACQUIRE))
		sched_yield();
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&tracers[i], NULL, trace_move_detach, &trio[i]));
	for (i = 0; i < 3; i++)
		pthread_join(tracers[i], NULL);
	stop();
	EXPECT_EQ(0, reap(pid));
	shared->rounds = shared->others;
	EXPECT_TRUE(has_succeeded());
}

static void any_for_ever(void)
{
	while (!stopped()) {
		issue_any(the_self, 0);
		count(&shared->rounds);
	}
}

TEST_F_TIMEOUT(race, threads_move_their_own_group, TIMEOUT)
{
	struct thread thread, stopped_one;
	pid_t tracer;

	the_self = self;
	ASSERT_TRUE(start_thread(&thread, any_for_ever));
	ASSERT_TRUE(start_thread(&stopped_one, any_for_ever));
	tracee = thread.tid;
	tracer = spawn(stop_and_go, self);
	while (goes_on()) {
		issue_any(self, 0);
		count(&shared->rounds);
	}
	stop();
	pthread_join(thread.pthread, NULL);
	pthread_join(stopped_one.pthread, NULL);
	end(tracer);
	EXPECT_TRUE(has_succeeded());
	EXPECT_TRUE(own_group_works());
}

/* Signals */

static void count_signal(int sig)
{
	count(&shared->others);
}

static void send_signals(FIXTURE_DATA(race) *self)
{
	while (!kill(tracee, below(2) ? SIGUSR1 : SIGUSR2))
		nap(500);
}

TEST_F_TIMEOUT(race, signals_arrive, TIMEOUT)
{
	const struct itimerval often = { { 0, 700 }, { 0, 700 } }, never = {};
	pid_t sender;

	ASSERT_NE(SIG_ERR, signal(SIGUSR1, count_signal));
	ASSERT_NE(SIG_ERR, signal(SIGUSR2, count_signal));
	ASSERT_NE(SIG_ERR, signal(SIGALRM, count_signal));
	tracee = getpid();
	sender = spawn(send_signals, self);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	while (goes_on()) {
		move_or_park(self, 0, busy_only);
		count(&shared->rounds);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	end(sender);
	EXPECT_TRUE(has_succeeded());
	EXPECT_EQ(0, shared->busy);
	EXPECT_LT(0, shared->others);
	EXPECT_TRUE(own_group_works());
}

/* Readers */

static void read_all(const char *name)
{
	static char buf[65536];
	char path[64];
	int file;

	snprintf(path, sizeof(path), "/proc/%d/%s", tracee, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	while (file >= 0 && read(file, buf, sizeof(buf)) > 0)
		;
	close(file);
}

static void read_for_ever(FIXTURE_DATA(race) *self)
{
	static const char *const names[] = {
		"maps", "smaps", "smaps_rollup", "status", "auxv", "maps", "environ",
	};
	static struct t_maps maps;
	static char buf[T_MAX_TEXT];

	for (;;) {
		const uint64_t places[] = { self->places[below(NR_PLACES)], D_IMAGE_ADDR };
		uint64_t at = places[below(2)];
		struct iovec local = { buf, sizeof(buf) }, remote = { (void *)at, T_PAGE };

		read_all(names[below(ARRAY_SIZE(names))]);
		process_vm_readv(tracee, &local, 1, &remote, 1, 0);
		if (!t_maps_read(&maps, tracee))
			_exit(1);
		for (unsigned int i = 1; i < maps.nr; i++) {
			if (maps.vma[i].start < maps.vma[i - 1].end)
				wrong("maps are out of order", i);
		}
		count(&shared->others);
	}
}

TEST_F_TIMEOUT(race, others_read_its_maps_and_memory, TIMEOUT)
{
	pid_t readers[2];

	tracee = getpid();
	readers[0] = spawn(read_for_ever, self);
	readers[1] = spawn(read_for_ever, self);
	while (goes_on()) {
		move_or_park(self, 0, busy_only);
		count(&shared->rounds);
	}
	end(readers[0]);
	end(readers[1]);
	EXPECT_TRUE(has_succeeded());
	EXPECT_EQ(0, shared->busy);
	EXPECT_LT(0, shared->others);
	EXPECT_TRUE(own_group_works());
}

/* Time namespaces */

static int timens[2];

static void write_offset(long seconds)
{
	int file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);

	if (file < 0 || dprintf(file, "monotonic %ld 0\nboottime %ld 0\n", seconds, seconds) <= 0)
		wrong("timens_offsets", errno);
	close(file);
}

static int new_timens(long seconds)
{
	if (unshare(CLONE_NEWTIME))
		wrong("unshare", errno);
	write_offset(seconds);
	return open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
}

static void set_safe(bool safe)
{
	__atomic_store_n(&shared->safe, safe, __ATOMIC_SEQ_CST);
}

static void join_for_ever(FIXTURE_DATA(race) *self)
{
	unsigned int i;

	for (i = 0; !stopped(); i++) {
		uint64_t text;

		set_safe(true);
		if (setns(timens[i % 2], CLONE_NEWTIME))
			wrong("setns", errno);
		nap(200);
		set_safe(false);
		text = own_group();
		if (!text || !t_time_between_syscalls(text))
			wrong("the time is wrong in time namespace", i % 2);
		count(&shared->others);
	}
	_exit(own_group_works() ? 0 : 1);
}

TEST_F_TIMEOUT(race, process_joins_time_namespaces, TIMEOUT)
{
	pid_t pid;

	timens[0] = new_timens(1000000);
	timens[1] = new_timens(5000000);
	pid = spawn(join_for_ever, self);
	while (goes_on()) {
		if (!t_seize_and_stop(pid))
			break;
		if (__atomic_load_n(&shared->safe, __ATOMIC_SEQ_CST)) {
			move_or_park(self, pid, busy_only);
			count(&shared->rounds);
		}
		if (!t_detach(pid))
			break;
		nap(1000);
	}
	stop();
	EXPECT_EQ(0, reap(pid));
	EXPECT_TRUE(has_succeeded());
	EXPECT_LT(10, shared->others);
}

/* Processors that come and go: those who hold all of them must wait */

static void set_online(const char *online)
{
	int file = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, online, 1) != 1)
		wrong("cpu1/online", errno);
	close(file);
}

static void plug_for_ever(FIXTURE_DATA(race) *self)
{
	while (!stopped()) {
		set_online("0");
		nap(5000);
		set_online("1");
		nap(5000);
		count(&shared->others);
	}
}

TEST_F_TIMEOUT(race, processors_come_and_go, TIMEOUT)
{
	struct thread thread;
	pid_t plugger;

	the_self = self;
	ASSERT_TRUE(start_thread(&thread, any_for_ever));
	plugger = spawn(plug_for_ever, self);
	while (goes_on()) {
		issue_any(self, 0);
		count(&shared->rounds);
	}
	stop();
	pthread_join(thread.pthread, NULL);
	EXPECT_EQ(0, reap(plugger));
	EXPECT_TRUE(has_succeeded());
	EXPECT_TRUE(own_group_works());
}

/* After all tests have been registered. */
static void __attribute__((constructor)) set_timeouts(void)
{
	struct __test_metadata *test;

	for (test = _race_fixture_object.tests; test; test = test->next)
		test->timeout += 5 * d_number("RACE_SECONDS", RACE_SECONDS);
}

TEST_HARNESS_MAIN
