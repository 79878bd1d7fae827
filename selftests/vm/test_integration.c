// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the example of vdso_remap_integration(7), as a user would: it saves the vDSO of a process
 * whose threads call it all the time, and starts a process that remembers that vDSO. Once with
 * the module, and once where there is no device.
 *
 * usage: test_integration EXAMPLE
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vdso_remap.h>

#define NR_THREADS	4
#define WAIT_MS		20000

static const char *example;

/* What the busy process counts; one for each thread, in shared memory. */
static volatile unsigned long *calls;

static void *call_vdso(void *arg)
{
	volatile unsigned long *count = arg;
	struct timespec ts;

	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		(*count)++;
	}
	return NULL;
}

static pid_t start_busy_process(void)
{
	pid_t pid = fork();
	pthread_t thread;
	unsigned int i;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 1; i < NR_THREADS; i++)
		if (pthread_create(&thread, NULL, call_vdso, (void *)&calls[i]))
			_exit(1);
	call_vdso((void *)&calls[0]);
	_exit(1);
}

/* Whether all threads call the vDSO, and return from it, from now on. */
static bool is_busy(void)
{
	unsigned long before[NR_THREADS];
	unsigned int i, ms;

	for (i = 0; i < NR_THREADS; i++)
		before[i] = calls[i];
	for (i = 0, ms = 0; i < NR_THREADS; i++)
		while (calls[i] < before[i] + 2) {
			if (++ms == WAIT_MS)
				return false;
			usleep(1000);
		}
	return true;
}

/* Runs the example; its messages go to out, too. */
static bool run(const char *verb, const char *arg, const char *file, int out)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
		execl(example, example, verb, arg, file, NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool dumps(const char *file)
{
	pid_t pid = start_busy_process();
	char arg[16];
	bool ok;

	snprintf(arg, sizeof(arg), "%d", pid);
	ok = is_busy() && run("dump", arg, file, STDERR_FILENO) && is_busy();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ok;
}

static double now(void)
{
	struct timespec ts;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/*
 * The restored process prints the time that the vDSO it remembers told it. An image
 * that nobody has restored would tell it as well, by the system call, so the outcome counts, too.
 */
static bool restores_at_once(const char *file, int outcome, bool *taken)
{
	char output[1024] = "", expected[32];
	const char *last;
	double before, told;
	int out[2];
	bool ok;

	if (pipe2(out, O_CLOEXEC))
		return false;
	before = now();
	ok = run("restore", file, NULL, out[1]);
	close(out[1]);
	/* also what it says of a failure */
	if (read(out[0], output, sizeof(output) - 1) <= 0)
		ok = false;
	close(out[0]);
	fprintf(stderr, "%s", output);
	*taken = strstr(output, "other memory is where the image belongs");
	snprintf(expected, sizeof(expected), "outcome %d,", outcome);
	last = strrchr(output, ',');
	last = last ? strchr(last, '\n') : NULL;
	told = last ? atof(last) : 0;
	return ok && strstr(output, expected) && told > before && told < now();
}

/*
 * The example is an ordinary program, which the kernel may have put where the image belongs. Its
 * next run is elsewhere.
 */
static bool restores(const char *file, int outcome)
{
	bool taken = true, ok = false;

	for (unsigned int i = 0; taken && i < 10; i++)
		ok = restores_at_once(file, outcome, &taken);
	return ok;
}

static bool works(int outcome)
{
	char file[] = "/tmp/integration.XXXXXX";
	int fd = mkstemp(file);
	bool ok = fd >= 0 && dumps(file) && restores(file, outcome);

	close(fd);
	unlink(file);
	return ok;
}

/* In a child whose /dev is empty. */
static bool works_without_module(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", "/dev", "tmpfs", 0, NULL))
			_exit(2);
		_exit(!works(VDSO_REMAP_PROXIED_BY_PTRACE));
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool claim(unsigned int nr, const char *what, bool ok)
{
	printf("%sok %u %s\n", ok ? "" : "not ", nr, what);
	return ok;
}

int main(int argc, char **argv)
{
	bool ok;

	if (argc != 2)
		return 2;
	if (getenv("STEPS_ARE_SLOW")) {
		printf("1..0 # SKIP steps are slow: the clock functions start again and again\n");
		return 0;
	}
	example = argv[1];
	calls = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (calls == MAP_FAILED)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("1..2\n");
	ok = claim(1, "the manual's example saves a vDSO and restores it",
		   !access(VDSO_REMAP_DEVICE, F_OK) && works(VDSO_REMAP_IN_PLACE));
	return !claim(2, "the same without the module", works_without_module()) || !ok;
}
