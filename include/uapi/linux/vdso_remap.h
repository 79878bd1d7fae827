/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * vdso_remap: carry a process's vDSO over to another kernel.
 *
 * This header is the contract of /dev/vdso_remap and its manual; other tools
 * are written against it. Published numbers, sizes and meanings never change.
 *
 * Words
 *
 *   vDSO group     the special mappings that the running kernel gave a
 *                  process: one text area ([vdso]) and its data areas ([vvar],
 *                  [vvar_vclock]) at fixed distances from it. It moves as one.
 *   runtime vDSO   the group of the running kernel.
 *   image vDSO     the text of another kernel's vDSO, restored as ordinary
 *                  memory: anonymous, private, executable.
 *   site           a place in an image vDSO that gets a jump or a stub; its
 *                  room is the number of bytes that may be overwritten there.
 *   proxy          an image vDSO whose sites are installed.
 *   to park        to move the runtime vDSO out of the way.
 *   mark           bytes over the ELF header of a parked runtime vDSO by which
 *                  a later checkpoint knows that it need not be saved.
 *
 * All commands
 *
 *   Every structure starts with its own size and flags and grows at its end
 *   only. A caller sets @size to sizeof() the structure it was compiled with
 *   and zeroes what it does not use. A structure larger than the module knows
 *   is accepted if the unknown tail is zero. The layout is the same for 32-bit
 *   and 64-bit callers; there is no implicit padding.
 *
 *   @pid 0 is the caller; another pid, in the caller's pid namespace, must be
 *   a task that the calling thread itself has ptrace-stopped, and not by
 *   PTRACE_LISTEN. As for PTRACE_POKEDATA, if the process is not dumpable, its
 *   tracer must have had CAP_SYS_PTRACE, in the user namespace that owns the
 *   process's memory, when it attached. That is the whole permission check for
 *   acting on another process. The stop makes sure that the task stands still.
 *
 *   All or nothing: when a command fails, the group, the kernel's own pointer
 *   to it and every byte of the image are as they were. (As with
 *   mmap(MAP_FIXED), what REPLACE unmapped may be gone if the command fails
 *   after that: memory ran out, the caller was killed, or somebody resumed a
 *   thread meanwhile. Nothing else may.) Fields marked "out" are written on
 *   success; @busy_tid and @bad_site on errors, too, to 0 and
 *   VDSO_REMAP_NO_SITE unless the error names one. The others come back as they
 *   were. Nothing is written if the structure's @size or tail is at fault.
 *   With EBUSY @busy_tid is 0 if the thread has no pid in the caller's pid
 *   namespace, or if processes that may share the memory come and go so fast that
 *   none can be named.
 *
 *   REPLACE unmaps like munmap(2), and the caller waits for it. That can take
 *   long for a mapping of a file whose server answers slowly (FUSE, NFS);
 *   SIGKILL does not end it. Meanwhile the process's mmap lock is held, as by
 *   munmap(2), and no other lock. REPLACE of a part of a hugetlbfs page fails
 *   with EINVAL, as munmap(2) does. A userfaultfd monitor gets no event for what
 *   REPLACE unmaps, nor for a group that moves.
 *
 *   An address that a group is to go to is page aligned; the whole group must
 *   fit between vm.mmap_min_addr and the task's own limit (4 GiB for the vDSO
 *   of an ABI with 32-bit addresses), and must not overlap its present place.
 *
 *   A sealed group (by the kernel or by mseal(2)) stays as it is: EPERM,
 *   unless the request has the flag UNSEAL, the caller has
 *   CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN in the initial user namespace, and
 *   the module's parameter allow_unseal is set. Then it moves or is marked, and
 *   is sealed again where it is then; the kernel's log names the caller and the
 *   process (rate-limited). For a group that is not sealed UNSEAL means nothing.
 *
 *   EFAULT     the structure, or what it points to, can't be read or written
 *   EINVAL     @size is below the first published size; an unknown flag; a
 *              reserved field that is not zero; an address that is not page
 *              aligned, wraps, or leaves the task's address space; a new place
 *              that overlaps the old one
 *   E2BIG      @size is larger than the module knows and the tail is not zero,
 *              or larger than a page
 *   ESRCH      no such task, it is exiting, or it is not stopped
 *   EPERM      the calling thread does not trace the task, or may not access
 *              the memory of a task that it traces; or the new place starts
 *              below vm.mmap_min_addr; or a mapping that would have to
 *              change is sealed: the group without UNSEAL and what it needs,
 *              what REPLACE would unmap, the image
 *   ENOENT     the process has no group
 *   EUCLEAN    the process has parts of a group only, or not at their
 *              distances: unmap what GET_INFO lists, then MAP
 *   EEXIST     the new place is occupied; MAP: the process has a group
 *   EBUSY      a thread is in the way, see the command; @busy_tid names it
 *   ENOMEM     out of memory or mappings
 *   EINTR      the caller was killed while it waited
 *   EOPNOTSUPP the caller has lowered its own limit of addresses since it was
 *              started
 *   ENOTTY     not a command of this device
 *
 *   An LSM that refuses the new place may add its own error (EACCES).
 *
 * The module never parses bytes that a caller supplies. It writes only this into
 * executable memory: its own encodings of jumps to entry points of the runtime
 * vDSO and of the system calls that a vDSO stands for, and the mark. It writes
 * sites only into anonymous memory that is executable already.
 *
 * But the caller chooses where a site is and how far the runtime vDSO is from it,
 * so a series of calls can leave any bytes there: PROXY is in effect a write to
 * executable memory, and needs the same permission. On another process it needs
 * what PTRACE_POKEDATA needs. On the caller's own memory it needs what a plain
 * write needs, or CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN in the user namespace
 * that owns the memory (else EACCES). A program that was executed in a user
 * namespace of its own has these capabilities there. So do not give the device to
 * a process that must not be able to write code, for example one whose seccomp
 * filter forbids memory that is writable and executable.
 *
 * Whoever may open the device may stop all CPUs, again and again: PROXY does so if
 * other threads of the process may run. The CPUs are stopped while the module looks
 * at each thread that shares the memory: microseconds for a few threads, some
 * milliseconds for thousands. Isolated CPUs (isolcpus, nohz_full) are stopped, too;
 * on a real-time kernel no task has a higher priority. GET_INFO, MOVE and MAP never
 * stop a CPU.
 */
#ifndef _UAPI_LINUX_VDSO_REMAP_H
#define _UAPI_LINUX_VDSO_REMAP_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * The interface, not the module: raised when a caller may want to know.
 *
 *   2	MOVE of a proxied process fails with EALREADY. PROXY on memory of the
 *	caller that it may not write fails with EACCES.
 */
#define VDSO_REMAP_VERSION	2

#define VDSO_REMAP_TYPE		0xD5

/* No size in the numbers: the structures carry it and may grow. */
#define VDSO_REMAP_GET_INFO	_IO(VDSO_REMAP_TYPE, 0x00)
#define VDSO_REMAP_MOVE		_IO(VDSO_REMAP_TYPE, 0x01)
#define VDSO_REMAP_MAP		_IO(VDSO_REMAP_TYPE, 0x02)
#define VDSO_REMAP_PROXY	_IO(VDSO_REMAP_TYPE, 0x03)

/* struct vdso_remap_area.kind */
#define VDSO_REMAP_AREA_TEXT	1	/* [vdso] */
#define VDSO_REMAP_AREA_DATA	2	/* [vvar], [vvar_vclock] */

/* struct vdso_remap_area.flags, and or-ed together in vdso_remap_info.state */
#define VDSO_REMAP_AREA_SEALED	(1U << 0)	/* by the kernel or mseal(2) */
#define VDSO_REMAP_AREA_PRIVATE	(1U << 1)	/* got private (COWed) pages */

/**
 * struct vdso_remap_area - one special mapping of a group
 * @start: first address
 * @size: in bytes
 * @kind: VDSO_REMAP_AREA_TEXT or _DATA
 * @flags: VDSO_REMAP_AREA_SEALED, _PRIVATE
 */
struct vdso_remap_area {
	__aligned_u64 start;
	__aligned_u64 size;
	__u32 kind;
	__u32 flags;
};

/* struct vdso_remap_info.features: what this module can do beyond version 1 */
#define VDSO_REMAP_FEATURE_MARK	(1ULL << 0)	/* VDSO_REMAP_PROXY_MARK */
#define VDSO_REMAP_FEATURE_COMPAT (1ULL << 1)	/* PROXY of i386 or arm processes */
#define VDSO_REMAP_FEATURE_UNSEAL (1ULL << 2)	/* UNSEAL, while allow_unseal is set */

/* struct vdso_remap_info.state, beside the AREA flags */
#define VDSO_REMAP_STATE_PRESENT (1U << 16)	/* a whole group is there */

#define VDSO_REMAP_MAX_AREAS	8
#define VDSO_REMAP_BUILD_ID_MAX	32

/**
 * struct vdso_remap_info - VDSO_REMAP_GET_INFO: what a process has
 * @size: sizeof(struct vdso_remap_info)
 * @flags: none yet: 0
 * @pid: 0 or a task that the caller has ptrace-stopped
 * @version: out: VDSO_REMAP_VERSION
 * @features: out: VDSO_REMAP_FEATURE_*
 * @vdso: out: where the kernel itself believes the process's vDSO text to be.
 *	A process that unmapped its vDSO keeps a stale address here.
 * @state: out: VDSO_REMAP_STATE_PRESENT and the flags of all areas
 * @nr_areas: out: areas found. Without STATE_PRESENT they are the remains of
 *	a group, see EUCLEAN.
 * @machine: out: ELF machine of the task's runtime vDSO (EM_X86_64, also of x32; EM_386;
 *	EM_AARCH64; EM_ARM); 0 if the module does not know that vDSO (yet, see MAP)
 * @build_id_size: out: bytes used in @build_id
 * @build_id: out: GNU build id of the task's runtime vDSO, read from the
 *	kernel's own copy. Two vDSOs are the same only if these are.
 * @areas: out: ordered by address
 */
struct vdso_remap_info {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 version;
	__aligned_u64 features;
	__aligned_u64 vdso;
	__u32 state;
	__u32 nr_areas;
	__u32 machine;
	__u32 build_id_size;
	__u8 build_id[VDSO_REMAP_BUILD_ID_MAX];
	struct vdso_remap_area areas[VDSO_REMAP_MAX_AREAS];
};

#define VDSO_REMAP_INFO_SIZE_VER0	272

/* struct vdso_remap_move.flags */
#define VDSO_REMAP_MOVE_REPLACE	(1U << 0)	/* unmap what is in the way */
#define VDSO_REMAP_MOVE_UNSEAL	(1U << 1)	/* move a sealed group, too */
#define __VDSO_REMAP_MOVE_ALL	(VDSO_REMAP_MOVE_REPLACE | \
				 VDSO_REMAP_MOVE_UNSEAL)

/**
 * struct vdso_remap_move - VDSO_REMAP_MOVE: move the whole group
 * @size: sizeof(struct vdso_remap_move)
 * @flags: VDSO_REMAP_MOVE_*
 * @pid: 0 or a task that the caller has ptrace-stopped
 * @busy_tid: out, with EBUSY: a thread that is neither the caller nor stopped
 *	outside the group
 * @addr: where the text area is to start
 *
 * Private pages (breakpoints, marks) move along. auxv, libc and everyone else
 * who remembers the old address are the caller's business. So is a thread that
 * its tracer resumes during the move, and that forks just then: the child has
 * the whole group at the new place, but a kernel's pointer to the old one.
 *
 * EALREADY   the process is proxied: the group has a mark, and the mark's @image is
 *            in anonymous, executable memory. A move would leave the image's sites
 *            pointing to the old place. Use VDSO_REMAP_PROXY with PARK, which moves
 *            the group and installs the sites anew.
 */
struct vdso_remap_move {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__s32 busy_tid;
	__aligned_u64 addr;
};

#define VDSO_REMAP_MOVE_SIZE_VER0	24

/**
 * struct vdso_remap_map - VDSO_REMAP_MAP: a fresh group for a process without
 * @size: sizeof(struct vdso_remap_map)
 * @flags: none yet: 0
 * @pid: 0 or a task that the caller has ptrace-stopped
 * @reserved: 0
 * @addr: where the text area is to start
 *
 * ENOENT here: the process was started without a vDSO (vdso=0), so the kernel
 * does not say which one is its. EOPNOTSUPP: on arm64, 32-bit and 64-bit
 * processes have different vDSOs. The module knows that of the process that loaded
 * it. It learns the other one when a command, such as GET_INFO, is first given a
 * process that has it, and that has not happened yet.
 */
struct vdso_remap_map {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 reserved;
	__aligned_u64 addr;
};

#define VDSO_REMAP_MAP_SIZE_VER0	24

/* struct vdso_remap_site.kind */
#define VDSO_REMAP_SITE_JUMP	1	/* to an entry point of the runtime vDSO */
#define VDSO_REMAP_SITE_STUB	2	/* a plain system call */

/*
 * struct vdso_remap_site.target of a stub: the function that it stands for. It
 * makes the system call of that name, with the arguments and the return value
 * of the vDSO's function. GETRANDOM answers the parameter query (opaque_len
 * ~0UL) with -ENOSYS. SIGRETURN and RT_SIGRETURN write the same bytes as the
 * kernel's trampolines have, for images in which another tool has overwritten them.
 *
 * Which ABI has which stub:
 *
 *			x86_64	i386	x32	arm64	arm
 *   CLOCK_GETTIME	x	x	x	x	x
 *   CLOCK_GETRES	x	x	x	x	x
 *   GETTIMEOFDAY	x	x	x	x	x
 *   TIME		x	x	x
 *   GETCPU		x	x	x
 *   GETRANDOM		x			x
 *   CLOCK_GETTIME64		x			x
 *   CLOCK_GETRES_TIME64	x			x
 *   SIGRETURN			x
 *   RT_SIGRETURN		x		x
 */
#define VDSO_REMAP_STUB_CLOCK_GETTIME	1
#define VDSO_REMAP_STUB_CLOCK_GETRES	2
#define VDSO_REMAP_STUB_GETTIMEOFDAY	3
#define VDSO_REMAP_STUB_TIME		4
#define VDSO_REMAP_STUB_GETCPU		5
#define VDSO_REMAP_STUB_GETRANDOM	6
#define VDSO_REMAP_STUB_CLOCK_GETTIME64	7
#define VDSO_REMAP_STUB_CLOCK_GETRES_TIME64 8
#define VDSO_REMAP_STUB_SIGRETURN	9
#define VDSO_REMAP_STUB_RT_SIGRETURN	10

/**
 * struct vdso_remap_site - what is to be installed where
 * @off: offset of the site in the image, in bytes
 * @room: bytes that may be overwritten from @off on
 * @kind: VDSO_REMAP_SITE_JUMP or _STUB
 * @target: JUMP: offset of an entry point in the runtime vDSO's text;
 *	STUB: VDSO_REMAP_STUB_*
 *
 * On some machines an address of code holds a state bit that is no part of the address:
 * on arm, bit 0 is 1 for Thumb code and 0 for ARM code. There, @off, and @target of a jump,
 * hold this bit if st_value of the ELF symbol does. It says for which state the jump or
 * stub is written, and in which state the target runs. The bytes go to the address without
 * the bit, and @room is counted from there. The order of the sites, and whether they
 * overlap, is decided without it, too.
 *
 * If the site begins with a landing pad, it still does so afterwards. The jump or stub
 * follows it, and the room is smaller by its size. Jumps change no register that carries an
 * argument or that a call must preserve:
 *
 *		near jump	reach	far jump		landing pad
 *   x86_64	5 bytes		2 GiB	13 bytes, uses r11	endbr64
 *   i386	5 bytes		all	-			endbr32
 *   x32	5 bytes		2 GiB	9 bytes, uses r11	endbr64
 *   arm64	4 bytes		128 MiB	20 bytes, uses x16	bti c
 *   arm	8 bytes		all	-			-
 *
 * On arm64, bti jc, paciasp and pacibsp are landing pads, too; bti c replaces them. On arm,
 * a jump takes 10 bytes in Thumb code at an address that is not a multiple of 4.
 */
struct vdso_remap_site {
	__u32 off;
	__u32 room;
	__u32 kind;
	__u32 target;
};

/* struct vdso_remap_proxy.flags */
#define VDSO_REMAP_PROXY_PARK	 (1U << 0)	/* move the group to @addr */
#define VDSO_REMAP_PROXY_REPLACE (1U << 1)	/* as MOVE's; only with PARK */
#define VDSO_REMAP_PROXY_MARK	 (1U << 2)	/* write the mark */
#define VDSO_REMAP_PROXY_UNSEAL	 (1U << 3)	/* as MOVE's; only with PARK or MARK */
#define __VDSO_REMAP_PROXY_ALL	(VDSO_REMAP_PROXY_PARK | \
				 VDSO_REMAP_PROXY_REPLACE | \
				 VDSO_REMAP_PROXY_MARK | \
				 VDSO_REMAP_PROXY_UNSEAL)

#define VDSO_REMAP_MAX_SITES		256
#define VDSO_REMAP_MAX_IMAGE_SIZE	(1U << 20)

/* struct vdso_remap_proxy.bad_site when no site is to blame */
#define VDSO_REMAP_NO_SITE	(~0U)

/**
 * struct vdso_remap_proxy - VDSO_REMAP_PROXY: make an image vDSO a proxy
 * @size: sizeof(struct vdso_remap_proxy)
 * @flags: VDSO_REMAP_PROXY_*
 * @pid: 0 or a task that the caller has ptrace-stopped
 * @nr_sites: 1 to VDSO_REMAP_MAX_SITES
 * @sites: address of struct vdso_remap_site[nr_sites], ordered by offset,
 *	disjoint in their rooms
 * @image: where the image's text starts in the process, page aligned
 * @image_size: of the text, in bytes, page aligned, at most
 *	VDSO_REMAP_MAX_IMAGE_SIZE
 * @addr: with PARK: where the runtime vDSO's text is to start; else 0
 * @image_data: with MARK: where the image's data pages start, page aligned;
 *	0 if it has none. Else 0.
 * @busy_tid: out, with EBUSY: a thread whose instruction pointer is inside the
 *	bytes to be replaced (at their first byte is outside), or inside a longer
 *	jump that is there now; or, with PARK, one that is in the way of a MOVE
 * @bad_site: out, with EINVAL, ENXIO and ENOSPC: index of the site that is at
 *	fault, or VDSO_REMAP_NO_SITE
 *
 * Other threads see none or all of the sites. If any of them may run before the
 * command ends, the sites are written with every CPU held. If the caller has
 * ptrace-stopped them all, no CPU is held. A thread that is elsewhere in the image
 * may run into a site later: bring threads out of the vDSO first. A thread in a
 * signal handler that will return into the bytes to be replaced is not seen.
 * vdso_remap_evict(3) does not bring it out either; vdso_remap_find_handlers(3)
 * finds such threads, as far as that is possible.
 *
 * Of the image, only the pages that a site lies in become private pages.
 *
 * EINVAL     also: sites out of order, overlapping or outside of the image; an
 *            unknown kind or stub; the new place overlaps the image
 * EFAULT     a page of the image is not mapped
 * EACCES     a page of the image is not anonymous, executable memory; or the memory
 *            is the caller's own, and
 *            - the caller can't write to a page of the image (no PROT_WRITE, or the
 *              protection key forbids it) and has neither CAP_CHECKPOINT_RESTORE nor
 *              CAP_SYS_ADMIN in the user namespace that owns the memory, or
 *            - the caller has renounced new executable code (PR_SET_MDWE)
 * EPERM      also: a page of the image is sealed
 * ENXIO      the target of a jump is not an entry point of the runtime vDSO
 * ENOSPC     the site's room is too small for what is to be written, or the machine
 *            executes no code at such an address as @off or @target
 * EOPNOTSUPP no encodings for the task's ABI
 */
struct vdso_remap_proxy {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 nr_sites;
	__aligned_u64 sites;
	__aligned_u64 image;
	__aligned_u64 image_size;
	__aligned_u64 addr;
	__aligned_u64 image_data;
	__s32 busy_tid;
	__u32 bad_site;
};

#define VDSO_REMAP_PROXY_SIZE_VER0	64

/*
 * The mark: CRIU's layout, so that an unmodified CRIU can checkpoint what was
 * restored with this module. It lies over the ELF header of the runtime vDSO.
 * Only CRIU for 32-bit machines has another layout, with fields of 32 bits, and
 * does not know this one.
 */
#define VDSO_REMAP_MARK_SIGNATURE	0x4f53447655495243ULL	/* "CRIUvDSO" */
#define VDSO_REMAP_MARK_VERSION		3
#define VDSO_REMAP_MARK_NO_ADDR		(~0ULL)

/**
 * struct vdso_remap_mark - the mark, also that of a 32-bit process
 * @signature: VDSO_REMAP_MARK_SIGNATURE
 * @image: where the image vDSO's text starts
 * @version: VDSO_REMAP_MARK_VERSION
 * @image_data: where the image's data pages start, or VDSO_REMAP_MARK_NO_ADDR
 * @runtime_data: where the runtime vDSO's data areas start
 */
struct vdso_remap_mark {
	__aligned_u64 signature;
	__aligned_u64 image;
	__aligned_u64 version;
	__aligned_u64 image_data;
	__aligned_u64 runtime_data;
};

#endif /* _UAPI_LINUX_VDSO_REMAP_H */
