/* SPDX-License-Identifier: MIT */
/*
 * libvdsoremap: carry a process's vDSO over to another kernel.
 *
 * For checkpoint/restore tools; vdso_remap_integration(7) shows how one is built on
 * it. No function needs a libc, keeps state or calls malloc(). The same sources are
 * libvdsoremap.a, libvdsoremap.so and libvdsoremap_pie.a. The last one is for
 * restorer blobs, and has what they call: vdso_remap_parse(), vdso_remap_make_plan(),
 * vdso_remap_open(), vdso_remap_restore() for the calling process and
 * vdso_remap_resume().
 *
 * Every function returns 0 (or what it says) on success and a negative errno
 * value on failure; errno is not touched. Words and the kernel's side are
 * explained in <linux/vdso_remap.h>.
 *
 * What may change in later versions:
 *  - Structures that begin with @size may grow at their end. The caller sets @size,
 *    most easily by VDSO_REMAP_INIT(). The library takes members that the caller's
 *    structure lacks for 0 and does not write them. If the caller's structure is the
 *    larger one and has anything but zeros in the part that the library does not know,
 *    the call fails with -E2BIG. A @size of less than the first version's is -EINVAL.
 *  - All other structures and all functions keep their form. Functions and enumerators
 *    may be added, so expect numbers that you do not know in what is returned.
 *  - The shared library keeps its soname; each release that adds functions adds a
 *    symbol version.
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

/*
 * For structures that begin with their size:
 *
 *	struct vdso_remap_restore_args args = VDSO_REMAP_INIT(args, .fd = fd);
 */
#define VDSO_REMAP_INIT(object, ...)	{ .size = sizeof(object), __VA_ARGS__ }

/* The version of this header. A new major one would have another soname. */
#define VDSO_REMAP_LIBRARY_MAJOR	1
#define VDSO_REMAP_LIBRARY_MINOR	0
#define VDSO_REMAP_LIBRARY_PATCH	0

/* As one number, which grows */
#define VDSO_REMAP_LIBRARY_VERSION	(VDSO_REMAP_LIBRARY_MAJOR << 16 | \
					 VDSO_REMAP_LIBRARY_MINOR << 8 | \
					 VDSO_REMAP_LIBRARY_PATCH)

/* What vdso_remap_library_features() may return, or-ed together */
#define VDSO_REMAP_LIBRARY_OTHER_PROCESS (1ULL << 0)	/* restore with a pid */
#define VDSO_REMAP_LIBRARY_PTRACE	(1ULL << 1)	/* restore without the module */

/**
 * vdso_remap_library_version(), vdso_remap_library_features() - of the library that
 * runs, which may be a later one than the header
 *
 * What the module is and can do is in struct vdso_remap_info.
 */
uint32_t vdso_remap_library_version(void);
uint64_t vdso_remap_library_features(void);

/**
 * struct vdso_remap_range - addresses from @start up to, not including, @end
 */
struct vdso_remap_range {
	uint64_t start;
	uint64_t end;
};

/* struct vdso_remap_error.stage: what the library was doing */
enum vdso_remap_stage {
	VDSO_REMAP_STAGE_ARGUMENTS = 1,	/* looking at what the caller wants */
	VDSO_REMAP_STAGE_MODULE = 2,	/* opening the device */
	VDSO_REMAP_STAGE_QUERY = 3,	/* asking what the process has */
	VDSO_REMAP_STAGE_PARSE = 4,	/* reading a vDSO and understanding its bytes */
	VDSO_REMAP_STAGE_PLAN = 5,	/* deciding what to write at an entry point */
	VDSO_REMAP_STAGE_RENEW = 6,	/* replacing a runtime vDSO that is not whole */
	VDSO_REMAP_STAGE_PLACE = 7,	/* looking for room for the runtime vDSO */
	VDSO_REMAP_STAGE_DATA = 8,	/* making room for data pages */
	VDSO_REMAP_STAGE_MOVE = 9,	/* moving the runtime vDSO */
	VDSO_REMAP_STAGE_PROXY = 10,	/* making the image a proxy */
	VDSO_REMAP_STAGE_THREADS = 11,	/* looking at threads, or bringing one out of the vDSO */
};

/* struct vdso_remap_error.vdso */
enum vdso_remap_which {
	VDSO_REMAP_IMAGE = 1,
	VDSO_REMAP_RUNTIME = 2,
};

/**
 * struct vdso_remap_error - what failed, and where
 * @size: sizeof(struct vdso_remap_error)
 * @error: what the function returned: a negative errno value
 * @stage: enum vdso_remap_stage
 * @vdso: enum vdso_remap_which; 0: neither
 * @pid: of the process that the call is about; 0: the caller
 * @tid: the thread in the way, 0: none
 * @addr: the address in question, 0: none
 * @entry_point: the name of the entry point in question; empty: none
 */
struct vdso_remap_error {
	uint32_t size;
	int32_t error;
	uint32_t stage;
	uint32_t vdso;
	int32_t pid;
	int32_t tid;
	uint64_t addr;
	char entry_point[64];
};

/**
 * vdso_remap_error_text() - an error as a sentence: what, where, and what to do
 * @error: as a function has filled it in; or by the caller, for an error of
 *	vdso_remap_open() (VDSO_REMAP_STAGE_MODULE), of vdso_remap_evict()
 *	(VDSO_REMAP_STAGE_THREADS) or of a request of the caller's own
 * @text: receives the sentence, without a newline, cut off if it does not fit
 * @size: of @text, in bytes
 *
 * Return: the length of the whole sentence, without the terminating zero.
 */
size_t vdso_remap_error_text(const struct vdso_remap_error *error, char *text, size_t size);

#define VDSO_REMAP_MAX_ENTRY_POINTS	64
#define VDSO_REMAP_NAME_MAX		64	/* with the terminating zero */

/**
 * struct vdso_remap_entry_point - a function symbol of a vDSO
 * @name: zero-terminated, shorter than VDSO_REMAP_NAME_MAX; points into the
 *	image's bytes
 * @off: offset in the image, in bytes; with the state bit that struct
 *	vdso_remap_site.off has
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
 * @size: sizeof(struct vdso_remap_image)
 * @machine: ELF machine: EM_X86_64, also of x32, or EM_386
 * @bits: of its ELF class: 64 or 32
 * @build_id_size: bytes used in @build_id, 0 if there is none
 * @build_id: GNU build id
 * @text: its bytes; must stay mapped as long as the names are used
 * @text_size: of the bytes
 * @abi: the ABI of the programs to which the kernel gives this vDSO, as a number: to be
 *	compared with that of another image, or for vdso_remap_abi_name()
 * @nr_entry_points: entries used in @entry_points
 * @entry_points: ordered by @off; aliases (same @off) stand side by side, a
 *	name that starts with two underscores first
 */
struct vdso_remap_image {
	uint32_t size;
	uint16_t machine;
	uint8_t bits;
	uint8_t build_id_size;
	uint8_t build_id[VDSO_REMAP_BUILD_ID_MAX];
	const void *text;
	size_t text_size;
	uint32_t abi;
	uint32_t nr_entry_points;
	struct vdso_remap_entry_point entry_points[VDSO_REMAP_MAX_ENTRY_POINTS];
};

/**
 * vdso_remap_parse() - understand the bytes of a vDSO
 * @image: its @size is set; the rest is written on success
 * @text: any bytes at all; they are read, never trusted
 * @size: how many; text only, page padding included
 *
 * Finds symbols by DT_GNU_HASH, DT_HASH or the section headers, whichever is
 * there.
 *
 * Return: 0; -ENOEXEC: not an ELF shared object of one segment and at most
 * 1 MiB, or its tables lie outside of it or contradict each other;
 * -EALREADY: a mark stands where the ELF header
 * was; -EOPNOTSUPP: an ELF file, but for an ABI that this library does not
 * know, by its machine, class or byte order; -ENOSYS: no function symbols (those without
 * a name count here, but are no entry points: there may be none of these);
 * -EOVERFLOW: more than VDSO_REMAP_MAX_ENTRY_POINTS of them.
 */
int vdso_remap_parse(struct vdso_remap_image *image, const void *text, size_t size);

enum vdso_remap_outcome {
	VDSO_REMAP_IN_PLACE = 1,
	VDSO_REMAP_PROXIED = 2,
	VDSO_REMAP_PROXIED_BY_PTRACE = 3,	/* restore without the module */
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
	VDSO_REMAP_REASON_OVERWRITTEN = 8, /* stub: a trampoline, overwritten by a jump */
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
 * @size: sizeof(struct vdso_remap_plan)
 * @outcome: enum vdso_remap_outcome; in place needs no steps
 * @nr_steps: one for each entry point of the image
 * @nr_sites: those of them that are a jump or a stub
 * @steps: in the order of the image's entry points
 * @sites: for VDSO_REMAP_PROXY
 * @culprit: with -ENOTSUP, -ENOSPC: index of the image's entry point in question
 */
struct vdso_remap_plan {
	uint32_t size;
	int32_t outcome;
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
/* restore of another process: fail rather than do without the module. */
#define VDSO_REMAP_REQUIRE_MODULE	(1U << 4)

/**
 * vdso_remap_make_plan() - decide
 * @plan: its @size is set; the rest is written on success, @culprit also on -ENOTSUP and -ENOSPC
 * @image: the vDSO that the process remembers
 * @runtime: the running kernel's
 * @flags: VDSO_REMAP_ALLOW_UNKNOWN, VDSO_REMAP_FORCE_PROXY
 *
 * Return: 0; -EINVAL: an unknown flag; -EXDEV: the two are of different ABIs;
 * -ENOTSUP (which is -EOPNOTSUPP): an entry point that the runtime vDSO lacks and of
 * which nothing is known, see @culprit; -ENOSPC: the room of an entry point is too
 * small for the nearest jump or its stub, see @culprit.
 */
int vdso_remap_make_plan(struct vdso_remap_plan *plan, const struct vdso_remap_image *image,
			 const struct vdso_remap_image *runtime, uint32_t flags);

/**
 * vdso_remap_abi_name(), vdso_remap_action_name(), vdso_remap_reason_text() - for people
 *
 * Put struct vdso_remap_image.abi, enum vdso_remap_action and enum vdso_remap_reason into
 * words. The names of ABIs are "x86_64", "i386", "x32", "arm64" and "arm".
 *
 * Return: a string that is never NULL; for an unknown ABI "unknown".
 */
const char *vdso_remap_abi_name(unsigned int abi);
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
 * struct vdso_remap_restore_args - what vdso_remap_restore() is to do and has done
 * @size: sizeof(struct vdso_remap_restore_args)
 * @flags: VDSO_REMAP_ALLOW_UNKNOWN, VDSO_REMAP_FORCE_PROXY, VDSO_REMAP_NO_MARK,
 *	VDSO_REMAP_UNSEAL, VDSO_REMAP_REQUIRE_MODULE
 * @fd: of the device; negative, as vdso_remap_open() returns it: there is no module, see
 *	below
 * @pid: 0: the calling process; or a process whose threads the calling thread has all
 *	ptrace-stopped
 * @image: address of the image's text in the process, where it is remembered
 *	and already restored, as anonymous memory that is readable and executable.
 *	In the calling process it must also be writable, unless the caller has
 *	CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN (else -EACCES).
 * @image_size: in bytes, page aligned
 * @image_data: where the image's data pages were, page aligned; 0: unknown
 * @image_data_size: in bytes
 * @park_addr: text address for the runtime vDSO when it must be parked, or
 *	VDSO_REMAP_PARK_NEAR, VDSO_REMAP_PARK_NOT. Near may be below the image,
 *	64 KiB or more away: a tool that wants the stack to grow there says where.
 * @error: filled in on failure; may be NULL
 * @outcome: out: enum vdso_remap_outcome
 * @nr_sites: out: how many entry points were redirected
 * @runtime: out: the text address of the runtime vDSO now
 */
struct vdso_remap_restore_args {
	uint32_t size;
	uint32_t flags;
	int32_t fd;
	int32_t pid;
	uint64_t image;
	uint64_t image_size;
	uint64_t image_data;
	uint64_t image_data_size;
	uint64_t park_addr;
	struct vdso_remap_error *error;
	int32_t outcome;
	uint32_t nr_sites;
	uint64_t runtime;
};

/**
 * vdso_remap_restore() - make a remembered vDSO work
 *
 * Same build id: the runtime vDSO replaces the image's text and data pages.
 * Else the image becomes a proxy: the runtime vDSO is parked as near as there
 * is room, marked, and every entry point of the image is redirected.
 *
 * Where the image's data pages were, zeros must stay, as long as a thread may be inside
 * the image's old code. In the calling process the function puts them there (if any
 * memory is there already, all of it is left as it is). In another process it changes
 * no memory but the vDSOs and runs no code; its tracer sees to the zeros.
 *
 * The vDSO is that of the process, not of this code: the 64-bit library restores
 * the i386 or x32 vDSO of a process that was given one and will return to such code, and
 * another process's arm vDSO. All addresses must be below 4 GiB then.
 *
 * Without the module (@fd is negative) another process's image is made a proxy by
 * ptrace, also if it has the build id of the runtime vDSO. The runtime vDSO stays where
 * it is (@park_addr is not looked at). What is lost without the module: if the tracer is
 * killed in the middle, some entry points are redirected and some are not; processes
 * that share the memory without being threads (vfork(2), CLONE_VM) are not seen; a process
 * can forge what the runtime vDSO is taken for; and the runtime vDSO must be near enough
 * for the jumps that the rooms allow (-ENOSPC), which on x86_64 and arm64 it always is.
 * The calling process can't do without the module: it gets @fd, or -ENODEV if that is -1.
 * So does a caller that sets VDSO_REMAP_REQUIRE_MODULE.
 *
 * Another process's runtime vDSO may have a mark of this image already, as CRIU writes
 * it. Such a process is proxied already, so call the function with VDSO_REMAP_FORCE_PROXY
 * and VDSO_REMAP_PARK_NOT: it redirects every entry point again, as this library does.
 *
 * Return: 0; what vdso_remap_parse() returns for the image or the runtime vDSO,
 * what vdso_remap_make_plan() returns, or the errors of the device; -EINVAL also for
 * an address that the image's code or this one can't have; -ENODEV: see above; -EUCLEAN:
 * see below; -EBUSY: without the module, a thread is inside the bytes to be replaced;
 * -ESRCH: a thread of another process is not stopped by the caller. @error says more.
 * On failure the process is as it was, with three rare exceptions: in place, the image's
 * text and data pages may be gone, if memory ran out when they had made room; a runtime
 * vDSO that had to move twice may not be back; and a runtime vDSO that was not whole
 * may be whole, or gone if memory ran out.
 *
 * A runtime vDSO of the calling process that is not whole is replaced by a fresh one
 * first: a process may have unmapped a part of it or, before 5.11, have split it into
 * several mappings by mprotect() of one page. The replacement fails with -EUCLEAN if
 * private pages would be lost, if the vDSO is sealed or in eight or more mappings, or if
 * another thread or process shares the memory of the calling thread. Another process's
 * must be whole, and what the kernel has put there (else -EUCLEAN).
 */
int vdso_remap_restore(struct vdso_remap_restore_args *args);

/* What vdso_remap_resume() returns */
enum vdso_remap_resume_at {
	VDSO_REMAP_RESUME_HERE = 0,	/* where it is; its result can be trusted */
	VDSO_REMAP_RESUME_IN_COPY = 1,	/* in a copy of the old text; its result can't */
};

/**
 * vdso_remap_resume() - where a thread may go on that was checkpointed inside the vDSO
 * @image: the image, as it was before it became a proxy
 * @off: the thread's instruction pointer, less the address of the image's text
 *
 * For threads that were not brought out of the vDSO before the checkpoint. A thread that is
 * at the first byte of a function, in a trampoline or in a function without data pages
 * goes on there. Any other thread must not come upon the bytes of a jump: the restorer
 * maps a copy of the image's text, as it was, with zeros in the place of its data pages,
 * and lets the thread go on there. The function that it is in may then return an old or a
 * wrong time, once. In place (enum vdso_remap_outcome) all threads go on where they are,
 * but the result of those for which this says VDSO_REMAP_RESUME_IN_COPY can't be trusted
 * either.
 *
 * Return: enum vdso_remap_resume_at; VDSO_REMAP_RESUME_HERE also if @off is outside.
 */
int vdso_remap_resume(const struct vdso_remap_image *image, uint64_t off);

/* struct vdso_remap_status.flags */
#define VDSO_REMAP_STATUS_MARKED	(1U << 0) /* a mark stands in the runtime vDSO */
#define VDSO_REMAP_STATUS_PROXIED	(1U << 1) /* and the image that it names is there */
#define VDSO_REMAP_STATUS_NO_MODULE	(1U << 2) /* known from /proc only */

/**
 * struct vdso_remap_status - what vdso_remap_query() found
 * @size: sizeof(struct vdso_remap_status)
 * @flags: VDSO_REMAP_STATUS_*
 * @mark_version: 1 to 3, the layout of the mark; 0: there is none
 * @pid: as the caller gave it
 * @runtime: the text of the runtime vDSO, from its first mapping to its last; empty: there
 *	is none
 * @group: the runtime vDSO with its data areas, as far as they are side by side. A process
 *	can move one of them elsewhere; @info.areas has all of them.
 * @image: the text of the image vDSO; if only MARKED, it is empty and @start is what the
 *	mark says
 * @image_data: the data pages of the image vDSO; empty: there are none where the mark says
 * @reserved: 0
 * @info: as GET_INFO reports it, but pieces of an area that was split are joined. With
 *	NO_MODULE it has only @machine, @state (_PRESENT if there is a text) and the areas,
 *	without flags.
 *
 * If the process is PROXIED, a checkpoint saves @image and @image_data as the process's
 * vDSO and its data pages, and leaves the mappings in @info.areas out. Else it saves
 * @group. A process can write a mark itself: then it is MARKED, and the image is any memory
 * of its own that it says.
 */
struct vdso_remap_status {
	uint32_t size;
	uint32_t flags;
	uint32_t mark_version;
	int32_t pid;
	struct vdso_remap_range runtime;
	struct vdso_remap_range group;
	struct vdso_remap_range image;
	struct vdso_remap_range image_data;
	uint64_t reserved[8];
	struct vdso_remap_info info;
};

/**
 * vdso_remap_query() - which vDSO has a process, and is it proxied?
 * @fd: of the device; negative: read /proc and the process's memory instead
 * @pid: 0 or a task that the calling thread has ptrace-stopped
 * @status: its @size is set; the rest is written on success
 *
 * Marks of stock CRIU, versions 1 to 3, are recognised. /proc is also read for a process
 * that is marked. It must be that of the caller's pid namespace.
 *
 * Return: 0; the errors of VDSO_REMAP_GET_INFO, open(2) and process_vm_readv(2);
 * -EINVAL: a 32-bit caller can't look at addresses that only 64-bit processes have.
 */
int vdso_remap_query(int fd, int32_t pid, struct vdso_remap_status *status);

/**
 * vdso_remap_find_image() - which addresses does an image vDSO in a process have?
 * @pid: 0, or a process that the caller may trace
 * @addr: where its text starts
 * @range: receives them: of one mapping or, if the text was split, of several
 *
 * Return: 0; -ENOENT: nothing is mapped there; what vdso_remap_parse() returns for what
 * is there; errors of open(2) and process_vm_readv(2).
 */
int vdso_remap_find_image(int32_t pid, uint64_t addr, struct vdso_remap_range *range);

/**
 * vdso_remap_read() - read the text of a vDSO from a process
 * @pid: 0, or a process that the caller may trace
 * @range: what vdso_remap_find_image() or vdso_remap_query() found
 * @text: receives the bytes
 *
 * If a mark stands over the ELF header, the header is rebuilt in @text, so that
 * vdso_remap_parse() understands it.
 *
 * Return: 0; -EFAULT: a part is not there, or can't be read; other errors of
 * process_vm_readv(2).
 */
int vdso_remap_read(int32_t pid, const struct vdso_remap_range *range, void *text);

/**
 * vdso_remap_find_place() - where the runtime vDSO of a process could be parked
 * @status: of the process
 * @avoid: where it must not be: the image, with its data pages
 * @addr: receives the text address: as near to @avoid as there is room
 *
 * vdso_remap_restore() does this by itself. In another process the place also keeps away
 * from where the stack and the heap will grow.
 *
 * Return: 0; -ENOMEM: there is no room that a near jump reaches, nor any other; errors of
 * open(2) and mmap(2).
 */
int vdso_remap_find_place(const struct vdso_remap_status *status,
			  const struct vdso_remap_range *avoid, uint64_t *addr);

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
 * The thread must have been seized (PTRACE_SEIZE): one that was attached to
 * (PTRACE_ATTACH) can't be interrupted in the middle.
 *
 * Single-steps the thread, with its signals held back, until its instruction
 * pointer is outside of all ranges. A thread that is outside is not touched. A
 * signal that comes nevertheless, SIGSTOP for one, is sent again afterwards.
 *
 * System calls are made only if they are those that the vDSO's functions fall
 * back on, which do not wait, or that by which a signal handler returns through a
 * trampoline in the vDSO. i386 code makes all of its system calls inside the
 * vDSO: such a thread is brought as far as that. An image keeps those
 * instructions, and a checkpoint of such a thread goes on there.
 *
 * Kernels of 32-bit arm have no single steps. There the function makes branches
 * itself, by changing the thread's registers, and has the thread run to a breakpoint
 * before the next one. For that, all threads that share the memory must stand still,
 * and a page of the vDSO becomes a private page, with the same bytes as before. It
 * does not know Thumb code (-EOPNOTSUPP), which the vDSO of most of those kernels does
 * not have.
 *
 * Not covered: a thread that runs a signal handler which will return into the
 * ranges counts as outside. See vdso_remap_find_handlers().
 *
 * Until the function returns the thread has most signals blocked, and would die of a
 * SIGTRAP if the caller died: the caller should not die meanwhile. A step can take for
 * ever, if the thread's control group is frozen or its memory never comes: a signal
 * handler of the caller's, without SA_RESTART, puts an end to that, for instance of a timer
 * that expires again and again.
 *
 * If the thread is inside, the function reads /proc, which must be that of the
 * caller's pid namespace.
 *
 * Return: the number of steps taken; -ETIME: still inside after @max_steps;
 * -EINTR: a signal handler of the caller ran; -EOPNOTSUPP: at another system call;
 * -ENOSYS: at a system call for which a seccomp filter (SECCOMP_RET_TRAP) or the program
 * itself (PR_SET_SYSCALL_USER_DISPATCH) has the kernel send a SIGSYS; -EILSEQ: a breakpoint
 * is in the way; -EFAULT: the thread's next instruction faults, or the thread left the
 * ranges for memory that is not executable, such as address 0; -EINVAL: the thread was
 * not seized; -EOVERFLOW: the caller runs 32-bit code and the thread does not; -ESRCH:
 * the thread died or is not stopped by the caller; -ENOENT: no /proc, or that of
 * another pid namespace; other errors of ptrace(2) and open(2). With -EOPNOTSUPP,
 * -ENOSYS, -EILSEQ and -EFAULT the thread is as it was before the instruction that it could not
 * execute, and no signal of the attempt is pending.
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
 * To be called when vdso_remap_evict() returns -EOPNOTSUPP. From a system call of i386
 * code the kernel returns into __kernel_vsyscall of the runtime vDSO, which a checkpoint
 * leaves out. The image has the same instructions: the function sets the thread's
 * instruction pointer to them.
 *
 * Return: 1; 0: it is outside of the runtime vDSO; -EOPNOTSUPP: it is elsewhere
 * in it, or the image has no such instructions; -EFAULT: its code is not there; other
 * errors of ptrace(2).
 */
int vdso_remap_evict_syscall(int32_t tid, const struct vdso_remap_range *runtime,
			     const struct vdso_remap_image *image, uint64_t addr);

#define VDSO_REMAP_STACK_MAX	(1U << 20)

/**
 * struct vdso_remap_handler - a signal handler that will return into a vDSO
 * @frame: where the kernel saved the thread's registers, on its stack
 * @addr: where the thread will go on
 * @at_syscall: the thread is a 32-bit one, and @addr is at the system call in
 *	__kernel_vsyscall: that code uses no data, and a proxied image keeps it
 */
struct vdso_remap_handler {
	uint64_t frame;
	uint64_t addr;
	bool at_syscall;
};

/**
 * vdso_remap_find_handlers() - is a thread in a signal handler that interrupted a
 * vDSO function?
 * @tid: a thread that the calling thread has ptrace-stopped
 * @ranges: as for vdso_remap_evict()
 * @nr_ranges: how many
 * @handlers: written, as many as were found
 * @nr_handlers: how many at most
 *
 * vdso_remap_evict() can't bring such a thread out: the thread is outside, and will
 * come back. This function scans the thread's stack for the signal frames that the
 * kernel writes when a handler starts, from the stack pointer upwards. When it finds
 * a frame, it goes on at the stack pointer that is saved in the frame; so it covers
 * alternate stacks (sigaltstack(2)), too. It reads at most VDSO_REMAP_STACK_MAX bytes
 * in all.
 *
 * A frame holds addresses of parts of itself, so a copy elsewhere is not reported. A
 * frame may be stale: its handler has returned, and a function has since reserved that
 * memory without writing to it. Not found are handlers that have left the stack on
 * which they were called, handlers whose frame the program has moved, and handlers whose
 * frame is beyond what is read.
 *
 * Return: how many were found, 0 if none; -EOVERFLOW: the caller runs 32-bit code
 * and the thread does not; -ESRCH: the thread is not stopped by the caller; other
 * errors of ptrace(2) and process_vm_readv(2).
 */
int vdso_remap_find_handlers(int32_t tid, const struct vdso_remap_range *ranges,
			     unsigned int nr_ranges, struct vdso_remap_handler *handlers,
			     unsigned int nr_handlers);

/* struct vdso_remap_thread.state */
enum vdso_remap_thread_state {
	VDSO_REMAP_THREAD_OUTSIDE = 1,	/* it is, or it was brought out */
	VDSO_REMAP_THREAD_AT_SYSCALL = 2, /* 32-bit code in __kernel_vsyscall: it can stay */
	VDSO_REMAP_THREAD_INSIDE = 3,	/* it can't be brought out, see @error */
	VDSO_REMAP_THREAD_LOST = 4,	/* the same, in what a checkpoint leaves out */
};

#define VDSO_REMAP_MAX_HANDLERS	4

/**
 * struct vdso_remap_thread - a thread of vdso_remap_evict_process()
 * @tid: its id
 * @state: out: enum vdso_remap_thread_state; 0: the function did not come as far
 * @error: out: why it is INSIDE or LOST: what vdso_remap_evict() or
 *	vdso_remap_evict_syscall() returned; -EUCLEAN: it is at a system call in the runtime
 *	vDSO, in which the process has overwritten what tells the ABI
 * @nr_steps: out: the number of steps taken
 * @handlers_error: out: why it is not known whether it is in a signal handler, or 0
 * @nr_handlers: out: entries used in @handlers
 * @handlers: out: signal handlers that will return into the vDSO
 */
struct vdso_remap_thread {
	int32_t tid;
	uint32_t state;
	int32_t error;
	uint32_t nr_steps;
	int32_t handlers_error;
	uint32_t nr_handlers;
	struct vdso_remap_handler handlers[VDSO_REMAP_MAX_HANDLERS];
};

/**
 * struct vdso_remap_evict_args - which threads, and how
 * @size: sizeof(struct vdso_remap_evict_args)
 * @ptrace_options: the options that the caller has set for the threads (PTRACE_O_*), if
 *	PTRACE_O_SUSPEND_SECCOMP is among them; else 0. A thread's steps may be instructions
 *	of any kind, so its seccomp filters are in force meanwhile.
 * @max_steps: of a thread; 0: VDSO_REMAP_EVICT_MAX_STEPS
 * @nr_threads: entries of @threads
 * @threads: all threads of the process
 */
struct vdso_remap_evict_args {
	uint32_t size;
	uint32_t ptrace_options;
	uint32_t max_steps;
	uint32_t nr_threads;
	struct vdso_remap_thread *threads;
};

/**
 * vdso_remap_evict_process() - bring all threads of a process out of the vDSO, before a
 * checkpoint
 * @status: of the process, as vdso_remap_query() found it
 * @args: its threads
 *
 * Calls vdso_remap_evict() for each thread, with the runtime vDSO's text and the image's
 * to leave; what is said there about signals and seized threads goes for all of them. Then
 * it has 32-bit threads of a proxied process return from their system calls into the image
 * (vdso_remap_evict_syscall()), and looks for signal handlers that will return into the
 * vDSO (vdso_remap_find_handlers()). One thread that can't be brought out does not keep
 * the function from the others.
 *
 * Return: the number of threads that are INSIDE or LOST: 0 if all is well; -EINTR: a
 * signal handler of the caller ran, and threads are left whose @state is 0;
 * -EINVAL: a @size is wrong; errors of reading the image of a proxied 32-bit process;
 * errors of ptrace(2) for PTRACE_SETOPTIONS.
 */
int vdso_remap_evict_process(const struct vdso_remap_status *status,
			     struct vdso_remap_evict_args *args);

#ifdef __cplusplus
}
#endif

#endif /* _VDSO_REMAP_H */
