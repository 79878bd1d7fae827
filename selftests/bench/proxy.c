// SPDX-License-Identifier: GPL-2.0
/* Installing a proxy, in two ways; see proxy.h. */
#include "proxy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "util.h"
#include "vdso_encode.h"

void proxy_make(struct proxy *proxy)
{
	static struct vdso_remap_image parsed;
	size_t size;
	const uint8_t *bytes = t_vdso_image(&size);

	proxy->device = t_open();
	/* The next hole after the group's places is as near to them as a jump reaches. */
	group_learn(&proxy->group);
	if (vdso_remap_parse(&parsed, bytes, size) ||
	    vdso_remap_plan(&proxy->plan, &parsed, &parsed, VDSO_REMAP_FORCE_PROXY) ||
	    !t_image_map(&proxy->image, t_hole(size), bytes, size))
		bench_die("no image");
}

void proxy_install(struct proxy *proxy, bool park)
{
	struct vdso_remap_proxy req = {
		.size = sizeof(req),
		.flags = park ? VDSO_REMAP_PROXY_PARK : 0,
		.nr_sites = proxy->plan.nr_sites,
		.sites = (uintptr_t)proxy->plan.sites,
		.image = (uintptr_t)proxy->image.addr,
		.image_size = proxy->image.size,
		.addr = park ? group_elsewhere(&proxy->group) : 0,
	};

	if (ioctl(proxy->device, VDSO_REMAP_PROXY, &req))
		bench_die("PROXY");
	if (park)
		proxy->group.text = req.addr;
}

static void protect(const struct proxy *proxy, int prot)
{
	if (mprotect(proxy->image.addr, proxy->image.size, prot))
		bench_die("mprotect");
}

void proxy_install_by_hand(struct proxy *proxy, bool park)
{
	if (park)
		group_mremap(&proxy->group, group_elsewhere(&proxy->group));
	protect(proxy, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < proxy->plan.nr_sites; i++) {
		const struct vdso_remap_site *site = &proxy->plan.sites[i];
		uint8_t *at = proxy->image.addr + site->off;
		uint8_t code[VDSO_ENCODE_MAX];
		unsigned int len;

		if (site->kind == VDSO_REMAP_SITE_JUMP)
			len = vdso_encode_jump(VDSO_ABI_X86_64, code, at, site->room, (uintptr_t)at,
					       proxy->group.text + site->target);
		else
			len = vdso_encode_stub(VDSO_ABI_X86_64, code, at, site->room, site->target);
		memcpy(at, code, len);
	}
	protect(proxy, PROT_READ | PROT_EXEC);
}
