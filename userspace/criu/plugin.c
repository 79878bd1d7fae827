// SPDX-License-Identifier: MIT
/*
 * vdso_remap_plugin.so: what a CRIU that nobody has changed does about vDSOs, by its plugin
 * interface.
 *
 * Before a dump looks at a task, its threads leave the vDSO, and the state of vDSO getrandom
 * becomes zeros. When CRIU has restored a task, and not let it go yet, every entry point of the
 * vDSO that CRIU has made a proxy is redirected: CRIU alone redirects some of them. Threads that
 * were dumped inside the vDSO, without this plugin, leave it first.
 *
 * Nothing here makes a dump or a restore fail that CRIU alone would do, unless that is asked for:
 * see is_required().
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vdso_remap.h>

#include "images.h"

#define EVICT_TIMEOUT_S	20

/*
 * Libcs keep a few hundred bytes for each thread. What is larger is a program's own droppable
 * memory: to make zeros of it would only give it pages.
 */
#define MAX_RANDOM_STATE	(1UL << 20)

/* Each is asked for by anything but 0 in the variable, or by the file. */
#define REQUIRED_VARIABLE	"VDSO_REMAP_REQUIRED"
#define REQUIRED_FILE		"/etc/criu/vdso-remap-required"
#define SHRINK_RSEQ_VARIABLE	"VDSO_REMAP_SHRINK_RSEQ"
#define SHRINK_RSEQ_FILE	"/etc/criu/vdso-remap-shrink-rseq"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE	0x08
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif
#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE	27
#endif

/*
 * CRIU's interface, as <criu/criu-plugin.h> of 3.17 to 4.2 has it. CRIU refuses a plugin that has
 * more hooks than CRIU itself, and a later version.
 */
#define PLUGIN_VERSION		(0 << 16 | 2 << 8 | 0)
#define STAGE_DUMP		0
#define STAGE_RESTORE		2
#define HOOK_RESUME_LATE	9
#define HOOK_CHECKPOINT		11
#define MAX_HOOKS_3_17		10
#define MAX_HOOKS		12

typedef int plugin_init(int stage);
typedef void plugin_exit(int stage, int ret);

struct plugin {
	const char *name;
	plugin_init *init;
	plugin_exit *exit;
	unsigned int version;
	unsigned int max_hooks;
	void *hooks[MAX_HOOKS];
};

/* CRIU's own: the first one that answers anything else keeps the others from being asked. */
#define NEXT_PLUGIN		(-ENOTSUP)

/* Of CRIU's program; its levels are those of its option -v. */
void print_on_level(unsigned int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define pr_err(fmt, ...)	print_on_level(1, "vdso-remap: " fmt, ##__VA_ARGS__)
#define pr_warn(fmt, ...)	print_on_level(2, "vdso-remap: " fmt, ##__VA_ARGS__)
#define pr_info(fmt, ...)	print_on_level(3, "vdso-remap: " fmt, ##__VA_ARGS__)

static int device = -1;

static bool is_asked_for(const char *variable, const char *file)
{
	const char *value = getenv(variable);

	return (value && *value && strcmp(value, "0")) || !access(file, F_OK);
}

/* That failures are those of CRIU */
static bool is_required(void)
{
	return is_asked_for(REQUIRED_VARIABLE, REQUIRED_FILE);
}

static const char *error_text(const struct vdso_remap_error *error)
{
	static char text[512];

	vdso_remap_error_text(error, text, sizeof(text));
	return text;
}

/* Of kernels that know no size of rseq registrations but this one (before 6.3) */
#define OLD_RSEQ_SIZE	32

static bool has_droppable(void)
{
	void *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_DROPPABLE, -1, 0);

	return page != MAP_FAILED && !munmap(page, 1);
}

static bool has_guards(void)
{
	void *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	bool has = page != MAP_FAILED && !madvise(page, 1, MADV_GUARD_INSTALL);

	if (page != MAP_FAILED)
		munmap(page, 1);
	return has;
}

/* Whether the kernel keeps auxiliary vectors of nr words. Tries it with this process's own. */
static bool has_room_for_auxv(uint32_t nr)
{
	unsigned long *auxv = calloc(nr, sizeof(*auxv));
	int fd = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
	bool has = true;

	if (auxv && fd >= 0 && read(fd, auxv, nr * sizeof(*auxv)) > 0 &&
	    prctl(PR_SET_MM, PR_SET_MM_AUXV, auxv, nr * sizeof(*auxv), 0))
		has = errno != EINVAL;
	if (fd >= 0)
		close(fd);
	free(auxv);
	return has;
}

/* CRIU's directory of images, while its descriptor stands for one that we have made below. */
static int images = -1;
static char adapted[32];

static int replace_images(const struct images_needs *allowed)
{
	int original = fcntl(criu_get_image_dir(), F_DUPFD_CLOEXEC, 0);
	int ret, fd;

	if (original < 0)
		return -errno;
	snprintf(adapted, sizeof(adapted), ".vdso-remap-%d", getpid());
	images_remove(original, adapted);	/* of a CRIU with the same id, which was killed */
	fd = images_adapt(original, adapted, allowed);
	if (fd < 0) {
		close(original);
		return fd;
	}
	ret = dup3(fd, criu_get_image_dir(), O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	images = original;
	return ret;
}

static void put_images_back(void)
{
	if (images < 0)
		return;
	dup3(images, criu_get_image_dir(), O_CLOEXEC);
	if (images_remove(images, adapted))
		pr_warn("Can't remove %s from the directory of images; nobody needs it any more\n",
			adapted);
	close(images);
	images = -1;
}

static void say_what_rseq_needs(uint32_t size, bool shrink)
{
	if (shrink)
		pr_warn("The images have an rseq registration of %u bytes; it becomes one of %d "
			"bytes, as " SHRINK_RSEQ_VARIABLE " or " SHRINK_RSEQ_FILE " asks for. In a "
			"program that uses the rest (the node's number, mm_cid), as some "
			"implementations of malloc do, memory may become corrupt\n",
			size, OLD_RSEQ_SIZE);
	else
		pr_warn("The images have an rseq registration of %u bytes, and this kernel takes "
			"those of %d bytes only. CRIU will say \"failed sys_rseq\". Kernels from 6.3 "
			"on take it; programs that are started with "
			"GLIBC_TUNABLES=glibc.pthread.rseq=0 make none; for more, see \"rseq\" in "
			"vdso-remap-criu(7)\n", size, OLD_RSEQ_SIZE);
}

/* CRIU would fail at these before it asks a plugin, and not say why. */
static void adapt_images(void)
{
	struct images_needs needs, allowed;
	bool shrink, too_large;
	int ret = 0;

	if (images_read_needs(criu_get_image_dir(), &needs))
		return;
	too_large = needs.rseq_size > OLD_RSEQ_SIZE && !getauxval(AT_RSEQ_FEATURE_SIZE);
	shrink = too_large && is_asked_for(SHRINK_RSEQ_VARIABLE, SHRINK_RSEQ_FILE);
	allowed = needs;
	if (needs.droppable && !has_droppable()) {
		pr_info("The images have memory of vDSO getrandom (MAP_DROPPABLE), which this kernel "
			"does not know: it becomes private memory\n");
		allowed.droppable = false;
	}
	if (needs.guards && !has_guards()) {
		pr_info("The images have guard pages (MADV_GUARD_INSTALL), which this kernel does "
			"not know: they become mappings without access\n");
		allowed.guards = false;
	}
	while (allowed.nr_auxv > 2 && !has_room_for_auxv(allowed.nr_auxv))
		allowed.nr_auxv -= 2;
	if (allowed.nr_auxv != needs.nr_auxv)
		pr_info("The images have auxiliary vectors of %u words, and this kernel keeps %u: the "
			"last entries will be absent from /proc/PID/auxv\n", needs.nr_auxv,
			allowed.nr_auxv);
	if (too_large)
		say_what_rseq_needs(needs.rseq_size, shrink);
	if (shrink)
		allowed.rseq_size = OLD_RSEQ_SIZE;
	if (allowed.droppable != needs.droppable || allowed.guards != needs.guards ||
	    allowed.rseq_size != needs.rseq_size || allowed.nr_auxv != needs.nr_auxv)
		ret = replace_images(&allowed);
	if (ret)
		pr_warn("Can't write changed images into their directory: %s. CRIU will fail\n",
			strerror(-ret));
}

static int init(int stage)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_MODULE);

	if (stage != STAGE_DUMP && stage != STAGE_RESTORE)
		return 0;
	device = vdso_remap_open();
	if (device < 0) {
		error.error = device;
		if (is_required()) {
			pr_err("%s\n", error_text(&error));
			return -1;
		}
		pr_warn("%s. Doing what can be done by ptrace\n", error_text(&error));
	}
	if (stage == STAGE_RESTORE)
		adapt_images();
	return 0;
}

static void finish(int __attribute__((unused)) stage, int __attribute__((unused)) ret)
{
	if (device >= 0)
		close(device);
	device = -1;
	put_images_back();
}

/* Dump */

struct threads {
	struct vdso_remap_thread *items;
	unsigned int nr;
};

/* All of a process, which stands still. */
static int find_threads(struct threads *threads, pid_t pid)
{
	struct vdso_remap_thread *items;
	struct dirent *entry;
	char path[32];
	int ret = 0;
	DIR *dir;

	memset(threads, 0, sizeof(*threads));
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir))) {
		pid_t tid = atoi(entry->d_name);

		if (tid <= 0)
			continue;
		items = reallocarray(threads->items, threads->nr + 1, sizeof(*items));
		if (items) {
			items[threads->nr++] = (struct vdso_remap_thread){ .tid = tid };
			threads->items = items;
		} else {
			ret = -ENOMEM;
		}
	}
	closedir(dir);
	return ret;
}

static void do_nothing(int __attribute__((unused)) sig)
{
}

/*
 * A step may never end, so a timer interrupts it. CRIU has a handler for its signal at a dump
 * only. A thread that is stepped has its signals blocked, and would keep that if CRIU died.
 */
static int evict(const struct vdso_remap_status *status, struct threads *threads)
{
	const struct itimerval timer = { { EVICT_TIMEOUT_S, 0 }, { EVICT_TIMEOUT_S, 0 } };
	const struct itimerval none = { 0 };
	const struct sigaction action = { .sa_handler = do_nothing };	/* no SA_RESTART */
	struct vdso_remap_evict_args args = VDSO_REMAP_INIT(args,
		.ptrace_options = PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP,
		.nr_threads = threads->nr, .threads = threads->items);
	struct itimerval old_timer;
	struct sigaction old_action;
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	sigaction(SIGALRM, &action, &old_action);
	sigprocmask(SIG_SETMASK, &all, &old);
	setitimer(ITIMER_REAL, &timer, &old_timer);
	ret = vdso_remap_evict_process(status, &args);
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &old_action, NULL);
	setitimer(ITIMER_REAL, &old_timer, NULL);	/* CRIU's own, of its option --timeout */
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ret;
}

static void warn_of_handlers(const struct vdso_remap_thread *thread)
{
	uint32_t i;

	if (thread->handlers_error)
		pr_warn("Can't see whether thread %d is in a signal handler: %s\n", thread->tid,
			strerror(-thread->handlers_error));
	for (i = 0; i < thread->nr_handlers; i++)
		if (!thread->handlers[i].at_syscall)
			pr_warn("Thread %d is in a signal handler that will return into the vDSO, to "
				"%lx: on another kernel it may get wrong results there, or crash\n",
				thread->tid, (unsigned long)thread->handlers[i].addr);
}

/* Says what became of a thread. Returns whether it can be carried to another kernel. */
static bool judge_thread(const struct vdso_remap_thread *thread)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_THREADS,
							.error = thread->error,
							.tid = thread->tid);

	warn_of_handlers(thread);
	switch (thread->state) {
	case VDSO_REMAP_THREAD_OUTSIDE:
		if (thread->nr_steps)
			pr_info("Thread %d left the vDSO after %u steps\n", thread->tid,
				thread->nr_steps);
		return true;
	case VDSO_REMAP_THREAD_AT_SYSCALL:
		return true;
	case VDSO_REMAP_THREAD_LOST:
		pr_warn("%s. It is in the runtime vDSO, which is not dumped\n",
			error_text(&error));
		return false;
	default:
		pr_warn("%s. Restored on another kernel, it may get wrong results, or crash\n",
			error_text(&error));
		return false;
	}
}

static bool make_zeros(pid_t pid, unsigned long start, unsigned long end)
{
	struct iovec local = { calloc(1, end - start), end - start };
	struct iovec remote = { (void *)start, end - start };
	bool done;

	done = local.iov_base &&
	       process_vm_writev(pid, &local, 1, &remote, 1, 0) == (ssize_t)local.iov_len;
	free(local.iov_base);
	return done;
}

/*
 * The state of vDSO getrandom is in memory that the kernel may make zeros at any time (VmFlags
 * "dp"). In two processes that are restored from one image it would give the same bytes.
 */
static bool forget_random_state(pid_t pid)
{
	unsigned long start = 0, end = 0, from, to;
	char path[32], line[1024];
	bool done = true;
	FILE *smaps;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	smaps = fopen(path, "re");
	if (!smaps) {
		pr_warn("Can't read %s: %s. Random bytes may come twice\n", path, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			start = from;
			end = to;
		}
		if (strncmp(line, "VmFlags:", 8) || !strstr(line, " dp") ||
		    end - start > MAX_RANDOM_STATE)
			continue;
		if (make_zeros(pid, start, end)) {
			pr_info("The random state at %lx of %d is zeros now\n", start, pid);
			continue;
		}
		pr_warn("Can't make zeros of the random state at %lx of %d: random bytes may come "
			"twice\n", start, pid);
		done = false;
	}
	fclose(smaps);
	return done;
}

/* Returns whether all of the task can be carried to another kernel; the log says what not. */
static bool prepare_dump(pid_t pid)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_QUERY,
							.pid = pid);
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	struct threads threads = { 0 };
	bool done = true;
	unsigned int i;
	int ret;

	error.error = vdso_remap_query(device, pid, &status);
	if (error.error) {
		pr_warn("%s\n", error_text(&error));
		return false;
	}
	ret = find_threads(&threads, pid);
	if (!ret)
		ret = evict(&status, &threads);
	if (ret == -EINTR)
		pr_warn("The threads of %d do not leave the vDSO within %d s\n", pid,
			EVICT_TIMEOUT_S);
	else if (ret < 0)
		pr_warn("Can't bring the threads of %d out of the vDSO: %s\n", pid, strerror(-ret));
	for (i = 0; i < threads.nr && ret >= 0; i++)
		done &= judge_thread(&threads.items[i]);
	free(threads.items);
	return forget_random_state(pid) && done && ret >= 0;
}

/* All threads of the task are stopped, with their own registers; nothing is saved yet. */
static int checkpoint_task(int pid)
{
	if (pid <= 0 || prepare_dump(pid) || !is_required())
		return NEXT_PLUGIN;
	pr_err("Process %d can't be carried to another kernel, and vdso-remap is required to do that: "
	       REQUIRED_VARIABLE " is set, or there is " REQUIRED_FILE "\n", pid);
	return -1;
}

/* Restore */

static uint64_t thread_ip(pid_t pid, pid_t tid)
{
	char path[64], line[256] = "";
	char *last;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	last = strrchr(line, ' ');
	return last ? strtoull(last, NULL, 16) : 0;
}

/* Of the vDSO that a process remembers */
struct text {
	uint64_t start;
	size_t size;
	bool is_proxy;
	unsigned long *now;	/* of a proxy: with CRIU's jumps */
	unsigned long *dumped;	/* of a proxy: without; NULL: not known */
	struct vdso_remap_image parsed;
};

/* The first jump that CRIU knows, and what it fills up with */
#define CRIU_JUMP_SIZE	16

/* The id in the image is that in the innermost namespace. */
static int dumped_pid(pid_t pid)
{
	char path[32], line[256];
	int dumped = pid;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	if (!status)
		return pid;
	while (fgets(line, sizeof(line), status))
		if (!strncmp(line, "NSpid:", 6))
			dumped = atoi(strrchr(line, '\t') + 1);
	fclose(status);
	return dumped;
}

static bool read_text(struct text *text, const struct vdso_remap_status *status)
{
	bool is_proxy = status->flags & VDSO_REMAP_STATUS_PROXIED;
	const struct vdso_remap_range *range = is_proxy ? &status->image : &status->runtime;

	*text = (struct text){
		.start = range->start,
		.size = range->end - range->start,
		.is_proxy = is_proxy,
		.parsed = VDSO_REMAP_INIT(text->parsed),
	};
	text->now = malloc(text->size);
	return text->size && text->now && !vdso_remap_read(status->pid, range, text->now) &&
	       !vdso_remap_parse(&text->parsed, text->now, text->size);
}

static void read_dumped(struct text *text, pid_t pid)
{
	int ret = -ENOMEM;

	text->dumped = malloc(text->size);
	if (text->dumped)
		ret = images_read(criu_get_image_dir(), dumped_pid(pid), text->start,
				  text->dumped, text->size);
	if (!ret)
		return;
	pr_info("The images do not say what the vDSO of %d was: %s\n", pid, strerror(-ret));
	free(text->dumped);
	text->dumped = NULL;
}

static bool is_in_flight(const struct text *text, uint64_t ip)
{
	return vdso_remap_resume(&text->parsed, ip - text->start) == VDSO_REMAP_RESUME_IN_COPY;
}

/* Whether the thread would go on in the middle of CRIU's jump, and nobody knows what was there. */
static bool is_hopeless(const struct text *text, uint64_t ip)
{
	uint64_t off = ip - text->start;
	uint32_t i;

	if (!text->is_proxy || text->dumped)
		return false;
	for (i = 0; i < text->parsed.nr_entry_points; i++)
		if (off > text->parsed.entry_points[i].off &&
		    off < text->parsed.entry_points[i].off + CRIU_JUMP_SIZE)
			return true;
	return false;
}

/* Keeps those of the threads that is_kind() of. */
static void keep_threads(struct threads *threads, pid_t pid, const struct text *text,
			 bool is_kind(const struct text *text, uint64_t ip), bool kind)
{
	unsigned int i, nr = 0;

	for (i = 0; i < threads->nr; i++)
		if (is_kind(text, thread_ip(pid, threads->items[i].tid)) == kind)
			threads->items[nr++].tid = threads->items[i].tid;
	threads->nr = nr;
}

static void name_threads(const struct threads *threads, pid_t pid, const struct text *text)
{
	unsigned int i;
	uint64_t ip;

	for (i = 0; i < threads->nr; i++) {
		ip = thread_ip(pid, threads->items[i].tid);
		pr_warn("Thread %d was dumped inside the vDSO, at %lx (offset %lx): %s. Dump with "
			"this plugin\n", threads->items[i].tid, (unsigned long)ip,
			(unsigned long)(ip - text->start),
			is_hopeless(text, ip) ? "it will crash" :
				"what it asked for may be answered wrongly, once");
	}
}

/* Writes what differs. By ptrace, since the text is read-only. */
static bool write_text(const struct text *text, const unsigned long *to, pid_t tid)
{
	size_t i;

	for (i = 0; text->dumped && i < text->size / sizeof(*to); i++)
		if (text->now[i] != text->dumped[i] &&
		    ptrace(PTRACE_POKETEXT, tid, text->start + i * sizeof(*to), to[i]))
			return false;
	return true;
}

/* Executes what was dumped, on zeros for data, until each thread is outside. */
static bool bring_out(struct threads *threads, const struct text *text,
		      const struct vdso_remap_status *status)
{
	pid_t writer = threads->items[0].tid;
	unsigned int i;
	int ret = -EIO;

	if (write_text(text, text->dumped, writer))
		ret = evict(status, threads);
	if (!write_text(text, text->now, writer)) {
		pr_err("Can't write into the vDSO of %d\n", status->pid);
		return false;
	}
	if (ret < 0)
		pr_warn("Can't bring the threads of %d out of the vDSO: %s\n", status->pid,
			strerror(-ret));
	for (i = 0; i < threads->nr && ret > 0; i++)
		if (threads->items[i].state == VDSO_REMAP_THREAD_INSIDE)
			pr_warn("Thread %d does not leave the vDSO: %s. It may crash\n",
				threads->items[i].tid, strerror(-threads->items[i].error));
	return true;
}

/*
 * Threads that were dumped inside the vDSO, by a CRIU without this plugin, finish what they are
 * doing there before bytes change that they may stand in. Where CRIU has moved the vDSO they go on
 * where they are. Returns false if the text is not as CRIU has left it.
 */
static bool finish_calls(const struct vdso_remap_status *status)
{
	struct threads threads = { 0 };
	pid_t pid = status->pid;
	struct text text;
	bool done = true;

	if (!read_text(&text, status) || find_threads(&threads, pid))
		goto out_free;
	keep_threads(&threads, pid, &text, is_in_flight, true);
	if (!threads.nr)
		goto out_free;
	if (text.is_proxy)
		read_dumped(&text, pid);
	name_threads(&threads, pid, &text);
	keep_threads(&threads, pid, &text, is_hopeless, false);
	if (text.is_proxy && threads.nr)
		done = bring_out(&threads, &text, status);
out_free:
	free(threads.items);
	free(text.now);
	free(text.dumped);
	return done;
}

/* Returns 0, or a negative errno value: then the task is as CRIU has restored it. */
static int redirect(pid_t pid, const struct vdso_remap_status *status)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error);
	struct vdso_remap_restore_args args = VDSO_REMAP_INIT(args,
		.flags = VDSO_REMAP_FORCE_PROXY, .fd = device, .pid = pid,
		.image = status->image.start,
		.image_size = status->image.end - status->image.start,
		.park_addr = VDSO_REMAP_PARK_NOT, .error = &error);
	int ret;

	if (status->image_data.end > status->image_data.start) {
		args.image_data = status->image_data.start;
		args.image_data_size = status->image_data.end - status->image_data.start;
	}
	ret = vdso_remap_restore(&args);
	if (ret)
		pr_warn("%s. The vDSO of %d is as CRIU restores it\n", error_text(&error), pid);
	else
		pr_info("The vDSO at %lx of %d is a proxy of %lx%s\n", (unsigned long)args.image,
			pid, (unsigned long)args.runtime,
			args.outcome == VDSO_REMAP_PROXIED_BY_PTRACE ? ", by ptrace" : "");
	return ret;
}

enum result {
	COMPLETE,
	AS_CRIU_DID_IT,	/* the log says why it is not complete */
	SPOILED,
};

static enum result finish_restore(pid_t pid)
{
	struct vdso_remap_error error = VDSO_REMAP_INIT(error, .stage = VDSO_REMAP_STAGE_QUERY,
							.pid = pid);
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	bool is_intact;

	error.error = vdso_remap_query(device, pid, &status);
	if (error.error) {
		pr_warn("%s\n", error_text(&error));
		return AS_CRIU_DID_IT;
	}
	is_intact = finish_calls(&status);
	/* Without a mark CRIU has moved the runtime vDSO, or there is none. */
	if (!(status.flags & VDSO_REMAP_STATUS_PROXIED) || !redirect(pid, &status))
		return COMPLETE;
	return is_intact ? AS_CRIU_DID_IT : SPOILED;
}

/*
 * The task's threads stand where they will go on; CRIU has made the vDSO a proxy already, if it is
 * another kernel's. CRIU does not look at what a hook answers here.
 */
static int resume_task(int pid)
{
	enum result result;

	if (pid <= 0)
		return NEXT_PLUGIN;
	result = finish_restore(pid);
	if (result == SPOILED)
		pr_err("Killing %d: its vDSO could not be restored, nor left as it was\n", pid);
	else if (result == AS_CRIU_DID_IT && is_required())
		pr_err("Killing %d: its vDSO does not work, and vdso-remap is required: "
		       REQUIRED_VARIABLE " is set, or there is " REQUIRED_FILE "\n", pid);
	else
		return NEXT_PLUGIN;
	kill(pid, SIGKILL);
	return NEXT_PLUGIN;
}

extern struct plugin CR_PLUGIN_DESC;
__attribute__((visibility("default"))) struct plugin CR_PLUGIN_DESC = {
	.name = "vdso_remap",
	.init = init,
	.exit = finish,
	.version = PLUGIN_VERSION,
	.max_hooks = MAX_HOOKS,
	.hooks = {
		[HOOK_RESUME_LATE] = (void *)resume_task,
		[HOOK_CHECKPOINT] = (void *)checkpoint_task,
	},
};

/* CRIU before 4.0 has neither that hook nor this function. */
static void __attribute__((constructor)) fit_to_criu(void)
{
	if (!dlsym(RTLD_DEFAULT, "add_inventory_plugin"))
		CR_PLUGIN_DESC.max_hooks = MAX_HOOKS_3_17;
}
