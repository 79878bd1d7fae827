/* SPDX-License-Identifier: MIT */
/*
 * libvdsoremap: carry a process's vDSO over to another kernel.
 *
 * For restore tools. No function allocates, keeps state or needs a libc, so
 * the same sources are libvdsoremap.a, libvdsoremap.so and libvdsoremap_pie.a.
 * That is for restorer blobs, and has what they call: vdso_remap_parse(),
 * vdso_remap_plan(), vdso_remap_open() and vdso_remap_restore().
 *
 * Every function returns 0 (or what it says) on success and a negative errno
 * value on failure; errno is not touched. Words and the kernel's side are
 * explained in <linux/vdso_remap.h>.
 */
#ifndef _VDSO_REMAP_H
#define _VDSO_REMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vdso_remap.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VDSO_REMAP_DEVICE		"/dev/vdso_remap"

#define VDSO_REMAP_MAX_ENTRY_POINTS	64
#define VDSO_REMAP_NAME_MAX		64	/* with the terminating zero */

/**
 * struct vdso_remap_entry_point - a function symbol of a vDSO
 * @name: zero-terminated, shorter than VDSO_REMAP_NAME_MAX; points into the
 *	image's bytes
 * @off: offset in the image, in bytes
 * @size: st_size, in bytes; may be less than what stands there, or 0
 * @room: bytes up to the next thing that must stay: the next symbol or the end
 *	of the section or segment
 */
struct vdso_remap_entry_point {
	const char *name;
	uint32_t off;
	uint32_t size;
	uint32_t room;
};

/**
 * struct vdso_remap_image - a parsed vDSO
 * @data: its bytes; must stay mapped as long as the names are used
 * @size: of the bytes
 * @machine: ELF machine, EM_X86_64 or EM_386
 * @bits: 64 or 32
 * @build_id_size: bytes used in @build_id, 0 if there is none
 * @build_id: GNU build id
 * @nr_entry_points: entries used in @entry_points
 * @entry_points: ordered by @off; aliases (same @off) stand side by side, a
 *	name that starts with two underscores first
 */
struct vdso_remap_image {
	const void *data;
	size_t size;
	uint16_t machine;
	uint8_t bits;
	uint8_t build_id_size;
	uint8_t build_id[VDSO_REMAP_BUILD_ID_MAX];
	uint32_t nr_entry_points;
	struct vdso_remap_entry_point entry_points[VDSO_REMAP_MAX_ENTRY_POINTS];
};

/**
 * vdso_remap_parse() - understand the bytes of a vDSO
 * @image: written on success
 * @data: any bytes at all; they are read, never trusted
 * @size: how many; text only, page padding included
 *
 * Finds symbols by DT_GNU_HASH, DT_HASH or the section headers, whichever is
 * there.
 *
 * Return: 0; -ENOEXEC: not an ELF shared object of one segment and at most
 * 1 MiB, or its tables lie outside of it or contradict each other;
 * -EALREADY: a mark stands where the ELF header
 * was; -EOPNOTSUPP: an ELF file, for a machine that this library does not
 * know; -ENOSYS: no function symbols; -E2BIG: more than
 * VDSO_REMAP_MAX_ENTRY_POINTS of them.
 */
int vdso_remap_parse(struct vdso_remap_image *image, const void *data, size_t size);

enum vdso_remap_outcome {
	VDSO_REMAP_IN_PLACE = 1,
	VDSO_REMAP_PROXIED = 2,
};

enum vdso_remap_action {
	VDSO_REMAP_ACTION_JUMP = 1,
	VDSO_REMAP_ACTION_STUB = 2,
	VDSO_REMAP_ACTION_LEAVE = 3,
	VDSO_REMAP_ACTION_ALIAS = 4,	/* done with the entry before it */
};

enum vdso_remap_reason {
	VDSO_REMAP_REASON_NAMESAKE = 1,	/* jump: the runtime vDSO has it */
	VDSO_REMAP_REASON_MISSING = 2,	/* stub: the runtime vDSO lacks it */
	VDSO_REMAP_REASON_STATE = 3,	/* stub: getrandom, its state is of another boot */
	VDSO_REMAP_REASON_TRAMPOLINE = 4, /* left: sigreturn, __kernel_vsyscall */
	VDSO_REMAP_REASON_NO_DATA = 5,	/* left: needs no data page, no namesake */
	VDSO_REMAP_REASON_ALIAS = 6,	/* same place as the entry before it */
	VDSO_REMAP_REASON_UNKNOWN = 7,	/* left: unknown, and the caller allowed it */
};

/**
 * struct vdso_remap_step - what is done with one entry point of the image
 * @image: index in the image's entry points
 * @runtime: JUMP: index in the runtime vDSO's entry points; else -1
 * @action: enum vdso_remap_action
 * @reason: enum vdso_remap_reason
 */
struct vdso_remap_step {
	uint16_t image;
	int16_t runtime;
	uint8_t action;
	uint8_t reason;
};

/**
 * struct vdso_remap_plan - what is to be done
 * @outcome: enum vdso_remap_outcome; in place needs no steps
 * @nr_steps: one for each entry point of the image
 * @nr_sites: those of them that are a jump or a stub
 * @steps: in the order of the image's entry points
 * @sites: for VDSO_REMAP_PROXY
 * @culprit: with -ENOTSUP, -ENOSPC: index of the image's entry point in question;
 *	the number of them, if it is all of the image
 */
struct vdso_remap_plan {
	int outcome;
	uint32_t nr_steps;
	uint32_t nr_sites;
	uint32_t culprit;
	struct vdso_remap_step steps[VDSO_REMAP_MAX_ENTRY_POINTS];
	struct vdso_remap_site sites[VDSO_REMAP_MAX_ENTRY_POINTS];
};

/* Leave entry points alone of which nothing is known, instead of refusing. */
#define VDSO_REMAP_ALLOW_UNKNOWN	(1U << 0)
/* Proxy also when the image is the runtime vDSO. For tests. */
#define VDSO_REMAP_FORCE_PROXY		(1U << 1)
/* restore: do not mark the runtime vDSO. */
#define VDSO_REMAP_NO_MARK		(1U << 2)
/* restore: move and mark a sealed runtime vDSO, too; see the device's UNSEAL. */
#define VDSO_REMAP_UNSEAL		(1U << 3)

/**
 * vdso_remap_plan() - decide
 * @plan: written on success, @culprit also on -ENOTSUP and -ENOSPC
 * @image: the vDSO that the process remembers
 * @runtime: the running kernel's
 * @flags: VDSO_REMAP_ALLOW_UNKNOWN, VDSO_REMAP_FORCE_PROXY
 *
 * Return: 0; -EINVAL: an unknown flag; -EXDEV: the two are for different
 * machines; -ENOTSUP (which is -EOPNOTSUPP): an entry point that the runtime vDSO
 * lacks and of which nothing is known, see @culprit, or an image for whose ABI
 * nothing can be written (x32), unless it is in place; -ENOSPC: the room of an
 * entry point is too small for the nearest jump or its stub, see @culprit.
 */
int vdso_remap_plan(struct vdso_remap_plan *plan, const struct vdso_remap_image *image,
		    const struct vdso_remap_image *runtime, uint32_t flags);

/**
 * vdso_remap_action_name(), vdso_remap_reason_text() - for people
 *
 * Return: a string that is never NULL.
 */
const char *vdso_remap_action_name(int action);
const char *vdso_remap_reason_text(int reason);

/**
 * vdso_remap_open() - open the device, close-on-exec
 *
 * A restorer opens it before it changes its root or mounts.
 *
 * Return: a descriptor; -ENOENT: the module is not loaded; -EACCES.
 */
int vdso_remap_open(void);

/* struct vdso_remap_restore.park_addr */
#define VDSO_REMAP_PARK_NEAR		0	/* find a hole near the image */
#define VDSO_REMAP_PARK_NOT		1	/* leave it where it is */

/**
 * struct vdso_remap_restore - what vdso_remap_restore() is to do and has done
 * @fd: of the device
 * @flags: VDSO_REMAP_ALLOW_UNKNOWN, VDSO_REMAP_FORCE_PROXY, VDSO_REMAP_NO_MARK,
 *	VDSO_REMAP_UNSEAL
 * @image: address of the image's text in this process, where it is remembered
 *	and already restored, as anonymous memory that is readable and executable
 * @image_size: in bytes, page aligned
 * @image_data: where the image's data pages were, page aligned; 0: unknown
 * @image_data_size: in bytes
 * @park_addr: text address for the runtime vDSO when it must be parked, or
 *	VDSO_REMAP_PARK_NEAR, VDSO_REMAP_PARK_NOT. Near may be below the image,
 *	64 KiB or more away: a tool that wants the stack to grow there says where.
 * @outcome: out: enum vdso_remap_outcome
 * @runtime: out: the text address of the runtime vDSO now
 * @busy_tid: out, with -EBUSY: the thread in the way
 * @culprit: out, with -ENOTSUP, -ENOSPC: name of the entry point in question
 */
struct vdso_remap_restore {
	int32_t fd;
	uint32_t flags;
	uint64_t image;
	uint64_t image_size;
	uint64_t image_data;
	uint64_t image_data_size;
	uint64_t park_addr;
	int32_t outcome;
	int32_t busy_tid;
	uint64_t runtime;
	char culprit[VDSO_REMAP_NAME_MAX];
};

/**
 * vdso_remap_restore() - make a remembered vDSO work, in the calling process
 *
 * Same build id: the runtime vDSO replaces the image's text and data pages.
 * Else the image becomes a proxy: the runtime vDSO is parked as near as there
 * is room, marked, and every entry point of the image is redirected; where the
 * image's data pages were, zeros stay (if any memory is there already, all of
 * it is left as it is).
 *
 * The vDSO is that of the process, not of this code: the 64-bit library restores
 * the i386 vDSO of a process that was made a 32-bit one and will return to
 * 32-bit code. All addresses must be below 4 GiB then.
 *
 * Return: 0; what vdso_remap_parse() returns for the image or the runtime vDSO,
 * what vdso_remap_plan() returns, or the errors of the device; -EINVAL also for
 * an address that the image's code or this one can't have. On failure the
 * process is as it was, with two rare exceptions: in place, the image's text and
 * data pages may be gone, if memory ran out when they had made room; and a
 * runtime vDSO that had to move twice may not be back.
 */
int vdso_remap_restore(struct vdso_remap_restore *restore);

/**
 * struct vdso_remap_status - what vdso_remap_query() found
 * @info: as GET_INFO reports it
 * @proxied: a mark stands in the runtime vDSO
 * @mark_version: 1 to 3, the layout of the mark that was found
 * @image: with @proxied: where the image vDSO's text is
 * @image_data: with @proxied: where its data pages are, or
 *	VDSO_REMAP_MARK_NO_ADDR
 *
 * With @proxied a checkpoint leaves @info.areas out and saves the image as
 * the process's vDSO.
 */
struct vdso_remap_status {
	struct vdso_remap_info info;
	bool proxied;
	uint8_t mark_version;
	uint64_t image;
	uint64_t image_data;
};

/**
 * vdso_remap_query() - is this process proxied already?
 * @fd: of the device
 * @pid: 0 or a task that the calling thread has ptrace-stopped
 * @status: written on success
 *
 * Marks of stock CRIU, versions 1 to 3, are recognised.
 *
 * Return: 0; the errors of VDSO_REMAP_GET_INFO and process_vm_readv(2); -EINVAL:
 * a 32-bit caller can't look at addresses that only 64-bit processes have.
 */
int vdso_remap_query(int fd, int32_t pid, struct vdso_remap_status *status);

/**
 * struct vdso_remap_range - addresses from @start up to, not including, @end
 */
struct vdso_remap_range {
	uint64_t start;
	uint64_t end;
};

#define VDSO_REMAP_EVICT_MAX_STEPS	100000

/**
 * vdso_remap_evict() - bring a thread out of the vDSO, before a checkpoint
 * @tid: a thread that the calling thread has ptrace-stopped
 * @ranges: what to leave: the runtime vDSO's text and, if the process is
 *	proxied, the image's
 * @nr_ranges: how many
 * @max_steps: give up after so many single steps; 0:
 *	VDSO_REMAP_EVICT_MAX_STEPS
 *
 * Single-steps the thread, with its signals held back, until its instruction
 * pointer is outside of all ranges. A thread that is outside is not touched. A
 * signal that comes nevertheless, SIGSTOP for one, is sent again afterwards.
 *
 * System calls are made only if they are those that the vDSO's functions fall
 * back on, which do not wait. 32-bit code makes all of its system calls inside the
 * vDSO: such a thread is brought as far as that. An image keeps those
 * instructions, and a checkpoint of such a thread goes on there.
 *
 * Until it returns the thread has most signals blocked: the caller should not die
 * meanwhile. A step can take for ever, if the thread's control group is frozen or
 * its memory never comes: a signal handler of the caller's, without SA_RESTART,
 * puts an end to that, for instance of a timer that expires again and again.
 *
 * Return: the number of steps taken; -ETIME: still inside after @max_steps;
 * -EINTR: a signal handler ran; -EOPNOTSUPP: at another system call;
 * -EOVERFLOW: the caller runs 32-bit code and the thread does not; -ESRCH: the
 * thread died or is not stopped by the caller; -EFAULT: its next instruction
 * faults, and will again; other errors of ptrace(2).
 */
int vdso_remap_evict(int32_t tid, const struct vdso_remap_range *ranges,
		     unsigned int nr_ranges, unsigned int max_steps);

/**
 * vdso_remap_evict_syscall() - have a 32-bit thread return from its system call
 * into the image, before a checkpoint of a proxied process
 * @tid: a thread that the calling thread has ptrace-stopped
 * @runtime: the runtime vDSO's text
 * @image: the image's text, parsed
 * @addr: where that is in the process
 *
 * To be called when vdso_remap_evict() returns -EOPNOTSUPP. The kernel returns to
 * 32-bit code at the landing pad of the runtime vDSO, in __kernel_vsyscall: such a
 * thread stands in what a checkpoint leaves out. The image has the same
 * instructions; the thread will go on there.
 *
 * Return: 1; 0: it is outside of the runtime vDSO; -EOPNOTSUPP: it is elsewhere
 * in it, or the image has no landing pad; -EFAULT: its code is not there; other
 * errors of ptrace(2).
 */
int vdso_remap_evict_syscall(int32_t tid, const struct vdso_remap_range *runtime,
			     const struct vdso_remap_image *image, uint64_t addr);

#ifdef __cplusplus
}
#endif

#endif /* _VDSO_REMAP_H */
