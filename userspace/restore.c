// SPDX-License-Identifier: MIT
/*
 * Decides how a process is changed: in which order the device is asked, and what
 * is undone when a step fails. What is to become of the image is plan.c's decision.
 *
 * The process is the calling one, or another that stands still. In the latter no
 * memory changes but the vDSOs, and nothing is executed: what is there is read from
 * /proc, and its vDSOs are copied to be parsed.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sys/mman.h>

#include "internal.h"
#include "syscall.h"

#define PLAN_FLAGS	(VDSO_REMAP_ALLOW_UNKNOWN | VDSO_REMAP_FORCE_PROXY)
#define RESTORE_FLAGS	(PLAN_FLAGS | VDSO_REMAP_NO_MARK | VDSO_REMAP_UNSEAL | \
			 VDSO_REMAP_REQUIRE_MODULE)

#define ADDR_END_32BIT	(1ULL << 32)

static const bool hosted = __STDC_HOSTED__;

/* What a restore knows, so that its steps need not be told. */
struct context {
	struct vdso_remap_restore_args *args;
	struct vdso_remap_error step;	/* the step that is made, if it fails */
	uint64_t before;	/* bytes of the group before its text */
	uint64_t span;		/* bytes of the whole group */
	uint64_t text;		/* where its text is now */
	uint64_t park;		/* as args->park_addr */
	struct vdso_remap_image image;
	struct vdso_remap_image runtime;
	struct vdso_remap_plan plan;
};

/* The calling process can't be without the module, and the freestanding library knows no other. */
static bool is_other(const struct context *ctx)
{
	return hosted && ctx->args->pid;
}

static bool has_module(const struct context *ctx)
{
	return !is_other(ctx) || ctx->args->fd >= 0;
}

static void begin_step(struct context *ctx, enum vdso_remap_stage stage, int vdso, uint64_t addr)
{
	ctx->step.stage = stage;
	ctx->step.vdso = vdso;
	ctx->step.addr = addr;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static bool is_range(uint64_t addr, uint64_t size)
{
	return addr && size && !((addr | size) & (MIN_PAGE - 1)) && addr + size > addr &&
	       fits_long(addr + size - 1);
}

static int check_arguments(const struct vdso_remap_restore_args *args)
{
	if (args->flags & ~RESTORE_FLAGS || args->pid < 0 || (args->pid && !hosted))
		return -EINVAL;
	if (!is_range(args->image, args->image_size) ||
	    args->image_size > VDSO_REMAP_MAX_IMAGE_SIZE)
		return -EINVAL;
	if ((args->image_data || args->image_data_size) &&
	    !is_range(args->image_data, args->image_data_size))
		return -EINVAL;
	if (overlap(args->image, args->image_size, args->image_data, args->image_data_size))
		return -EINVAL;
	if (args->park_addr != VDSO_REMAP_PARK_NOT && args->park_addr & (MIN_PAGE - 1))
		return -EINVAL;
	return 0;
}

/* Parses the vDSO that the process has there, from a copy if it is another process. */
static int read_vdso(struct context *ctx, struct vdso_remap_image *image, int which,
		     uint64_t addr, uint64_t size)
{
	image->size = sizeof(*image);
	begin_step(ctx, VDSO_REMAP_STAGE_PARSE, which, addr);
	if (is_other(ctx))
		return vrl_copy_vdso(image, ctx->args->pid, addr, size);
	return vdso_remap_parse(image, (const void *)(uintptr_t)addr, size);
}

/*
 * A process can unmap a part of its group. Kernels before 5.11 also let it split the
 * group, by protecting a page of it. The module moves only whole groups. A fresh group
 * does as well if the pieces hold no private pages, and if no other thread could
 * execute in them meanwhile.
 */
static int renew_group(struct context *ctx, const struct vdso_remap_info *info)
{
	const struct vdso_remap_range nowhere = { ctx->args->image, ctx->args->image };
	struct vdso_remap_map req = { .size = sizeof(req) };
	uint64_t place;
	uint32_t i;
	int ret;

	/* unshare() fails if anyone shares the calling thread's memory, else it does nothing. */
	if (is_other(ctx) || info->nr_areas == VDSO_REMAP_MAX_AREAS || sys_unshare(CLONE_VM) ||
	    info->state & (VDSO_REMAP_AREA_SEALED | VDSO_REMAP_AREA_PRIVATE))
		return -EUCLEAN;
	ret = vrl_find_place(0, ctx->image.abi, 2 * VDSO_REMAP_MAX_IMAGE_SIZE, &nowhere, &place);
	for (i = 0; !ret && i < info->nr_areas; i++)
		ret = sys_munmap(info->areas[i].start, info->areas[i].size);
	if (ret)
		return ret;
	req.addr = place + VDSO_REMAP_MAX_IMAGE_SIZE;
	return sys_ioctl(ctx->args->fd, VDSO_REMAP_MAP, &req);
}

/* What the process has, in info; whole. */
static int ask_for_group(struct context *ctx, struct vdso_remap_info *info)
{
	struct vdso_remap_status status = VDSO_REMAP_INIT(status);
	int ret;

	if (!has_module(ctx)) {
		ret = vdso_remap_query(-1, ctx->args->pid, &status);
		*info = status.info;
		return ret;
	}
	ret = vrl_get_info(ctx->args->fd, ctx->args->pid, info);
	if (ret || !info->nr_areas || info->state & VDSO_REMAP_STATE_PRESENT)
		return ret;
	begin_step(ctx, VDSO_REMAP_STAGE_RENEW, VDSO_REMAP_RUNTIME, info->areas[0].start);
	return renew_group(ctx, info) ?: vrl_get_info(ctx->args->fd, 0, info);
}

/* Another process could have written into it. */
static bool is_genuine(const struct vdso_remap_image *runtime, const struct vdso_remap_info *info)
{
	return runtime->build_id_size == info->build_id_size &&
	       !__builtin_memcmp(runtime->build_id, info->build_id, info->build_id_size);
}

/* Where the group is, and what the runtime vDSO in it is. */
static int find_group(struct context *ctx)
{
	const struct vdso_remap_area *text, *last;
	struct vdso_remap_info info;
	int ret;

	begin_step(ctx, VDSO_REMAP_STAGE_QUERY, VDSO_REMAP_RUNTIME, 0);
	ret = ask_for_group(ctx, &info);
	if (ret)
		return ret;
	if (!info.nr_areas)
		return -ENOENT;
	text = vrl_text_area(&info);
	if (!text || !(info.state & VDSO_REMAP_STATE_PRESENT))
		return -EUCLEAN;

	last = &info.areas[info.nr_areas - 1];
	ctx->text = text->start;
	ctx->park = ctx->args->park_addr;
	if (ctx->park == ctx->text || !has_module(ctx))
		ctx->park = VDSO_REMAP_PARK_NOT;
	ctx->before = text->start - info.areas[0].start;
	ctx->span = last->start + last->size - info.areas[0].start;
	ret = read_vdso(ctx, &ctx->runtime, VDSO_REMAP_RUNTIME, text->start, text->size);
	if (!ret && is_other(ctx) && has_module(ctx) && !is_genuine(&ctx->runtime, &info))
		ret = -EUCLEAN;
	return ret;
}

static bool group_overlaps(const struct context *ctx, uint64_t start, uint64_t size)
{
	return overlap(ctx->text - ctx->before, ctx->span, start, size);
}

static void name_entry_point(struct context *ctx, uint32_t index)
{
	const char *name = ctx->image.entry_points[index].name;
	char *to = ctx->step.entry_point;

	while (*name)	/* shorter than VDSO_REMAP_NAME_MAX, says parse */
		*to++ = *name++;
	*to = 0;
}

static int move_group(struct context *ctx, uint64_t addr, uint32_t flags)
{
	struct vdso_remap_move req = {
		.size = sizeof(req),
		.flags = flags,
		.pid = ctx->args->pid,
		.addr = addr,
	};
	int ret;

	begin_step(ctx, VDSO_REMAP_STAGE_MOVE, VDSO_REMAP_RUNTIME, addr);
	if (ctx->args->flags & VDSO_REMAP_UNSEAL)
		req.flags |= VDSO_REMAP_MOVE_UNSEAL;
	ret = sys_ioctl(ctx->args->fd, VDSO_REMAP_MOVE, &req);
	if (!ret)
		ctx->text = addr;
	ctx->step.tid = req.busy_tid;
	return ret;
}

/* What failed before is what the caller is told. */
static void undo_move(struct context *ctx, uint64_t addr)
{
	struct vdso_remap_error step = ctx->step;

	move_group(ctx, addr, 0);
	ctx->step = step;
}

/* Installs the sites; with addr, moves the group there in the same step. */
static int install_by_module(struct context *ctx, uint64_t addr)
{
	struct vdso_remap_restore_args *args = ctx->args;
	struct vdso_remap_proxy req = {
		.size = sizeof(req),
		.pid = args->pid,
		.nr_sites = ctx->plan.nr_sites,
		.sites = (uintptr_t)ctx->plan.sites,
		.image = args->image,
		.image_size = args->image_size,
		.addr = addr,
		.bad_site = VDSO_REMAP_NO_SITE,
	};
	uint32_t i = 0;
	int ret;

	if (addr)
		req.flags |= VDSO_REMAP_PROXY_PARK;
	if (!(args->flags & VDSO_REMAP_NO_MARK)) {
		req.flags |= VDSO_REMAP_PROXY_MARK;
		req.image_data = args->image_data;
	}
	if (req.flags && args->flags & VDSO_REMAP_UNSEAL)
		req.flags |= VDSO_REMAP_PROXY_UNSEAL;
	ret = sys_ioctl(args->fd, VDSO_REMAP_PROXY, &req);
	if (!ret && addr)
		ctx->text = addr;
	ctx->step.tid = req.busy_tid;
	if (ret == -ENOSPC && req.bad_site < ctx->plan.nr_sites) {
		/* Of aliases the first, as the plan names them. */
		while (ctx->image.entry_points[i].off != ctx->plan.sites[req.bad_site].off)
			i++;
		name_entry_point(ctx, i);
	}
	return ret;
}

static int install_by_ptrace(struct context *ctx)
{
	const struct vrl_by_ptrace in = {
		.args = ctx->args,
		.image = &ctx->image,
		.plan = &ctx->plan,
		.runtime = ctx->text,
		.runtime_data = ctx->text - ctx->before,
		.error = &ctx->step,
	};

	ctx->plan.outcome = VDSO_REMAP_PROXIED_BY_PTRACE;
	return vrl_proxy_by_ptrace(&in);
}

static int install_proxy(struct context *ctx, uint64_t addr)
{
	begin_step(ctx, VDSO_REMAP_STAGE_PROXY, VDSO_REMAP_IMAGE, ctx->args->image);
	return hosted && !has_module(ctx) ? install_by_ptrace(ctx) : install_by_module(ctx, addr);
}

/* A step that parks the group at an address. */
typedef int park_step(struct context *ctx, uint64_t addr);

static int park_by_move(struct context *ctx, uint64_t addr)
{
	return move_group(ctx, addr, 0);
}

static int park_near(struct context *ctx, park_step *step)
{
	const struct vdso_remap_restore_args *args = ctx->args;
	struct vdso_remap_range avoid = { args->image, args->image + args->image_size };
	uint64_t place;
	int ret;

	/* The image's data pages are not a place, also while they are missing. */
	if (args->image_data && args->image_data < avoid.start)
		avoid.start = args->image_data;
	if (args->image_data && args->image_data + args->image_data_size > avoid.end)
		avoid.end = args->image_data + args->image_data_size;

	begin_step(ctx, VDSO_REMAP_STAGE_PLACE, VDSO_REMAP_RUNTIME, args->image);
	ret = vrl_find_place(args->pid, ctx->image.abi, ctx->span, &avoid, &place);
	return ret ?: step(ctx, place + ctx->before);
}

/*
 * Reserves what is not there; what is there stays. Whether it reserved is told
 * by claimed, so that a failure can give it back. In another process nothing is reserved.
 */
static int claim(struct context *ctx, uint64_t addr, uint64_t size, int prot, bool *claimed)
{
	int ret;

	begin_step(ctx, VDSO_REMAP_STAGE_DATA, VDSO_REMAP_IMAGE, addr);
	*claimed = false;
	if (!size)
		return 0;
	if (is_other(ctx))
		return vrl_other_has_nothing(ctx->args->pid, addr, size);
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
	const struct vdso_remap_restore_args *args = ctx->args;
	uint64_t start = args->image - ctx->before, size = ctx->before;
	bool claimed = false;
	int ret;

	if (args->image_data && args->image_data + args->image_data_size == args->image)
		size = args->image_data > start ? args->image_data - start : 0;
	ret = claim(ctx, start, size, PROT_NONE, &claimed);
	if (!ret)
		ret = move_group(ctx, args->image, VDSO_REMAP_MOVE_REPLACE);
	if (ret && claimed)
		sys_munmap(start, size);
	return ret;
}

static int restore_in_place(struct context *ctx)
{
	const struct vdso_remap_restore_args *args = ctx->args;
	uint64_t old = ctx->text;
	int ret;

	if (old == args->image)
		return 0;
	if (!group_overlaps(ctx, args->image - ctx->before, ctx->span))
		return move_in_place(ctx);

	/* Old and new place overlap: two moves. */
	ret = park_near(ctx, park_by_move);
	if (ret)
		return ret;
	ret = move_in_place(ctx);
	if (ret)
		undo_move(ctx, old);
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
	const struct vdso_remap_restore_args *args = ctx->args;
	bool in_data = !is_other(ctx) &&
		       group_overlaps(ctx, args->image_data, args->image_data_size);
	uint64_t old = ctx->text;
	bool has_zeros = false;
	int ret = 0;

	begin_step(ctx, VDSO_REMAP_STAGE_ARGUMENTS, VDSO_REMAP_IMAGE, args->image);
	if (group_overlaps(ctx, args->image, args->image_size))
		return -EINVAL;
	if (!ctx->plan.nr_sites)
		return 0;	/* all of it works as it is */

	if (in_data) {
		ret = leave_image_data(ctx);
		if (ret)
			return ret;
	}
	if (!is_other(ctx))
		ret = claim(ctx, args->image_data, args->image_data_size, PROT_READ, &has_zeros);
	if (!ret || ret == -EEXIST)
		ret = in_data ? install_proxy(ctx, 0) : park_and_install(ctx);
	if (!ret)
		return 0;

	if (has_zeros)
		sys_munmap(args->image_data, args->image_data_size);
	if (ctx->text != old)
		undo_move(ctx, old);
	return ret;
}

static int restore(struct context *ctx)
{
	struct vdso_remap_restore_args *args = ctx->args;
	uint32_t plan_flags = args->flags & PLAN_FLAGS;
	int ret;

	begin_step(ctx, VDSO_REMAP_STAGE_ARGUMENTS, 0, 0);
	ret = check_arguments(args);
	if (ret)
		return ret;
	begin_step(ctx, VDSO_REMAP_STAGE_MODULE, 0, 0);
	if (args->fd < 0 && (!is_other(ctx) || args->flags & VDSO_REMAP_REQUIRE_MODULE))
		return args->fd < -1 ? args->fd : -ENODEV;
	ret = read_vdso(ctx, &ctx->image, VDSO_REMAP_IMAGE, args->image, args->image_size);
	if (ret)
		return ret;
	begin_step(ctx, VDSO_REMAP_STAGE_ARGUMENTS, VDSO_REMAP_IMAGE, args->image);
	if (vdso_abi_is_32bit(ctx->image.abi) && args->image + args->image_size > ADDR_END_32BIT)
		return -EINVAL;
	ret = find_group(ctx);
	if (ret)
		return ret;

	/* Without the module nothing is moved. */
	if (!has_module(ctx) && ctx->text != args->image)
		plan_flags |= VDSO_REMAP_FORCE_PROXY;
	begin_step(ctx, VDSO_REMAP_STAGE_PLAN, VDSO_REMAP_IMAGE, args->image);
	ctx->plan.size = sizeof(ctx->plan);
	ret = vdso_remap_make_plan(&ctx->plan, &ctx->image, &ctx->runtime, plan_flags);
	if (ret == -ENOTSUP || ret == -ENOSPC)
		name_entry_point(ctx, ctx->plan.culprit);
	if (ret)
		return ret;
	return ctx->plan.outcome == VDSO_REMAP_IN_PLACE ? restore_in_place(ctx) :
							  restore_proxied(ctx);
}

static void tell_error(const struct context *ctx, int err)
{
	struct vdso_remap_error *error = ctx->args->error;
	uint32_t size;

	if (!error || vrl_check_size(&error->size, sizeof(*error)))
		return;
	size = error->size;
	*error = ctx->step;
	error->size = size;
	error->error = err;
	error->pid = ctx->args->pid;
}

public_api int vdso_remap_restore(struct vdso_remap_restore_args *args)
{
	struct context ctx = { .args = args };
	int ret = vrl_check_size(&args->size, sizeof(*args));

	if (ret)
		return ret;
	ret = restore(&ctx);
	if (is_other(&ctx)) {
		vrl_drop_copy(&ctx.image);
		vrl_drop_copy(&ctx.runtime);
	}
	if (ret) {
		tell_error(&ctx, ret);
		return ret;
	}
	args->outcome = ctx.plan.outcome;
	args->nr_sites = ctx.plan.nr_sites;
	args->runtime = ctx.text;
	return 0;
}
