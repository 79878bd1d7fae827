/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of PROXY share. */
#ifndef _SELFTESTS_VM_PROXY_H
#define _SELFTESTS_VM_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "lib/state.h"

#define NEAR		0x1000000ULL		/* from an image to a group parked near it */

/* Where the kernel says that the group's text is. */
static inline uint64_t text_addr(int fd)
{
	struct vdso_remap_info info = { .size = sizeof(info) };

	return ioctl(fd, VDSO_REMAP_GET_INFO, &info) ? 0 : info.vdso;
}

/* The own state but for the group, which went to addr (0: stayed). */
static inline bool moved_only(struct t_state *state, uint64_t addr)
{
	if (addr)
		t_state_move(state, addr);
	return t_state_is(state);
}

#endif /* _SELFTESTS_VM_PROXY_H */
