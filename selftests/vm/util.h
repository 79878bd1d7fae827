/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the VM tests share: witnesses that do not trust the module. The state
 * of a process is its exact /proc/PID/maps, what GET_INFO says, and the bytes
 * of its vDSO text; a test makes the state that it wants from the one before
 * and compares.
 *
 * Everything here goes on working after the vDSO has left the place that libc
 * remembers: nothing calls libc's time functions, nothing allocates.
 *
 * Functions that return bool say what was wrong on stderr, as a # line.
 *
 * Built with -m32 the same tests are about a 32-bit process. Addresses are 64
 * bits wide in both, as in the contract: some that are refused need them.
 */
#ifndef _SELFTESTS_VM_UTIL_H
#define _SELFTESTS_VM_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include <linux/vdso_remap.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#define T_DEVICE	"/dev/vdso_remap"
#define T_PAGE		4096ULL
#define T_MAX_VMAS	256
#define T_MAX_TEXT	(4 * T_PAGE)

/* What the ABI decides. T_IMAGE_ADDR: far from everything that the kernel places by itself. */
#ifdef __i386__
#define T_MACHINE	EM_386
#define T_IMAGE_ADDR	0x40000000ULL
#define t_ip(regs)	((unsigned long)(regs)->eip)
#define t_result(regs)	((long)(regs)->eax)
#else
#define T_MACHINE	EM_X86_64
#define T_IMAGE_ADDR	0x10000000000ULL
#define t_ip(regs)	((unsigned long)(regs)->rip)
#define t_result(regs)	((long)(regs)->rax)
#endif

/* SKIP(return, ...) in a fixture's setup would go on to the test. */
#define T_SKIP_IN_SETUP(...)	SKIP(_exit(255), __VA_ARGS__)

/*
 * Whether $KERNEL_HAS names it, among others: who chose the kernel says that it
 * has this, so a test that finds it missing must fail instead of being skipped.
 */
bool t_kernel_must_have(const char *what);

void t_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line of /proc/PID/maps. */
struct t_vma {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	char perms[5];
	char dev[12];
	char name[71];	/* so that there is no padding: compared as bytes */
};

struct t_maps {
	unsigned int nr;
	struct t_vma vma[T_MAX_VMAS];
};

/* Opens the device; exits if it can't. */
int t_open(void);
/* Makes those of these capabilities effective that the caller is permitted, and no others. */
bool t_set_capabilities(uint64_t capabilities);
#define T_CAP(nr)	(1ULL << (nr))
#define T_ALL_CAPS	(~0ULL)
/* ioctl(2), but -errno. */
int t_ioctl(int fd, unsigned long command, void *req);
/* Plain MOVE of the caller's group; -errno. */
long t_move_own(uint64_t addr);

/* In all of this pid 0 is the caller. */
bool t_maps_read(struct t_maps *maps, pid_t pid);
bool t_maps_equal(const struct t_maps *want, const struct t_maps *have);
const struct t_vma *t_maps_find(const struct t_maps *maps, const char *name);
bool t_is_special(const struct t_vma *vma);	/* [vdso], [vvar], [vvar_vclock] */
bool t_is_free(const struct t_maps *maps, uint64_t start, uint64_t end);

/**
 * struct t_group - a whole group: its areas leave no gap, the text is the last
 * @start: of the lowest data area
 * @text: of the text area
 * @end: of the text area, exclusive
 */
struct t_group {
	uint64_t start;
	uint64_t text;
	uint64_t end;
};

/* False unless there is one, of the shape that the kernel gave this program. */
bool t_group_find(struct t_group *group, const struct t_maps *maps);

/**
 * struct t_state - all that a failing command must leave as it was
 * @fd: of the device
 * @pid: 0, or a task that the caller has ptrace-stopped
 * @maps: exact
 * @info: what GET_INFO says; info.vdso is the kernel's own pointer
 * @nr_text: bytes used in @text
 * @text: contents of every [vdso] mapping
 */
struct t_state {
	int fd;
	pid_t pid;
	struct t_maps maps;
	struct vdso_remap_info info;
	size_t nr_text;
	uint8_t text[T_MAX_TEXT];
};

/* Where a whole group has its text. The kernel's own pointer, info.vdso, may say otherwise. */
uint64_t t_text_addr(const struct vdso_remap_info *info);

/* Too large for the stack, which would grow and so change the maps. */
bool t_state_capture(struct t_state *state, int fd, pid_t pid);
/* Also, if it is the caller's and has a group, whether that tells the time. */
bool t_state_is(const struct t_state *want);
/* The command fails with this error, and the state is as it was. */
bool t_refused(const struct t_state *before, int error, unsigned long command, void *req);
/* What MOVE to addr, and munmap(), would make of a state. */
void t_state_move(struct t_state *state, uint64_t addr);
void t_state_unmap(struct t_state *state, uint64_t start, uint64_t end);

/* Whether the process has a page there that is its own and nobody else's. */
bool t_page_is_private(uint64_t addr);
/* The number of the page frame there; 0: there is none. Takes CAP_SYS_ADMIN. */
uint64_t t_page_frame(pid_t pid, uint64_t addr);

bool t_mem_read(pid_t pid, uint64_t addr, void *buf, size_t size);
/* As a debugger does it: also where the process itself could not write. */
bool t_mem_write(pid_t pid, uint64_t addr, const void *buf, size_t size);

/* The text of this program's vDSO as the kernel gave it to it. */
const uint8_t *t_vdso_image(size_t *size);
/* Offset of an entry point in it, or in any other vDSO of the same ABI; 0: none. */
uint32_t t_entry_point(const char *name);
uint32_t t_entry_point_of(const uint8_t *image, size_t size, const char *name);

/*
 * Whether every clock, read through the entry points of the runtime vDSO whose
 * text is there, lies between two readings by system call.
 */
bool t_time_between_syscalls(uint64_t text);

/* A hole of that many bytes, another one each time, far from everything. */
uint64_t t_hole(uint64_t size);
/* The text address of a group that would fit such a hole, with room on both sides. */
uint64_t t_group_hole_with_room(uint64_t room);
uint64_t t_group_hole(void);
/* First address that a task of this ABI can't have. */
uint64_t t_task_limit(void);

/**
 * struct t_child - a forked child that runs what it is told
 * @pid: of it
 * @to: commands
 * @from: results
 */
struct t_child {
	pid_t pid;
	int to;
	int from;
};

bool t_child_start(struct t_child *child);
/* Runs fn(arg) there. It must not be stopped. -1 also if it died. */
long t_child_call(const struct t_child *child, long (*fn)(uint64_t arg), uint64_t arg);
/* t_time_between_syscalls() there. */
bool t_child_time_between_syscalls(const struct t_child *child, uint64_t text);
void t_child_end(const struct t_child *child);

/* Any task that the caller may trace. The stop is a ptrace stop. */
bool t_seize_and_stop(pid_t tid);
bool t_detach(pid_t tid);
/* Single-steps a stopped task until its instruction pointer is in the range. */
bool t_step_into(pid_t tid, uint64_t start, uint64_t end);
bool t_step_out_of(pid_t tid, uint64_t start, uint64_t end);
/*
 * Has a stopped task, whose registers these were, go on at ip as if that had
 * been called with these arguments, to return to back.
 */
bool t_enter(pid_t tid, const struct user_regs_struct *from, uint64_t ip, uint64_t back,
	     const unsigned long args[3]);
/* Waits until /proc says that the task is in one of these states, as "Tt". */
bool t_wait_for_task_state(pid_t tid, const char *states);

/*
 * Goes on in a child that has a whole group, but elsewhere than the kernel's pointer
 * says; the caller's own end is then that of the child. False if that can't be had.
 */
bool t_mislead_kernel(void);

/* A time namespace for the caller's children, or for itself; CLOCK_MONOTONIC is ahead there. */
#define T_TIMENS_OFFSET	1000000000L
bool t_timens_create(void);
bool t_timens_enter(void);
/* CLOCK_MONOTONIC in seconds, by system call. */
long t_uptime(void);

/*
 * Starts a process of its own that shares the caller's memory, one at a time,
 * with more flags of clone(2). It shares errno, too.
 */
pid_t t_spawn_sharing_mm(int flags, int (*fn)(void *arg), void *arg);

#endif /* _SELFTESTS_VM_UTIL_H */
