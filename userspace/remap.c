// SPDX-License-Identifier: MIT
/*
 * Decides how a process is changed: in which order the device is asked, where
 * the runtime vDSO is parked, and what is undone when a step fails. What is to
 * become of the image is plan.c's decision.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "vdso_abi.h"
#include "internal.h"
#include "syscall.h"

#define PLAN_FLAGS	(VDSO_REMAP_ALLOW_UNKNOWN | VDSO_REMAP_FORCE_PROXY)
#define RESTORE_FLAGS	(PLAN_FLAGS | VDSO_REMAP_NO_MARK | VDSO_REMAP_UNSEAL)

#define ADDR_END_32BIT	(1ULL << 32)

/* First distance from the image at which the runtime vDSO is parked. */
#define PARK_DISTANCE	0x10000ULL

/* What a restore knows, so that its steps need not be told. */
struct context {
	struct vdso_remap_restore *restore;
	uint64_t before;	/* bytes of the group before its text */
	uint64_t span;		/* bytes of the whole group */
	uint64_t text;		/* where its text is now */
	uint64_t park;		/* as restore->park_addr */
	struct vdso_remap_image image;
	struct vdso_remap_image runtime;
	struct vdso_remap_plan plan;
};

public_api int vdso_remap_open(void)
{
	return sys_open(VDSO_REMAP_DEVICE, O_RDWR | O_CLOEXEC);
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static bool is_range(uint64_t addr, uint64_t size)
{
	return addr && size && !((addr | size) & PAGE_MASK_LOW) && addr + size > addr &&
	       fits_long(addr + size - 1);
}

static int check_arguments(const struct vdso_remap_restore *restore)
{
	if (restore->flags & ~RESTORE_FLAGS)
		return -EINVAL;
	if (!is_range(restore->image, restore->image_size) ||
	    restore->image_size > VDSO_REMAP_MAX_IMAGE_SIZE)
		return -EINVAL;
	if ((restore->image_data || restore->image_data_size) &&
	    !is_range(restore->image_data, restore->image_data_size))
		return -EINVAL;
	if (overlap(restore->image, restore->image_size,
		    restore->image_data, restore->image_data_size))
		return -EINVAL;
	if (restore->park_addr != VDSO_REMAP_PARK_NOT && restore->park_addr & PAGE_MASK_LOW)
		return -EINVAL;
	return 0;
}

/* Code of this image can use 32-bit addresses only, whoever restores it. */
static bool is_32bit(const struct context *ctx)
{
	return vdso_abi_is_32bit(vdso_abi_of(ctx->image.machine, ctx->image.bits));
}

int vr_get_info(int fd, int32_t pid, struct vdso_remap_info *info)
{
	*info = (struct vdso_remap_info){ .size = sizeof(*info), .pid = pid };
	return sys_ioctl(fd, VDSO_REMAP_GET_INFO, info);
}

const struct vdso_remap_area *vr_text_area(const struct vdso_remap_info *info)
{
	uint32_t i;

	for (i = 0; i < info->nr_areas; i++)
		if (info->areas[i].kind == VDSO_REMAP_AREA_TEXT)
			return &info->areas[i];
	return NULL;
}

/* Where the group is, and what the runtime vDSO in it is. */
static int find_group(struct context *ctx)
{
	const struct vdso_remap_area *text, *last;
	struct vdso_remap_info info;
	int ret;

	ret = vr_get_info(ctx->restore->fd, 0, &info);
	if (ret)
		return ret;
	if (!info.nr_areas)
		return -ENOENT;
	text = vr_text_area(&info);
	if (!text || !(info.state & VDSO_REMAP_STATE_PRESENT))
		return -EUCLEAN;

	last = &info.areas[info.nr_areas - 1];
	ctx->text = text->start;
	ctx->park = ctx->restore->park_addr;
	if (ctx->park == ctx->text)
		ctx->park = VDSO_REMAP_PARK_NOT;
	ctx->before = text->start - info.areas[0].start;
	ctx->span = last->start + last->size - info.areas[0].start;
	return vdso_remap_parse(&ctx->runtime, (const void *)(uintptr_t)text->start, text->size);
}

static bool group_overlaps(const struct context *ctx, uint64_t start, uint64_t size)
{
	return overlap(ctx->text - ctx->before, ctx->span, start, size);
}

static void copy_culprit(struct context *ctx, uint32_t index)
{
	const char *name = ctx->image.entry_points[index].name;
	char *to = ctx->restore->culprit;

	while (*name)	/* shorter than VDSO_REMAP_NAME_MAX, says parse */
		*to++ = *name++;
	*to = 0;
}

static int move_group(struct context *ctx, uint64_t addr, uint32_t flags)
{
	struct vdso_remap_move req = {
		.size = sizeof(req),
		.flags = flags,
		.addr = addr,
	};
	int ret;

	if (ctx->restore->flags & VDSO_REMAP_UNSEAL)
		req.flags |= VDSO_REMAP_MOVE_UNSEAL;
	ret = sys_ioctl(ctx->restore->fd, VDSO_REMAP_MOVE, &req);
	if (!ret)
		ctx->text = addr;
	else if (ret == -EBUSY)
		ctx->restore->busy_tid = req.busy_tid;
	return ret;
}

/* Installs the sites; with addr, moves the group there in the same step. */
static int install_proxy(struct context *ctx, uint64_t addr)
{
	struct vdso_remap_restore *restore = ctx->restore;
	struct vdso_remap_proxy req = {
		.size = sizeof(req),
		.nr_sites = ctx->plan.nr_sites,
		.sites = (uintptr_t)ctx->plan.sites,
		.image = restore->image,
		.image_size = restore->image_size,
		.addr = addr,
		.bad_site = VDSO_REMAP_NO_SITE,
	};
	uint32_t i = 0;
	int ret;

	if (addr)
		req.flags |= VDSO_REMAP_PROXY_PARK;
	if (!(restore->flags & VDSO_REMAP_NO_MARK)) {
		req.flags |= VDSO_REMAP_PROXY_MARK;
		req.image_data = restore->image_data;
	}
	if (req.flags && restore->flags & VDSO_REMAP_UNSEAL)
		req.flags |= VDSO_REMAP_PROXY_UNSEAL;
	ret = sys_ioctl(restore->fd, VDSO_REMAP_PROXY, &req);
	if (!ret && addr)
		ctx->text = addr;
	if (ret == -EBUSY)
		restore->busy_tid = req.busy_tid;
	if (ret == -ENOSPC && req.bad_site < ctx->plan.nr_sites) {
		/* Of aliases the first, as the plan names them. */
		while (ctx->image.entry_points[i].off != ctx->plan.sites[req.bad_site].off)
			i++;
		copy_culprit(ctx, i);
	}
	return ret;
}

/* A step that parks the group at an address and fails if it can't be there. */
typedef int park_step(struct context *ctx, uint64_t addr);

static int park_by_move(struct context *ctx, uint64_t addr)
{
	return move_group(ctx, addr, 0);
}

/* Not an answer to the whole request: the place is taken, or is no place. */
static bool place_is_bad(int ret)
{
	return ret == -EEXIST || ret == -EPERM || ret == -EINVAL;
}

/*
 * Tries places near the image, farther and farther away, above first: what
 * grows (the stack, mmap's area) grows downwards, and a vDSO often lies right
 * above it. If all are taken, any place will do, with far jumps. Among 32-bit
 * addresses all is near.
 */
static int park_near(struct context *ctx, park_step *step)
{
	const struct vdso_remap_restore *restore = ctx->restore;
	uint64_t low = restore->image, high = restore->image + restore->image_size;
	uint64_t reach = is_32bit(ctx) ? ADDR_END_32BIT : VDSO_ABI_REACH;
	uint64_t distance, hole = 0;
	int ret;

	/* The image's data pages are not a place, also while they are missing. */
	if (restore->image_data && restore->image_data < low)
		low = restore->image_data;
	if (restore->image_data && restore->image_data + restore->image_data_size > high)
		high = restore->image_data + restore->image_data_size;

	for (distance = PARK_DISTANCE; high - low + distance + ctx->span < reach;
	     distance *= 2) {
		ret = step(ctx, high + distance + ctx->before);
		if (!place_is_bad(ret))
			return ret;
		if (low < distance + ctx->span)
			continue;
		ret = step(ctx, low - distance - ctx->span + ctx->before);
		if (!place_is_bad(ret))
			return ret;
	}

	ret = sys_mmap(&hole, ctx->span, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | (is_32bit(ctx) ? RAW_MAP_LOW : 0));
	if (ret)
		return ret;
	sys_munmap(hole, ctx->span);
	return step(ctx, hole + ctx->before);
}

/*
 * Reserves what is not there; what is there stays. Whether it reserved is told
 * by claimed, so that a failure can give it back.
 */
static int claim(uint64_t addr, uint64_t size, int prot, bool *claimed)
{
	int ret;

	*claimed = false;
	if (!size)
		return 0;
	ret = sys_mmap(&addr, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE);
	*claimed = !ret;
	return ret;
}

/*
 * MOVE with REPLACE unmaps all that is where the group goes. The image's own
 * pages may be lost; any other memory must not be: claiming the range of the
 * data areas first shows that there is none.
 */
static int move_in_place(struct context *ctx)
{
	const struct vdso_remap_restore *restore = ctx->restore;
	uint64_t start = restore->image - ctx->before;
	bool claimed = false;
	int ret = 0;

	if (restore->image_data != start || restore->image_data_size != ctx->before)
		ret = claim(start, ctx->before, PROT_NONE, &claimed);
	if (!ret)
		ret = move_group(ctx, restore->image, VDSO_REMAP_MOVE_REPLACE);
	if (ret && claimed)
		sys_munmap(start, ctx->before);
	return ret;
}

static int restore_in_place(struct context *ctx)
{
	const struct vdso_remap_restore *restore = ctx->restore;
	uint64_t old = ctx->text;
	int ret;

	if (old == restore->image)
		return 0;
	if (!group_overlaps(ctx, restore->image - ctx->before, ctx->span))
		return move_in_place(ctx);

	/* Old and new place overlap: two moves. */
	ret = park_near(ctx, park_by_move);
	if (ret)
		return ret;
	ret = move_in_place(ctx);
	if (ret)
		move_group(ctx, old, 0);
	return ret;
}

static int park_and_install(struct context *ctx)
{
	switch (ctx->park) {
	case VDSO_REMAP_PARK_NEAR:
		return park_near(ctx, install_proxy);
	case VDSO_REMAP_PARK_NOT:
		return install_proxy(ctx, 0);
	default:
		return install_proxy(ctx, ctx->park);
	}
}

/*
 * A group that lies where the image's data pages were has to leave before zero
 * pages can come, and they before the sites, which can't be taken back.
 */
static int leave_image_data(struct context *ctx)
{
	switch (ctx->park) {
	case VDSO_REMAP_PARK_NEAR:
		return park_near(ctx, park_by_move);
	case VDSO_REMAP_PARK_NOT:
		return 0;
	default:
		return move_group(ctx, ctx->park, 0);
	}
}

static int restore_proxied(struct context *ctx)
{
	const struct vdso_remap_restore *restore = ctx->restore;
	bool in_data = group_overlaps(ctx, restore->image_data, restore->image_data_size);
	uint64_t old = ctx->text;
	bool has_zeros;
	int ret;

	if (group_overlaps(ctx, restore->image, restore->image_size))
		return -EINVAL;
	if (!ctx->plan.nr_sites)
		return 0;	/* all of it works as it is */

	if (in_data) {
		ret = leave_image_data(ctx);
		if (ret)
			return ret;
	}
	ret = claim(restore->image_data, restore->image_data_size, PROT_READ, &has_zeros);
	if (!ret || ret == -EEXIST)
		ret = in_data ? install_proxy(ctx, 0) : park_and_install(ctx);
	if (!ret)
		return 0;

	if (has_zeros)
		sys_munmap(restore->image_data, restore->image_data_size);
	if (ctx->text != old)
		move_group(ctx, old, 0);
	return ret;
}

public_api int vdso_remap_restore(struct vdso_remap_restore *restore)
{
	struct context ctx = { .restore = restore };
	int ret;

	restore->busy_tid = 0;
	restore->culprit[0] = 0;
	ret = check_arguments(restore);
	if (ret)
		return ret;
	ret = vdso_remap_parse(&ctx.image, (const void *)(uintptr_t)restore->image,
			       restore->image_size);
	if (ret)
		return ret;
	if (is_32bit(&ctx) && restore->image + restore->image_size > ADDR_END_32BIT)
		return -EINVAL;
	ret = find_group(&ctx);
	if (ret)
		return ret;
	ret = vdso_remap_plan(&ctx.plan, &ctx.image, &ctx.runtime,
			      restore->flags & PLAN_FLAGS);
	if ((ret == -ENOTSUP || ret == -ENOSPC) && ctx.plan.culprit < ctx.image.nr_entry_points)
		copy_culprit(&ctx, ctx.plan.culprit);
	if (ret)
		return ret;

	ret = ctx.plan.outcome == VDSO_REMAP_IN_PLACE ? restore_in_place(&ctx) :
							restore_proxied(&ctx);
	if (ret)
		return ret;
	restore->outcome = ctx.plan.outcome;
	restore->runtime = ctx.text;
	return 0;
}
