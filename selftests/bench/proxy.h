/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An image vDSO, a copy of the own one, whose sites are installed again and again:
 * other bytes each time, but at __vdso_clock_gettime, which threads may be calling.
 */
#ifndef _BENCH_PROXY_H
#define _BENCH_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vdso_remap.h>

#include "group.h"
#include "lib/image.h"

/**
 * struct proxy - that, and the group that it leads to
 * @group: near, at one of its places
 * @device: open
 * @image: in this process
 * @plans: its sites: jumps, and all but one of them stubs
 * @turn: which of them is next
 * @pid: 0, or another process in which all of this is, at the same addresses; the
 *	caller has ptrace-stopped it
 */
struct proxy {
	struct group group;
	int device;
	struct t_image image;
	struct vdso_remap_plan plans[2];
	bool turn;
	pid_t pid;
};

void proxy_make(struct proxy *proxy);
/* By the module; parking takes the group to its other place. */
void proxy_install(struct proxy *proxy, bool park);
/* As tools do it: mprotect(), copy, mprotect(); parking by mremap(). */
void proxy_install_by_hand(struct proxy *proxy, bool park);
/* The same in another process: it is made to do the system calls. */
void proxy_install_by_ptrace(struct proxy *proxy);

#endif /* _BENCH_PROXY_H */
