/* SPDX-License-Identifier: GPL-2.0 */
/* The state of a process that a failing command must leave as it was. */
#ifndef _SELFTESTS_LIB_STATE_H
#define _SELFTESTS_LIB_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/vdso_remap.h>

#include "lib/maps.h"
#include "lib/vdso.h"

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

/* Too large for the stack, which would grow and so change the maps. */
bool t_state_capture(struct t_state *state, int fd, pid_t pid);
/* Also, if it is the caller's and has a group, whether that tells the time. */
bool t_state_is(const struct t_state *want);
/* The command fails with this error, and the state is as it was. */
bool t_refused(const struct t_state *before, int error, unsigned long command, void *req);
/* What MOVE to addr, and munmap(), would make of a state. */
void t_state_move(struct t_state *state, uint64_t addr);
void t_state_unmap(struct t_state *state, uint64_t start, uint64_t end);

#endif /* _SELFTESTS_LIB_STATE_H */
