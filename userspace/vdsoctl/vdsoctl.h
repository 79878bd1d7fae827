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

#include <signal.h>
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
			    cmd_evict, cmd_exec, cmd_load, cmd_unload;

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
/* NULL: there is none. */
const struct vdso_remap_area *group_text(const struct vdso_remap_info *info);
/* nr_areas must not be 0. */
struct vdso_remap_range group_span(const struct vdso_remap_info *info);
/* What a thread is brought out of: at most two ranges. Returns how many. */
unsigned int group_ranges(const struct vdso_remap_status *status, const struct maps *maps,
			  struct vdso_remap_range ranges[2]);
/* MOVE, or complains. */
int group_move(int fd, pid_t pid, uint64_t addr, uint32_t flags);
/*
 * A text address for the group, as near to @avoid as there is room, that does
 * not stand in its way, the stack's or the heap's. Returns 0 if there
 * is none within reach of a near jump.
 */
uint64_t group_find_hole(pid_t pid, const struct maps *maps, const struct vdso_remap_info *info,
			 const struct vdso_remap_range *avoid);
/* What an error of the device means, for people. Complains. */
int group_complain(int err, const char *what, pid_t pid, pid_t busy_tid);

/* image.c: bytes of a vDSO, and parsing them. All complain. The bytes are never freed. */

int image_from_file(struct vdso_remap_image *image, const char *path);
int image_from_process(struct vdso_remap_image *image, pid_t pid, uint64_t addr, uint64_t size);
/* What the running kernel gives to programs of the image's ABI. */
int image_runtime(struct vdso_remap_image *runtime, const struct vdso_remap_image *image);
/* Its name. Does not complain. */
const char *image_abi(const struct vdso_remap_image *image);
int image_complain(const char *what, int err);
bool image_same_build_id(const struct vdso_remap_image *image,
			 const struct vdso_remap_info *info);
/* Needs 2 * VDSO_REMAP_BUILD_ID_MAX + 1 bytes. Returns buf. */
const char *image_build_id(char *buf, const uint8_t *id, size_t size);
/* vdso_remap_plan(), or complains. */
int image_plan(struct vdso_remap_plan *plan, const struct vdso_remap_image *image,
	       const struct vdso_remap_image *runtime, uint32_t flags);

/* specimen.c: an i386 process, to look at its vDSO */

/* Its process id, or complains. It is held before its first instruction. */
pid_t specimen_start(void);
void specimen_end(pid_t pid);

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

/* trace.c: stop the threads of a process and let them go as they were */

struct tracees {
	pid_t pid;
	pid_t *tids;
	size_t nr;
	sigset_t sigmask;	/* of vdsoctl before, see tracees_stop_leader() */
};

/* Both complain. On failure nothing is stopped. */
int tracees_stop_leader(struct tracees *tracees, pid_t pid);
int tracees_stop_all(struct tracees *tracees, pid_t pid);
void tracees_release(struct tracees *tracees);

/**
 * struct evicted - threads that were inside a vDSO
 * @nr_moved: were brought out
 * @nr_steps: by so many single steps
 * @nr_calling: are at a system call inside, as 32-bit ones are, and stay
 */
struct evicted {
	unsigned int nr_moved;
	unsigned int nr_steps;
	unsigned int nr_calling;
};

/* Brings every thread out of the ranges that can be; complains. */
int tracees_evict(const struct tracees *tracees, const struct vdso_remap_range *ranges,
		  unsigned int nr_ranges, struct evicted *evicted);

#endif /* _VDSOCTL_H */
