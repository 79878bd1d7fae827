/* SPDX-License-Identifier: GPL-2.0 */
/* The memory of a process; pid 0 is the caller. */
#ifndef _SELFTESTS_LIB_MEMORY_H
#define _SELFTESTS_LIB_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A page of the running kernel, and the largest that a kernel may have, for sizes of arrays. */
#define T_PAGE		t_page_size()
#define T_PAGE_MAX	65536

uint64_t t_page_size(void);

bool t_mem_read(pid_t pid, uint64_t addr, void *buf, size_t size);
/* As a debugger does it: also where the process itself could not write. */
bool t_mem_write(pid_t pid, uint64_t addr, const void *buf, size_t size);

/* Whether the process has a page there that is its own and nobody else's. */
bool t_page_is_private(uint64_t addr);
/* The number of the page frame there; 0: there is none. Takes CAP_SYS_ADMIN. */
uint64_t t_page_frame(pid_t pid, uint64_t addr);

/* A hole of that many bytes, another one each time, far from everything. */
uint64_t t_hole(uint64_t size);
/* First address that a task of this ABI can't have. */
uint64_t t_task_limit(void);

#endif /* _SELFTESTS_LIB_MEMORY_H */
