// SPDX-License-Identifier: GPL-2.0
/* Installing a proxy, in two ways; see proxy.h. */
#include "proxy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "util.h"
#include "vdso_encode.h"

/* A runtime vDSO that lacks all else: of that stubs are made. */
static void keep_only_clock_gettime(struct vdso_remap_image *runtime)
{
	uint32_t off = t_entry_point("__vdso_clock_gettime"), nr = 0;

	for (uint32_t i = 0; i < runtime->nr_entry_points; i++) {
		if (runtime->entry_points[i].off == off)
			runtime->entry_points[nr++] = runtime->entry_points[i];
	}
	runtime->nr_entry_points = nr;
}

static bool make_plan(struct vdso_remap_plan *plan, const struct vdso_remap_image *image,
		      const struct vdso_remap_image *runtime)
{
	return !vdso_remap_plan(plan, image, runtime, VDSO_REMAP_FORCE_PROXY);
}

void proxy_make(struct proxy *proxy)
{
	static struct vdso_remap_image image, runtime;
	size_t size;
	const uint8_t *bytes = t_vdso_image(&size);

	proxy->device = t_open();
	/* The next hole after the group's places is as near to them as a jump reaches. */
	group_learn(&proxy->group);
	if (vdso_remap_parse(&image, bytes, size) ||
	    !t_image_map(&proxy->image, t_hole(size), bytes, size))
		bench_die("no image");
	runtime = image;
	keep_only_clock_gettime(&runtime);
	if (!make_plan(&proxy->plans[0], &image, &image) ||
	    !make_plan(&proxy->plans[1], &image, &runtime))
		bench_die("no plan");
}

static const struct vdso_remap_plan *next_plan(struct proxy *proxy)
{
	proxy->turn = !proxy->turn;
	return &proxy->plans[proxy->turn];
}

void proxy_install(struct proxy *proxy, bool park)
{
	const struct vdso_remap_plan *plan = next_plan(proxy);
	struct vdso_remap_proxy req = {
		.size = sizeof(req),
		.flags = park ? VDSO_REMAP_PROXY_PARK : 0,
		.nr_sites = plan->nr_sites,
		.sites = (uintptr_t)plan->sites,
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
	const struct vdso_remap_plan *plan = next_plan(proxy);

	if (park)
		group_mremap(&proxy->group, group_elsewhere(&proxy->group));
	protect(proxy, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < plan->nr_sites; i++) {
		const struct vdso_remap_site *site = &plan->sites[i];
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
