/* SPDX-License-Identifier: MIT */
#ifndef _IMAGES_H
#define _IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads memory of a process as CRIU has dumped it. dir is CRIU's directory of images, pid the
 * process's id when it was dumped. Returns 0, or a negative errno value: -ENODATA if the images
 * do not have all of it, -EBADMSG if they are none.
 */
int images_read(int dir, int pid, uint64_t addr, void *to, size_t size);

/* What a kernel must know to have these processes. */
struct images_needs {
	bool droppable;		/* memory that is MAP_DROPPABLE */
	bool guards;		/* guard pages, by MADV_GUARD_INSTALL */
	uint32_t rseq_size;	/* the largest rseq registration, in bytes */
	uint32_t nr_auxv;	/* words of the longest auxiliary vector, 2 or more */
};

/* Returns 0, or a negative errno value. Images that can't be understood are passed over. */
int images_read_needs(int dir, struct images_needs *needs);

/*
 * Makes the directory NAME in dir, where these processes need no more than is allowed: links to
 * the images, and changed copies of some. Memory that was droppable is private there, guard pages
 * are mappings without access, a larger rseq registration is as large as is allowed, and so is a
 * longer auxiliary vector, which lacks its last entries.
 *
 * Returns a descriptor of the directory, or a negative errno value: then there is none.
 */
int images_adapt(int dir, const char *name, const struct images_needs *allowed);

/* Removes such a directory. Returns 0, or a negative errno value. */
int images_remove(int dir, const char *name);

/* Of CRIU's program: their directory, which is open until all tasks run. */
int criu_get_image_dir(void);

#endif /* _IMAGES_H */
