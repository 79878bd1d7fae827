// SPDX-License-Identifier: GPL-2.0
/*
 * A program for the tests of vdsoctl: is the vDSO's time right?
 *
 *   target check	reads clocks and gets signals for a moment; exits 0 if all were right
 *   target busy	reads them in 4 threads until SIGUSR1; exits 0 if all were right
 *   target wait	waits in a system call, until it is killed
 *   target vfork	waits in vfork(), where it can't be stopped, for a child that waits
 *   target split	splits its vDSO into two mappings, and waits; exits 1 if the kernel refuses
 *   target displaced	moves the text of its vDSO, puts zeros in its place, and waits
 *   target auxv FILE OFF	exits 0 if the auxiliary vector names a vDSO that begins like the
 *			file and, if OFF is not 0, a function for system calls so far in it
 *   target hold FILE [split|data]	holds an image in plain memory, as a restored process does,
 *			split: in two mappings, data: with data pages that are not zero,
 *			and prints its address; for each offset of a
 *			clock_gettime() that it reads it calls that and prints
 *			"right". It calls no function of its own vDSO, which
 *			may have been moved.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/syscall.h"

/* What a 32-bit libc calls is in the vDSO. */
static long system_call(long nr, long a, long b, long c)
{
	return raw_syscall(nr, a, b, c, 0, 0, 0);
}

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static int64_t nanoseconds(const struct timespec *t)
{
	return t->tv_sec * 1000000000LL + t->tv_nsec;
}

/* With 64-bit seconds; the older call of 32 bits is not in every kernel. */
#ifdef SYS_clock_gettime64
#define NR_CLOCK_GETTIME	SYS_clock_gettime64
#else
#define NR_CLOCK_GETTIME	SYS_clock_gettime
#endif

static int64_t system_clock(clockid_t clock)
{
	int64_t t[2] = { 0, 0 };

	system_call(NR_CLOCK_GETTIME, clock, (long)t, 0);
	return t[0] * 1000000000LL + t[1];
}

typedef int (*clock_function)(clockid_t clock, struct timespec *t);

/* A reading must lie between two system calls. */
static void check_clock(clockid_t clock, clock_function read_clock)
{
	int64_t before, vdso, after;
	struct timespec t;

	before = system_clock(clock);
	if (read_clock(clock, &t))
		_exit(1);
	after = system_clock(clock);
	vdso = nanoseconds(&t);
	if (vdso < before || vdso > after) {
		fprintf(stderr, "clock %d: %lld is not between %lld and %lld\n", clock,
			(long long)vdso, (long long)before, (long long)after);
		_exit(1);
	}
}

static void check_clocks(void)
{
	check_clock(CLOCK_MONOTONIC, clock_gettime);
	check_clock(CLOCK_REALTIME, clock_gettime);
	check_clock(CLOCK_BOOTTIME, clock_gettime);
}

static volatile int signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static void count_rt_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	signals++;
}

/* An ABI can have a way back of its own for either kind of handler. */
static void check_signals(void)
{
	struct sigaction plain = { .sa_handler = count_signal };
	struct sigaction rt = { .sa_sigaction = count_rt_signal, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &plain, NULL);
	sigaction(SIGUSR2, &rt, NULL);
	raise(SIGUSR1);
	raise(SIGUSR2);
	if (signals != 2) {
		fprintf(stderr, "%d signals\n", signals);
		_exit(1);
	}
}

static void *check_forever(void *unused)
{
	struct timespec t;
	int i;

	for (;;) {
		check_clocks();
		for (i = 0; i < 1000; i++)	/* be inside the vDSO most of the time */
			clock_gettime(CLOCK_MONOTONIC, &t);
	}
	return unused;
}

static void finish(int sig)
{
	(void)sig;
	_exit(0);
}

/* Text at an address where data pages fit below, which are zero unless how is "data". */
static char *map_image(const char *path, const char *how)
{
	bool split = !strcmp(how, "split");
	const size_t data_size = 5 * page_size();
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *mem;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	mem = mmap(NULL, data_size + st.st_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || read(fd, mem + data_size, st.st_size) != st.st_size)
		return NULL;
	mem[data_size - 1] = !strcmp(how, "data");
	if (mprotect(mem, data_size, PROT_READ) ||
	    mprotect(mem + data_size, st.st_size, PROT_READ | PROT_EXEC) ||
	    (split && mprotect(mem + data_size, page_size(), PROT_READ | PROT_WRITE | PROT_EXEC)))
		return NULL;
	close(fd);
	return mem + data_size;
}

static int hold(const char *path, const char *how)
{
	static const char right[] = "right\n";
	char *image = map_image(path, how);
	char line[32];
	long len;

	if (!image)
		return 1;
	printf("%lx\n", (unsigned long)image);
	fflush(stdout);
	for (;;) {
		len = system_call(SYS_read, 0, (long)line, sizeof(line) - 1);
		if (len <= 0)
			break;
		line[len] = '\0';
		check_clock(CLOCK_MONOTONIC, (clock_function)(image + strtol(line, NULL, 0)));
		system_call(SYS_write, 1, (long)right, sizeof(right) - 1);
	}
	return 0;
}

static int check_auxv(const char *path, unsigned long vsyscall)
{
	unsigned long text = getauxval(AT_SYSINFO_EHDR);
	char begin[0x200];	/* before all code */
	FILE *file = fopen(path, "r");

	if (!file || !text || fread(begin, sizeof(begin), 1, file) != 1)
		return 1;
	if (memcmp((const void *)text, begin, sizeof(begin)))
		return 2;
#ifdef AT_SYSINFO
	if (vsyscall && getauxval(AT_SYSINFO) != text + vsyscall)
		return 3;
#endif
	return 0;
}

static void wait_in_vfork(void)
{
	pid_t child = vfork();

	while (!child)
		pause();
}

static bool split_vdso(void)
{
	char *text = (char *)getauxval(AT_SYSINFO_EHDR);

	return !mprotect(text + page_size(), page_size(), PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* Its section headers are the last thing in it. */
static size_t size_of_vdso(const void *text)
{
	const ElfW(Ehdr) *ehdr = text;

	return (ehdr->e_shoff + ehdr->e_shnum * ehdr->e_shentsize + page_size() - 1) &
	       -page_size();
}

static bool displace_vdso(void)
{
	void *text = (void *)getauxval(AT_SYSINFO_EHDR);
	const size_t size = size_of_vdso(text);
	void *hole = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mremap(text, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, hole) == hole &&
	       mmap(text, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		    0) == text;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int i;

	if (argc == 2 && !strcmp(argv[1], "busy")) {
		signal(SIGUSR1, finish);
		for (i = 0; i < 3; i++)
			pthread_create(&thread, NULL, check_forever, NULL);
		check_forever(NULL);
	}
	if (argc >= 3 && !strcmp(argv[1], "hold"))
		return hold(argv[2], argc > 3 ? argv[3] : "");
	if (argc == 4 && !strcmp(argv[1], "auxv"))
		return check_auxv(argv[2], strtoul(argv[3], NULL, 0));
	if (argc == 2 && !strcmp(argv[1], "vfork"))
		wait_in_vfork();
	if (argc == 2 && ((!strcmp(argv[1], "split") && !split_vdso()) ||
			  (!strcmp(argv[1], "displaced") && !displace_vdso())))
		return 1;
	while (argc == 2 && (!strcmp(argv[1], "wait") || !strcmp(argv[1], "split") ||
			     !strcmp(argv[1], "displaced")))
		pause();
	check_signals();
	for (i = 0; i < 1000; i++)
		check_clocks();
	return 0;
}
