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
 *   stub   trampolines, such as sigreturn, that an unmodified CRIU has overwritten by
 *          a jump to a runtime vDSO which is gone: the stub has the kernel's own bytes
 *   left   other trampolines: they read no data pages, unwinders know their bytes,
 *          and threads wait inside of them
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
 * unless the caller knows better.
 */
#include <errno.h>

#include "arch/encode.h"
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

static bool is_getrandom(const char *name)
{
	return vdso_name_equals(vdso_plain_name(name), "getrandom");
}

bool vrl_is_trampoline(const char *name)
{
	return vdso_is_trampoline(name);
}

bool vrl_needs_no_data(const char *name)
{
	return vdso_needs_no_data(name);
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
			if (vdso_name_equals(group->image->entry_points[i].name,
					     runtime->entry_points[j].name))
				return j;
	return -1;
}

/* The VDSO_REMAP_STUB_* that one of the names stands for, 0 if the ABI has no such stub. */
static uint32_t find_stub(const struct group *group, const struct vdso_stub_name *names,
			  unsigned int nr_names)
{
	const char *name;
	uint32_t i, j;

	for (i = group->first; i < group->end; i++) {
		name = vdso_plain_name(group->image->entry_points[i].name);
		for (j = 0; j < nr_names; j++)
			if (vdso_name_equals(name, names[j].name) &&
			    vdso_encode_stub_call(group->image->abi, names[j].stub).nr)
				return names[j].stub;
	}
	return 0;
}

/* Whether other bytes stand at a trampoline than the kernel's, which the stub has. */
static bool is_overwritten(const struct group *group, uint32_t stub)
{
	const struct vdso_remap_entry_point *entry = &group->image->entry_points[group->first];
	const __u8 *old = vrl_bytes_at(group->image, entry->off);
	__u8 buf[VDSO_ENCODE_MAX];
	unsigned int size;

	size = vdso_encode_stub(group->image->abi, buf, old, entry->room, entry->off, stub);
	return __builtin_memcmp(buf, old, size);
}

/* What is to be done with a group of aliases. target is that of the site, if there is one. */
struct decision {
	struct vdso_remap_step step;
	uint32_t target;
};

static void decide_stub(struct decision *decision, enum vdso_remap_reason reason, uint32_t stub)
{
	decision->step.action = VDSO_REMAP_ACTION_STUB;
	decision->step.reason = reason;
	decision->target = stub;
}

static void decide_leave(struct decision *decision, enum vdso_remap_reason reason)
{
	decision->step.action = VDSO_REMAP_ACTION_LEAVE;
	decision->step.reason = reason;
}

static void decide_trampoline(struct decision *decision, const struct group *group)
{
	uint32_t stub = find_stub(group, vdso_trampoline_names, NR_ITEMS(vdso_trampoline_names));

	if (stub && is_overwritten(group, stub))
		decide_stub(decision, VDSO_REMAP_REASON_OVERWRITTEN, stub);
	else
		decide_leave(decision, VDSO_REMAP_REASON_TRAMPOLINE);
}

/* Returns a step without an action if nothing is known of the function. */
static struct decision decide(const struct group *group, const struct vdso_remap_image *runtime,
			      uint32_t flags)
{
	struct decision decision = { .step = { .image = group->first, .runtime = -1 } };
	uint32_t stub = find_stub(group, vdso_stub_names, NR_ITEMS(vdso_stub_names));
	bool has_state = any_alias(group, is_getrandom);
	int namesake = find_namesake(group, runtime);

	if (any_alias(group, vrl_is_trampoline)) {
		decide_trampoline(&decision, group);
	} else if (has_state && stub) {
		decide_stub(&decision, VDSO_REMAP_REASON_STATE, stub);
	} else if (namesake >= 0 && !has_state) {
		decision.step.action = VDSO_REMAP_ACTION_JUMP;
		decision.step.reason = VDSO_REMAP_REASON_NAMESAKE;
		decision.step.runtime = namesake;
		decision.target = runtime->entry_points[namesake].off;
	} else if (stub) {
		decide_stub(&decision, VDSO_REMAP_REASON_MISSING, stub);
	} else if (any_alias(group, vrl_needs_no_data)) {
		decide_leave(&decision, VDSO_REMAP_REASON_NO_DATA);
	} else if (flags & VDSO_REMAP_ALLOW_UNKNOWN) {
		decide_leave(&decision, VDSO_REMAP_REASON_UNKNOWN);
	}
	return decision;
}

/*
 * Whether what the module will write fits, at the least: a near jump. An offset serves as the
 * address: the image's own address is page aligned.
 */
static bool fits(const struct group *group, const struct vdso_remap_site *site)
{
	const __u8 *old = vrl_bytes_at(group->image, site->off);
	enum vdso_abi abi = group->image->abi;
	__u8 buf[VDSO_ENCODE_MAX];

	if (site->kind == VDSO_REMAP_SITE_STUB)
		return vdso_encode_stub(abi, buf, old, site->room, site->off, site->target);
	return site->room >= vdso_encode_landing_pad(abi, buf, old, site->room) +
			     vdso_near_jump_size(abi, site->off);
}

static int plan_group(struct vdso_remap_plan *plan, const struct group *group,
		      const struct vdso_remap_image *runtime, uint32_t flags)
{
	const struct vdso_remap_entry_point *entry = &group->image->entry_points[group->first];
	struct decision decision = decide(group, runtime, flags);
	struct vdso_remap_site site = {
		.off = entry->off,
		.room = entry->room,
		.kind = decision.step.action == VDSO_REMAP_ACTION_JUMP ? VDSO_REMAP_SITE_JUMP :
									 VDSO_REMAP_SITE_STUB,
		.target = decision.target,
	};
	uint32_t i;

	plan->culprit = group->first;
	if (!decision.step.action)
		return -ENOTSUP;

	plan->steps[plan->nr_steps++] = decision.step;
	for (i = group->first + 1; i < group->end; i++)
		plan->steps[plan->nr_steps++] = (struct vdso_remap_step){
			.image = i,
			.runtime = -1,
			.action = VDSO_REMAP_ACTION_ALIAS,
			.reason = VDSO_REMAP_REASON_ALIAS,
		};
	if (decision.step.action == VDSO_REMAP_ACTION_LEAVE)
		return 0;
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
	int ret = vrl_check_size(&plan->size, sizeof(*plan));

	if (ret)
		return ret;
	if (flags & ~(VDSO_REMAP_ALLOW_UNKNOWN | VDSO_REMAP_FORCE_PROXY))
		return -EINVAL;
	if (image->abi != runtime->abi)
		return -EXDEV;

	plan->nr_steps = 0;
	plan->nr_sites = 0;
	plan->outcome = VDSO_REMAP_IN_PLACE;
	if (same_vdso(image, runtime) && !(flags & VDSO_REMAP_FORCE_PROXY))
		return 0;

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
