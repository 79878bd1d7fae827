// SPDX-License-Identifier: GPL-2.0
/*
 * A process that is dumped and restored. It remembers its vDSO's entry points from
 * the start, asks no libc for the time, and says on SIGUSR1 whether they answer
 * truly: one line in FILE, "ready" at first, then "right", "wrong" now, "wrong once"
 * in a thread that calls all the time, or "crashed".
 *
 *   dumpee FILE plain      calls every function of the vDSO, compares with system calls
 *   dumpee FILE moved      the same, after moving its vDSO elsewhere
 *   dumpee FILE unmapped   the same, without one: it is only there
 *   dumpee FILE threads    and twelve threads that call it all the time
 *   dumpee FILE busy       and four, each one another function
 *   dumpee FILE sandboxed  and has seccomp filters, which must still be there
 *   dumpee FILE random     appends 16 bytes, drawn from a state in its memory (64-bit), after
 *                          "kept" if that state is the one that it drew from before
 *   dumpee FILE family     three processes with a busy thread each, of the least priority, which
 *                          share what was opened before they were forked; random bytes, too, if
 *                          there is a function for them. The later ones report to FILE-PID. To
 *                          be asked in turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "arch/test.h"
#include "arch/syscall.h"
#include "lib/memory.h"
#include "lib/note.h"
#include "lib/vdso_calls.h"

#define MAX_THREADS	12
#define RANDOM_BYTES	16
#define FAMILY		3
#define FAMILY_PAGES	64

static const char *report_file;
/* What was wrong when asked, and to a thread that was not; the first time. */
static char wrong_now[200], wrong_once[200];

static void note(char to[200], const char *format, va_list args)
{
	if (!to[0])
		vsnprintf(to, 200, format, args);
}

/* Instead of libtests.a's. */
void t_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(wrong_now, format, args);
	va_end(args);
}

static void note_once(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(wrong_once, format, args);
	va_end(args);
}

/* Nobody sees half of a report. */
static void report(const char *text)
{
	char name[200];
	FILE *file;

	snprintf(name, sizeof(name), "%s.new", report_file);
	file = fopen(name, "w");
	if (!file || fprintf(file, "%s\n", text) < 0 || fclose(file) || rename(name, report_file))
		_exit(3);
}

static void die(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	char text[100];

	snprintf(text, sizeof(text), "crashed: signal %d, address %p, ip %#lx", sig, info->si_addr,
		 t_context_ip(uc));
	report(text);
	_exit(4);
}

struct vdso {
	struct vdso_remap_image parsed;
	uint8_t *text;
	size_t size;
};

/* Its section headers are the last thing in it. */
static size_t text_size(const uint8_t *text)
{
	const ElfW(Ehdr) *ehdr = (const void *)text;

	return (ehdr->e_shoff + ehdr->e_shnum * ehdr->e_shentsize + T_PAGE - 1) & ~(T_PAGE - 1);
}

static void *function(const struct vdso *vdso, const char *name)
{
	uint32_t i;

	for (i = 0; i < vdso->parsed.nr_entry_points; i++)
		if (!strcmp(vdso->parsed.entry_points[i].name, name))
			return vdso->text + vdso->parsed.entry_points[i].off;
	return NULL;
}

/* All its mappings by the same distance, or, without one, away. */
static bool relocate(struct vdso *vdso, uintptr_t to)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from[8], size[8], start, end;
	unsigned int nr = 0;
	char line[300];

	if (!maps)
		return false;
	while (fgets(line, sizeof(line), maps))
		if ((strstr(line, "[vvar") || strstr(line, "[vdso]")) && nr < 8 &&
		    sscanf(line, "%lx-%lx", &start, &end) == 2) {
			from[nr] = start;
			size[nr++] = end - start;
		}
	fclose(maps);
	for (unsigned int i = 0; i < nr; i++) {
		void *old = (void *)from[i];
		void *new = (void *)(to + from[i] - from[0]);

		if (to ? mremap(old, size[i], size[i], MREMAP_MAYMOVE | MREMAP_FIXED, new) != new :
			 munmap(old, size[i]))
			return false;
		if (vdso->text == old)
			vdso->text = new;
	}
	return nr > 0;
}

/* A thread that does nothing but call one function */
struct busy {
	const struct vdso *vdso;
	unsigned int nr;
	int nice;
	volatile unsigned long calls;
};

static const struct {
	const char *name;
	clockid_t id;
} busy_calls[] = {
	{ T_VDSO "clock_gettime", CLOCK_MONOTONIC },
	{ T_VDSO "clock_gettime", CLOCK_REALTIME_COARSE },
	{ T_FUNCTION, 0 },
	{ T_VDSO "clock_getres", CLOCK_MONOTONIC },
};

static long long busy_call(void *fn, unsigned int nr)
{
	struct timespec ts;
	struct timeval tv;

	if (nr == 2) {
		if (((int (*)(struct timeval *, struct timezone *))fn)(&tv, NULL))
			return -1;
		return tv.tv_sec * 1000000000LL + tv.tv_usec * 1000;
	}
	memset(&ts, 0xee, sizeof(ts));
	if (((long (*)(clockid_t, struct timespec *))fn)(busy_calls[nr].id, &ts))
		return -1;
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void *keep_busy(void *arg)
{
	struct busy *busy = arg;
	void *fn = function(busy->vdso, busy_calls[busy->nr].name);
	const long long day = 86400 * 1000000000LL;
	long long last = busy_call(fn, busy->nr), now;

	if (setpriority(PRIO_PROCESS, 0, busy->nice))	/* of this thread */
		exit(2);
	for (;;) {
		now = busy_call(fn, busy->nr);
		/* time goes on, and by less than a day; a resolution stays */
		if (busy->nr == 3 ? now != last : now < last || now - last > day)
			note_once("thread %ld: %s: %lld after %lld", syscall(SYS_gettid),
				  busy_calls[busy->nr].name, now, last);
		last = now;
		busy->calls++;
	}
	return NULL;
}

/* Without a guard at its stack's end: of new libcs those are nothing that old kernels have. */
static void start(void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (pthread_attr_init(&attr) || pthread_attr_setguardsize(&attr, 0) ||
	    pthread_create(&thread, &attr, fn, arg))
		exit(2);
	pthread_attr_destroy(&attr);
}

/* getppid() is not permitted. */
static bool install_filter(void)
{
	struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { ARRAY_SIZE(instructions), instructions };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

#ifdef __LP64__
/* A state as a libc has it; see the kernel's include/uapi/linux/random.h. */
static struct {
	void *mem;
	size_t size;
	long (*fn)(void *buf, size_t size, unsigned int flags, void *state, size_t state_size);
	uint8_t left[T_PAGE_MAX];
} state;

static bool make_state(const struct vdso *vdso)
{
	struct { uint32_t size, prot, flags, reserved[13]; } params;

	state.fn = function(vdso, T_VDSO "getrandom");
	if (!state.fn || state.fn(NULL, 0, 0, &params, ~0UL))
		return false;
	state.size = params.size;
	state.mem = mmap(NULL, T_PAGE, params.prot, params.flags, -1, 0);
	return state.mem != MAP_FAILED;
}

/* Whether the state is what the last draw left. A draw leaves no zeros; its fallback does. */
static bool is_state_kept(void)
{
	static const uint8_t zeros[T_PAGE_MAX];

	return memcmp(state.left, zeros, state.size) && !memcmp(state.left, state.mem, state.size);
}

static void draw(char *hex)
{
	unsigned char bytes[RANDOM_BYTES];

	if (is_state_kept())
		hex += sprintf(hex, "kept ");
	if (state.fn(bytes, sizeof(bytes), 0, state.mem, state.size) != sizeof(bytes)) {
		t_note("getrandom did not give %d bytes", RANDOM_BYTES);
		return;
	}
	memcpy(state.left, state.mem, state.size);
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
}
#else
static bool make_state(const struct vdso __attribute__((unused)) *vdso)
{
	return false;
}

static void draw(char __attribute__((unused)) *hex)
{
}
#endif

static struct {
	unsigned int index;	/* the parent is 0 */
	unsigned int nr_asked;
	int file, pipe[2];
	/* Each time this process is asked, one of them changes. */
	uint32_t pages[FAMILY_PAGES][T_PAGE_MAX / sizeof(uint32_t)];
} family;

static bool found_family(void)
{
	static char name[200];

	family.file = open("/proc/self/exe", O_RDONLY);
	if (family.file < 0 || pipe(family.pipe))
		return false;
	for (unsigned int i = 0; i < FAMILY_PAGES; i++)
		family.pages[i][0] = i + 1;
	for (unsigned int i = 1; i < FAMILY && !family.index; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return false;
		if (!pid)
			family.index = i;
	}
	if (family.index) {
		snprintf(name, sizeof(name), "%s-%d", report_file, getpid());
		report_file = name;
	}
	return true;
}

/* The call that a dump interrupted has returned, and so has the next one. */
static void wait_for_calls(const struct busy *busy)
{
	unsigned long calls = busy->calls;

	while (busy->calls - calls < 2)
		usleep(1000);
}

/*
 * Each answer moves the offset of the file by one and leaves a byte in the pipe. So both tell
 * how many answers all have given, if the processes still share them.
 */
static void check_family(void)
{
	int given = family.nr_asked * FAMILY + family.index + 1, waiting = -1;
	long offset = lseek(family.file, 1, SEEK_CUR);

	if (offset != given)
		t_note("the file's offset is %ld, not %d", offset, given);
	if (write(family.pipe[1], "", 1) != 1 || ioctl(family.pipe[0], FIONREAD, &waiting) ||
	    waiting != given)
		t_note("there are %d bytes in the pipe, not %d", waiting, given);
	for (unsigned int i = 0; i < FAMILY_PAGES; i++) {
		unsigned int want = i + 1 + (i < family.nr_asked ? FAMILY_PAGES : 0);

		if (family.pages[i][0] != want)
			t_note("page %u has %u, not %u", i, family.pages[i][0], want);
	}
	family.pages[family.nr_asked++ % FAMILY_PAGES][0] += FAMILY_PAGES;
}

static struct {
	sigset_t set;
	int got;
} waiting;

static void wait_for_signal(int __attribute__((unused)) sig)
{
	if (sigwait(&waiting.set, &waiting.got))
		_exit(2);
}

/*
 * Not raise(): where a 32-bit libc makes its system calls in the vDSO, it is there when the
 * handler starts, and would return into the runtime vDSO, which a checkpoint leaves out.
 */
static bool send_itself(int sig)
{
	return !raw_syscall(SYS_tgkill, getpid(), gettid(), sig, 0, 0, 0);
}

static void wait_in_another_handler(int __attribute__((unused)) sig,
				    siginfo_t __attribute__((unused)) *info,
				    void __attribute__((unused)) *context)
{
	if (!send_itself(SIGWINCH))
		_exit(2);
}

/*
 * In two handlers, of both kinds: they return by both trampolines, where an ABI has two. Not
 * once the vDSO is proxied: if trampolines are in it, they would be those of the runtime vDSO,
 * which a checkpoint leaves out.
 */
static bool wait_in_handlers(void)
{
	const struct sigaction outer = {
		.sa_sigaction = wait_in_another_handler, .sa_flags = SA_SIGINFO
	};
	const struct sigaction inner = { .sa_handler = wait_for_signal };

	return !sigaction(SIGUSR2, &outer, NULL) && !sigaction(SIGWINCH, &inner, NULL) &&
	       send_itself(SIGUSR2);
}

int main(int argc, char **argv)
{
	static struct vdso vdso;
	static struct busy busy[MAX_THREADS];
	const struct sigaction action = { .sa_sigaction = die, .sa_flags = SA_SIGINFO };
	const char *mode = argc == 3 ? argv[2] : "";
	unsigned int nr_threads = 0, nr_asked = 0;
	bool is_family, has_state = false;
	char text[300];

	if (argc != 3)
		return 2;
	report_file = argv[1];
	sigemptyset(&waiting.set);
	sigaddset(&waiting.set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &waiting.set, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	sigaction(SIGFPE, &action, NULL);

	vdso.text = (uint8_t *)getauxval(AT_SYSINFO_EHDR);
	vdso.size = text_size(vdso.text);
	if (!strcmp(mode, "moved") && !relocate(&vdso, T_IMAGE_ADDR))
		return 2;
	vdso.parsed.size = sizeof(vdso.parsed);
	if (vdso_remap_parse(&vdso.parsed, vdso.text, vdso.size))
		return 2;
	if (!strcmp(mode, "unmapped") && !relocate(&vdso, 0))
		return 2;
	is_family = !strcmp(mode, "family");
	if (is_family || !strcmp(mode, "random"))
		has_state = make_state(&vdso);
	if (!strcmp(mode, "random") && !has_state)
		return 5;	/* this kernel has no such function */
	if (!strcmp(mode, "sandboxed") && !install_filter())
		return 2;
	if (is_family && !found_family())
		return 2;
	if (is_family)
		nr_threads = 1;
	else if (!strcmp(mode, "busy"))
		nr_threads = ARRAY_SIZE(busy_calls);
	else if (!strcmp(mode, "threads"))
		nr_threads = MAX_THREADS;
	for (unsigned int i = 0; i < nr_threads; i++) {
		busy[i].vdso = &vdso;
		busy[i].nice = is_family ? 19 : 0;
		busy[i].nr = (family.index + i) % ARRAY_SIZE(busy_calls);
		start(keep_busy, &busy[i]);
	}

	report("ready");
	for (;;) {
		/* The first one is before the dump. */
		if (!strcmp(mode, "plain") && nr_asked++ < 2 ?
		    !wait_in_handlers() : sigwait(&waiting.set, &waiting.got))
			return 2;
		wrong_now[0] = 0;
		strcpy(text, "right ");
		if (has_state)
			draw(text + strlen(text));
		if (strcmp(mode, "unmapped") && !t_image_answers(&vdso.parsed, vdso.text))
			t_note("an answer was wrong");
		if (is_family) {
			wait_for_calls(busy);
			check_family();
		}
		if (!strcmp(mode, "sandboxed") && syscall(SYS_getppid) != -1)
			t_note("its seccomp filters are gone");
		if (wrong_now[0])
			snprintf(text, sizeof(text), "wrong: %s", wrong_now);
		else if (wrong_once[0])
			snprintf(text, sizeof(text), "wrong once: %s", wrong_once);
		report(text);
	}
}
