// SPDX-License-Identifier: GPL-2.0
/* See common.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/test.h"
#include "lib/image.h"
#include "lib/memory.h"
#include "lib/vdso.h"
#include "common.h"

struct vdso_remap_site d_sites[D_NR_SITES];

void d_learn_sites(void)
{
	const uint32_t targets[D_NR_SITES] = {
		t_entry_point(T_FUNCTION), T_LONGEST_STUB,
		t_entry_point(T_VDSO "clock_getres"), T_FUNCTION_STUB,
		t_entry_point(T_VDSO "clock_gettime"), VDSO_REMAP_STUB_CLOCK_GETRES,
	};

	/* The last three are on the second page. */
	for (unsigned int i = 0; i < D_NR_SITES; i++)
		d_sites[i] = (struct vdso_remap_site){
			.off = (2 * i + 1) * T_SLOT_SIZE + (i < 3 ? 0 : T_PAGE),
			.room = T_SLOT_SIZE,
			.kind = i % 2 ? VDSO_REMAP_SITE_STUB : VDSO_REMAP_SITE_JUMP,
			.target = targets[i],
		};
}

void d_request(union d_request *req, unsigned long command, uint32_t flags, pid_t pid,
	       uint64_t addr)
{
	memset(req, 0, sizeof(*req));
	req->flags = flags;
	req->pid = pid;
	switch (command) {
	case VDSO_REMAP_GET_INFO:
		req->size = sizeof(req->info);
		break;
	case VDSO_REMAP_MOVE:
		req->size = sizeof(req->move);
		req->move.addr = addr;
		break;
	case VDSO_REMAP_MAP:
		req->size = sizeof(req->map);
		req->map.addr = addr;
		break;
	case VDSO_REMAP_PROXY:
		req->size = sizeof(req->proxy);
		req->proxy.nr_sites = D_NR_SITES;
		req->proxy.sites = (uintptr_t)d_sites;
		req->proxy.image = D_IMAGE_ADDR;
		req->proxy.image_size = D_IMAGE_SIZE;
		req->proxy.addr = flags & VDSO_REMAP_PROXY_PARK ? addr : 0;
		break;
	}
}

unsigned long d_number(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtoul(value, NULL, 0) : otherwise;
}

uint32_t d_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

uint64_t d_now_ns(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}
