// SPDX-License-Identifier: MIT
/*
 * Decides what a restore does with an image vDSO.
 *
 * In place, if both have the same build id and size: the runtime vDSO *is* the
 * one that the process remembers. Nothing less says so: offsets may agree by
 * chance, and the bytes of one kernel differ from CPU to CPU.
 *
 * Else proxied, and for each entry point of the image (its aliases, being the
 * same place, are settled once) the first of these that applies:
 *
 *   left   sigreturn trampolines and __kernel_vsyscall: they read no data pages,
 *          unwinders know their bytes, and threads wait inside of them
 *   stub   getrandom: its opaque state in the process was made by another boot,
 *          whose layout and generation mean nothing here; a jump could repeat
 *          random bytes in two restores of one image
 *   jump   the runtime vDSO has an entry point of that name
 *   stub   it has none, but a system call does the same
 *   left   functions without data pages: they go on working as they are. (With
 *          a namesake they are jumps, since the kernel looks at the instruction
 *          pointer to see whether a thread is in them.)
 *
 * Any other function would go on reading data pages that are gone: refused,
 * unless the caller knows better. So is all of an image whose code we can't write.
 */
#include <errno.h>

#include "vdso_abi.h"
#include "vdso_encode.h"
#include "internal.h"

/* Aliases: the entry points from first up to, not including, end. */
struct group {
	const struct vdso_remap_image *image;
	uint32_t first;
	uint32_t end;
};

static bool same_vdso(const struct vdso_remap_image *a, const struct vdso_remap_image *b)
{
	return a->build_id_size && a->build_id_size == b->build_id_size &&
	       a->text_size == b->text_size &&
	       !__builtin_memcmp(a->build_id, b->build_id, a->build_id_size);
}

/* The weak alias of a vDSO function is its name without the prefix. */
static const char *plain_name(const char *name)
{
	return vr_str_has_prefix(name, "__vdso_") ? name + sizeof("__vdso_") - 1 : name;
}

bool vr_is_trampoline(const char *name)
{
	if (vr_str_equal(name, "__kernel_vsyscall"))
		return true;
	for (; *name; name++)
		if (vr_str_has_prefix(name, "sigreturn"))
			return true;
	return false;
}

static bool is_getrandom(const char *name)
{
	return vr_str_equal(plain_name(name), "getrandom");
}

bool vr_needs_no_data(const char *name)
{
	return vr_str_equal(name, "__vdso_sgx_enter_enclave") ||
	       vr_str_has_prefix(name, "__vdso_futex_robust_list");
}

static bool any_alias(const struct group *group, bool (*holds)(const char *name))
{
	uint32_t i;

	for (i = group->first; i < group->end; i++)
		if (holds(group->image->entry_points[i].name))
			return true;
	return false;
}

static int find_namesake(const struct group *group, const struct vdso_remap_image *runtime)
{
	uint32_t i, j;

	for (i = group->first; i < group->end; i++)
		for (j = 0; j < runtime->nr_entry_points; j++)
			if (vr_str_equal(group->image->entry_points[i].name,
					 runtime->entry_points[j].name))
				return j;
	return -1;
}

/* VDSO_REMAP_STUB_*, 0 if there is none. */
static uint32_t find_stub(const struct group *group)
{
	enum vdso_abi abi = vr_abi_of(group->image);
	uint32_t i, j;

	for (i = group->first; i < group->end; i++)
		for (j = 0; j < NR_ITEMS(vdso_abi_stubs); j++)
			if (vdso_encode_stub_call(abi, vdso_abi_stubs[j].stub).nr &&
			    vr_str_equal(plain_name(group->image->entry_points[i].name),
					 vdso_abi_stubs[j].name))
				return vdso_abi_stubs[j].stub;
	return 0;
}

static struct vdso_remap_step decide(const struct group *group,
				     const struct vdso_remap_image *runtime, uint32_t flags)
{
	int namesake = find_namesake(group, runtime);
	struct vdso_remap_step step = { .image = group->first, .runtime = -1 };

	if (any_alias(group, vr_is_trampoline)) {
		step.action = VDSO_REMAP_ACTION_LEAVE;
		step.reason = VDSO_REMAP_REASON_TRAMPOLINE;
	} else if (any_alias(group, is_getrandom) && find_stub(group)) {
		step.action = VDSO_REMAP_ACTION_STUB;
		step.reason = VDSO_REMAP_REASON_STATE;
	} else if (namesake >= 0 && !any_alias(group, is_getrandom)) {
		step.action = VDSO_REMAP_ACTION_JUMP;
		step.reason = VDSO_REMAP_REASON_NAMESAKE;
		step.runtime = namesake;
	} else if (find_stub(group)) {
		step.action = VDSO_REMAP_ACTION_STUB;
		step.reason = VDSO_REMAP_REASON_MISSING;
	} else if (any_alias(group, vr_needs_no_data)) {
		step.action = VDSO_REMAP_ACTION_LEAVE;
		step.reason = VDSO_REMAP_REASON_NO_DATA;
	} else if (flags & VDSO_REMAP_ALLOW_UNKNOWN) {
		step.action = VDSO_REMAP_ACTION_LEAVE;
		step.reason = VDSO_REMAP_REASON_UNKNOWN;
	}
	return step;
}

/* Whether what the module will write fits, at the least: a near jump. */
static bool fits(const struct group *group, const struct vdso_remap_site *site)
{
	const __u8 *old = (const __u8 *)group->image->text + site->off;
	enum vdso_abi abi = vr_abi_of(group->image);
	__u8 buf[VDSO_ENCODE_MAX];

	if (site->kind == VDSO_REMAP_SITE_STUB)
		return vdso_encode_stub(abi, buf, old, site->room, site->target);
	return vdso_encode_jump(abi, buf, old, site->room, site->off, site->off);
}

static int plan_group(struct vdso_remap_plan *plan, const struct group *group,
		      const struct vdso_remap_image *runtime, uint32_t flags)
{
	const struct vdso_remap_entry_point *entry = &group->image->entry_points[group->first];
	struct vdso_remap_step step = decide(group, runtime, flags);
	struct vdso_remap_site site = { .off = entry->off, .room = entry->room };
	uint32_t i;

	plan->culprit = group->first;
	if (!step.action)
		return -ENOTSUP;

	plan->steps[plan->nr_steps++] = step;
	for (i = group->first + 1; i < group->end; i++)
		plan->steps[plan->nr_steps++] = (struct vdso_remap_step){
			.image = i,
			.runtime = -1,
			.action = VDSO_REMAP_ACTION_ALIAS,
			.reason = VDSO_REMAP_REASON_ALIAS,
		};
	if (step.action == VDSO_REMAP_ACTION_LEAVE)
		return 0;

	if (step.action == VDSO_REMAP_ACTION_JUMP) {
		site.kind = VDSO_REMAP_SITE_JUMP;
		site.target = runtime->entry_points[step.runtime].off;
	} else {
		site.kind = VDSO_REMAP_SITE_STUB;
		site.target = find_stub(group);
	}
	if (!fits(group, &site))
		return -ENOSPC;
	plan->sites[plan->nr_sites++] = site;
	return 0;
}

public_api int vdso_remap_make_plan(struct vdso_remap_plan *plan,
				    const struct vdso_remap_image *image,
				    const struct vdso_remap_image *runtime, uint32_t flags)
{
	struct group group = { .image = image };
	int ret = vr_check_size(&plan->size, sizeof(*plan));

	if (ret)
		return ret;
	if (flags & ~(VDSO_REMAP_ALLOW_UNKNOWN | VDSO_REMAP_FORCE_PROXY))
		return -EINVAL;
	if (image->machine != runtime->machine || image->bits != runtime->bits)
		return -EXDEV;

	plan->nr_steps = 0;
	plan->nr_sites = 0;
	plan->outcome = VDSO_REMAP_IN_PLACE;
	if (same_vdso(image, runtime) && !(flags & VDSO_REMAP_FORCE_PROXY))
		return 0;

	if (vr_abi_of(image) == VDSO_ABI_UNKNOWN) {
		plan->culprit = image->nr_entry_points;
		return -ENOTSUP;
	}
	plan->outcome = VDSO_REMAP_PROXIED;
	for (; group.first < image->nr_entry_points; group.first = group.end) {
		group.end = group.first + 1;
		while (group.end < image->nr_entry_points &&
		       image->entry_points[group.end].off == image->entry_points[group.first].off)
			group.end++;
		ret = plan_group(plan, &group, runtime, flags);
		if (ret)
			return ret;
	}
	plan->culprit = 0;
	return 0;
}
