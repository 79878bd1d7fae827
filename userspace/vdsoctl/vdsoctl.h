/* SPDX-License-Identifier: MIT */
/*
 * vdsoctl: what its files share.
 *
 * Functions that return int return 0 or a negative errno value and are silent,
 * unless they are said to complain: those print the message themselves and
 * return -1, so that it is said once, where what failed is known.
 */
#ifndef _VDSOCTL_H
#define _VDSOCTL_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include <vdso_remap.h>

enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	/* exec only; everything else is the program's own */
	STATUS_EXEC_FAILED = 125,
	STATUS_CANT_EXECUTE = 126,
	STATUS_NOT_FOUND = 127,
};

/**
 * struct command - a subcommand
 * @name: as it is typed
 * @args: its arguments in one line
 * @summary: what it does in one line
 * @help: the options, a line each
 * @usage_status: what it exits with when it is called wrongly
 * @run: gets argv[0] = the command's name, returns the exit status
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	const char *help;
	int usage_status;
	int (*run)(const struct command *cmd, int argc, char **argv);
};

extern const struct command cmd_info, cmd_dump_image, cmd_compare, cmd_move, cmd_proxy,
			    cmd_evict, cmd_exec, cmd_load, cmd_unload, cmd_status;

/* main.c: messages and options */

/* Says it on stderr. Returns -1. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int usage_error(const struct command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
#define OPTION_HELP	{ "help", no_argument, NULL, 'h' }
#define OPTION_VERSION	{ "version", no_argument, NULL, 'V' }
/* --help, --version and what getopt_long() complained about. Returns the exit status. */
int common_option(const struct command *cmd, int opt);
/* stdout must have taken everything. Returns the exit status. */
int finish_output(void);
bool parse_pid(const char *arg, pid_t *pid);
bool parse_address(const char *arg, uint64_t *addr);

/* process.c: what /proc knows about a process. pid may be our own. */

struct pids {
	pid_t *items;
	size_t nr;
};

int pids_add(struct pids *pids, pid_t pid);
void pids_free(struct pids *pids);
/* Adds all children of the processes for which is_parent() returns true. */
int process_children(struct pids *children, bool (*is_parent)(const void *arg, pid_t pid),
		     const void *arg);
/* The process is a zombie or gone, and no thread of it is left. */
bool process_has_ended(pid_t pid);

struct mapping {
	uint64_t start;
	uint64_t end;
	char perms[5];
	char name[32];	/* cut off; enough for what stands in brackets */
};

struct maps {
	struct mapping *items;	/* ordered by address */
	size_t nr;
};

int maps_read(struct maps *maps, pid_t pid);
void maps_free(struct maps *maps);
const struct mapping *maps_at(const struct maps *maps, uint64_t addr);
const struct mapping *maps_named(const struct maps *maps, const char *name);

int process_read(pid_t pid, uint64_t addr, void *buf, size_t size);
int process_write(pid_t pid, uint64_t addr, const void *buf, size_t size);
int process_auxv(pid_t pid, unsigned long type, uint64_t *value);
/* The field of /proc/PID/task/TID/status, as a number or its first letter; -1: gone. */
long thread_status(pid_t pid, pid_t tid, const char *field);

/* group.c: the vDSO group of a process */

/* The device, or complains. */
int group_open_device(void);
/* Its device may be -1: then the process's maps and memory have to do. */
int group_query(int fd, pid_t pid, struct vdso_remap_status *status);
/* The same, but complains. */
int group_look(int fd, pid_t pid, struct vdso_remap_status *status);
/* MOVE, or complains. */
int group_move(int fd, pid_t pid, uint64_t addr, uint32_t flags);
/* Complains: what could not be done, and the library's words for why. */
int group_complain(const struct vdso_remap_error *error, const char *what);

/*
 * image.c: bytes of a vDSO, and parsing them. All complain unless it is said that they
 * do not. The bytes are never freed.
 */

int image_from_file(struct vdso_remap_image *image, const char *path);
int image_from_process(struct vdso_remap_image *image, pid_t pid,
		       const struct vdso_remap_range *range);
/* What the running kernel gives to programs of the image's ABI. */
int image_runtime(struct vdso_remap_image *runtime, const struct vdso_remap_image *image);
int image_complain(const char *what, int err);
/* The ABIs that this vdsoctl knows, in one string for a message. */
const char *image_abi_names(void);
bool image_same_build_id(const struct vdso_remap_image *image,
			 const struct vdso_remap_info *info);
/* Needs 2 * VDSO_REMAP_BUILD_ID_MAX + 1 bytes. Returns buf. */
const char *image_build_id(char *buf, const uint8_t *id, size_t size);
/* vdso_remap_make_plan(), or complains. */
int image_plan(struct vdso_remap_plan *plan, const struct vdso_remap_image *image,
	       const struct vdso_remap_image *runtime, uint32_t flags);

/* fresh.c: a process of another ABI, to look at its vDSO */

/* Its process id, or complains. The process is stopped before its first instruction. */
pid_t fresh_start(unsigned int abi);
void fresh_end(pid_t pid);

/* site.c: what stands at an entry point of an image */

enum site_kind {
	SITE_UNTOUCHED,
	SITE_NEAR_JUMP,
	SITE_FAR_JUMP,
	SITE_CRIU_JUMP,
	SITE_STUB,
};

struct site {
	enum site_kind kind;
	uint64_t target;	/* of a jump: the address */
	const char *call;	/* of a stub: the name of the system call */
};

/* What stands at an entry point of the image, which is in the process at addr. */
struct site site_decode(const struct vdso_remap_image *image, uint64_t addr,
			const struct vdso_remap_entry_point *ep);
const char *site_kind_name(enum site_kind kind);

/* patience.c: when vdsoctl gives up before its work is done */

#define PATIENCE_S	60	/* unless the user says otherwise */

/*
 * The calls nest. All signals are blocked from the first patience_begin(), which sets
 * the deadline, to the last patience_end().
 */
void patience_begin(unsigned int seconds);
void patience_end(void);
/* Whether the time is over, or a signal asks vdsoctl to end. */
bool patience_over(void);
/* Complains: interrupted, or what has not happened in time, with a hint. Returns -1. */
int patience_complain(const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* For a millisecond. */
void patience_pause(void);
/* Says on stderr what vdsoctl waits for, every few seconds: on a terminal, or if verbose. */
void patience_report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void patience_be_verbose(void);
/* Between these two a blocking system call is interrupted when patience is over. */
void patience_watch(void);
void patience_watch_no_more(void);

/* trace.c: stop the threads of a process and let them go as they were */

/**
 * struct tracees - a process of which threads are held
 * @pid: of the process, 0: none
 * @tids, @nr: the threads
 * @was_stopped: it was stopped before vdsoctl held it
 * @may_end: it is no failure if it ends before it could be stopped
 */
struct tracees {
	pid_t pid;
	pid_t *tids;
	size_t nr;
	bool was_stopped;
	bool may_end;
};

/* Both complain. On failure nothing is stopped. */
int tracees_stop_leader(struct tracees *tracees, pid_t pid);
int tracees_stop_all(struct tracees *tracees, pid_t pid);
/* The same for a process that may have ended: then it returns 1. */
int tracees_stop_if_there(struct tracees *tracees, pid_t pid);
/* Lets the threads go; tracees_release() is still needed. */
void tracees_detach(struct tracees *tracees);
void tracees_release(struct tracees *tracees);

/**
 * struct evicted - threads that were inside a vDSO
 * @nr_moved: were brought out
 * @nr_steps: by so many single steps
 * @nr_calling: are at a system call inside, as 32-bit ones are, and can stay
 */
struct evicted {
	unsigned int nr_moved;
	unsigned int nr_steps;
	unsigned int nr_calling;
};

/* Brings every thread out of the vDSO that can be; complains, also of what may come of it. */
int tracees_evict(const struct tracees *tracees, const struct vdso_remap_status *status,
		  struct evicted *evicted);

/* target.c: the process whose vDSO a command changes */

/**
 * struct target - a process whose threads are all stopped
 * @fd: of the device
 * @tracees: its threads
 * @status: what it has
 * @maps: its mappings
 */
struct target {
	int fd;
	struct tracees tracees;
	struct vdso_remap_status status;
	struct maps maps;
};

/* Stops all threads of pid and finds out what it has; complains. */
int target_take(struct target *target, pid_t pid);
/*
 * Brings all threads out of the runtime vDSO and, if the process is proxied, out of its image.
 * Complains.
 */
int target_evict(struct target *target);
void target_release(struct target *target);

/* processes.c: several processes that are held at once */

struct processes {
	struct tracees *items;
	size_t nr;
};

bool processes_have(const struct processes *processes, pid_t pid);
/* Stops all threads of one more process. Returns 1; 0 if it has ended; or -1, and complains. */
int processes_stop(struct processes *processes, pid_t pid, bool may_end);
/* Lets all go, and stops them before any returns to its program; complains. */
int processes_leave_stopped(struct processes *processes);
void processes_detach(struct processes *processes);
void processes_release(struct processes *processes);

/* cgroup.c: a control group and the groups below it */

struct cgroup {
	const char *dir;
	const struct freezer *freezer;
};

/* Both complain. */
int cgroup_open(struct cgroup *cgroup, const char *dir);
int cgroup_members(const struct cgroup *cgroup, struct pids *pids);
/* Complains. From now on no thread of the group returns to its program, held or not. */
int cgroup_freeze(const struct cgroup *cgroup);
/* All threads must have been detached; complains. */
int cgroup_wait_frozen(const struct cgroup *cgroup);
int cgroup_thaw(const struct cgroup *cgroup);

#endif /* _VDSOCTL_H */
