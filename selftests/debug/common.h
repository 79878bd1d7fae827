/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of this directory share: an image, and commands that are valid. */
#ifndef _SELFTESTS_DEBUG_COMMON_H
#define _SELFTESTS_DEBUG_COMMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vdso_remap.h>

#define D_IMAGE_ADDR	0x10000000000ULL
#define D_IMAGE_SIZE	0x2000ULL
#define D_NR_SITES	6

/* Any command's structure. */
union d_request {
	struct {
		uint32_t size;
		uint32_t flags;
		int32_t pid;
	};
	struct vdso_remap_info info;
	struct vdso_remap_move move;
	struct vdso_remap_map map;
	struct vdso_remap_proxy proxy;
	uint8_t bytes[sizeof(struct vdso_remap_info)];
};

/* Sites of the built image at D_IMAGE_ADDR: jumps, and every other one a stub. */
extern struct vdso_remap_site d_sites[D_NR_SITES];
void d_learn_sites(void);

/* A valid request; addr is only used where the command and the flags want one. */
void d_request(union d_request *req, unsigned long command, uint32_t flags, pid_t pid,
	       uint64_t addr);

/* A number from the environment. */
unsigned long d_number(const char *name, unsigned long otherwise);

/* Small and fast, of no quality, the same for the same seed. */
uint32_t d_random(uint64_t *seed);

/* By system call: libc's goes to where the vDSO was. */
uint64_t d_now_ns(void);

#endif /* _SELFTESTS_DEBUG_COMMON_H */
