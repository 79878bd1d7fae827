/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mappings of a process, as its /proc/PID/maps has them. It is a witness that does not
 * trust the module. Nothing here allocates: that could change what it reads.
 */
#ifndef _SELFTESTS_LIB_MAPS_H
#define _SELFTESTS_LIB_MAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define T_MAX_VMAS	256

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

/* pid 0 is the caller. */
bool t_maps_read(struct t_maps *maps, pid_t pid);
bool t_maps_equal(const struct t_maps *want, const struct t_maps *have);
const struct t_vma *t_maps_find(const struct t_maps *maps, const char *name);
bool t_is_special(const struct t_vma *vma);	/* [vdso], [vvar], [vvar_vclock] */
bool t_is_free(const struct t_maps *maps, uint64_t start, uint64_t end);
bool t_is_text(const struct t_vma *vma);
/* Where mappings may begin; and the error by which the kernel refuses an address below that. */
uint64_t t_lowest_addr(void);
int t_low_addr_error(uint64_t addr);
/* Prints it after these words. */
void t_note_vma(const char *what, const struct t_vma *vma);

#endif /* _SELFTESTS_LIB_MAPS_H */
