/* SPDX-License-Identifier: MIT */
/*
 * What the library's files know of each other.
 */
#ifndef _VDSO_REMAP_INTERNAL_H
#define _VDSO_REMAP_INTERNAL_H

#include <vdso_remap.h>

#include "arch/regs.h"
#include "arch/symbols.h"

/*
 * The smallest page of any machine. It serves where a check need not be exact: the kernel
 * refuses addresses that are not aligned to its own pages.
 */
#define MIN_PAGE	4096ULL
/* The largest page of any machine: an address aligned to it is aligned for every kernel. */
#define MAX_PAGE	65536ULL

#define NR_ITEMS(a)	(sizeof(a) / sizeof((a)[0]))

#define public_api __attribute__((visibility("default")))

/* device.c */

/* size is the first member of a structure of the caller's, of which the library knows so much. */
int vrl_check_size(const uint32_t *size, uint32_t known);
/* Asks the device; as for all requests, pid 0 is the caller. */
int vrl_get_info(int fd, int32_t pid, struct vdso_remap_info *info);
/* The first one, or NULL. */
const struct vdso_remap_area *vrl_text_area(const struct vdso_remap_info *info);

/* mark.c */

/**
 * struct vrl_mark - a mark of any version, understood
 * @version: 1 to 3
 * @image: where the image vDSO's text is
 * @image_data: where its data pages are, or VDSO_REMAP_MARK_NO_ADDR
 */
struct vrl_mark {
	uint8_t version;
	uint64_t image;
	uint64_t image_data;
};

/* Whether a mark stands at data, and what it says. */
bool vrl_read_mark(struct vrl_mark *mark, const void *data, size_t size);

/* parse.c: the one table of ABIs that the freestanding library has */

const struct vdso_abi_row *vrl_abi_row(enum vdso_abi abi);

/* plan.c: what must stay as it is, and what needs no data page; see the rules there */

bool vrl_is_trampoline(const char *name);
bool vrl_needs_no_data(const char *name);

/* place.c: pid 0 is the caller in what follows, too */

/* Finds size free bytes for a vDSO of this ABI: as near to avoid as there is room, or anywhere. */
int vrl_find_place(int32_t pid, enum vdso_abi abi, uint64_t size,
		   const struct vdso_remap_range *avoid, uint64_t *start);

/* other.c: another process's memory map; not in the freestanding library */

/* Returns 0 or -EEXIST, also where the stack or the heap will grow; or another error. */
int vrl_other_is_free(int32_t pid, uint64_t start, uint64_t size);
/* The same, without any room. */
int vrl_other_has_nothing(int32_t pid, uint64_t start, uint64_t size);
int vrl_other_find_hole(int32_t pid, uint64_t end, uint64_t size, uint64_t *start);

/* memory.c: a vDSO that lies in a process; not in the freestanding library */

/* All of it, or -EFAULT, or another error. */
int vrl_read(int32_t pid, uint64_t addr, void *buf, unsigned long size);
/* Parses a copy of a vDSO, whose ELF header is rebuilt if a mark stands over it. */
int vrl_copy_vdso(struct vdso_remap_image *copy, int32_t pid, uint64_t addr, uint64_t size);
void vrl_drop_copy(const struct vdso_remap_image *copy);

/* by_ptrace.c: not in the freestanding library */

/**
 * struct vrl_by_ptrace - an image that is to become a proxy without the module
 * @args: as the caller of vdso_remap_restore() gave them
 * @image: its bytes, a copy
 * @plan: what is to be written
 * @runtime: where the text of the runtime vDSO is
 * @runtime_data: where its first area is
 * @error: gets the thread in the way, or the entry point in question
 */
struct vrl_by_ptrace {
	const struct vdso_remap_restore_args *args;
	const struct vdso_remap_image *image;
	const struct vdso_remap_plan *plan;
	uint64_t runtime;
	uint64_t runtime_data;
	struct vdso_remap_error *error;
};

int vrl_proxy_by_ptrace(const struct vrl_by_ptrace *in);

/* evict.c */

/* Also sets abi, that of the code. -EOVERFLOW: the thread's addresses don't fit a long here. */
long vrl_read_regs(int32_t tid, struct vdso_regs *regs, enum vdso_abi *abi);
long vrl_write_regs(int32_t tid, const struct vdso_regs *regs);
/* Where the code at an offset is, which may have the ABI's state bits. */
static inline const uint8_t *vrl_bytes_at(const struct vdso_remap_image *image, uint32_t off)
{
	return (const uint8_t *)image->text + vdso_abi_code(image->abi, off);
}

bool vrl_is_inside(uint64_t ip, const struct vdso_remap_range *ranges, unsigned int nr_ranges);
/* Whether ip is where code of this ABI makes its system calls in a vDSO, or returns from them. */
bool vrl_is_at_call_return(int32_t tid, enum vdso_abi abi, uint64_t ip);

/* proc.c */

/* A file, line by line; all zeros but fd at the beginning */
struct vrl_lines {
	int fd;
	unsigned int pos, end;
	char buf[1024];
};

/* A line of a memory map */
struct vrl_mapping {
	uint64_t start, end;
	char perms[4];		/* rwxp or -, s */
	bool is_file;
	char name[16];		/* cut off; enough for what stands in brackets */
};

/* The threads of a process; all zeros but fd at the beginning */
struct vrl_tasks {
	int fd;
	unsigned int pos, end;
	char buf[1024] __attribute__((aligned(8)));
};

/*
 * A descriptor of /proc/PID followed by file, which starts with a slash. -ENOENT: no /proc, or
 * that of another pid namespace.
 */
int vrl_open_proc(int32_t pid, const char *file);
/* The same of its memory, to be read and written; only where steps need it. */
int vrl_open_memory(int32_t pid);
/* These return 1; 0 at the end; or an error. A line is cut off at size. */
int vrl_next_line(struct vrl_lines *lines, char *line, unsigned int size);
int vrl_next_mapping(struct vrl_lines *maps, struct vrl_mapping *mapping);
int vrl_next_task(struct vrl_tasks *tasks, int32_t *tid);
/* The size of this kernel's pages; MIN_PAGE if /proc does not tell. */
uint64_t vrl_page_size(void);
/* Whether addr is executable, or an error. Works once for each descriptor. */
int vrl_is_executable(int maps, uint64_t addr);
/* A field of /proc/TID/status: its number, or the character that it begins with; or an error. */
long vrl_thread_status(int32_t tid, const char *field);

#endif /* _VDSO_REMAP_INTERNAL_H */
