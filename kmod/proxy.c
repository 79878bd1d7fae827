// SPDX-License-Identifier: GPL-2.0
/*
 * PROXY: makes an image vDSO jump into the runtime vDSO.
 *
 * All checks, and all steps that can fail, come before the first byte is written. Then
 * all bytes become visible at once.
 */
#include "internal.h"

#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "arch/kmod.h"

/**
 * struct vr_proxying - one PROXY command at work
 * @target: for whom
 * @abi: of the target
 * @req: the request; out fields are set in it
 * @sites: the kernel's copy of them
 * @patches: one for each site
 * @force: pages are written to that the process itself could not write to
 * @parking: the group moves to @req->addr
 * @window: on the image's pages that a site lies in
 * @header: on the page where the mark goes
 * @move: of the group, when @parking; else only @move.old is used
 */
struct vr_proxying {
	struct vr_target *target;
	enum vdso_abi abi;
	struct vdso_remap_proxy *req;
	const struct vdso_remap_site *sites;
	struct vr_patches patches;
	bool force;
	bool parking;
	struct vr_window window;
	struct vr_window header;
	struct vr_move move;
};

/* Checks what the numbers alone can tell. */
static int check_request(const struct vdso_remap_proxy *req, const struct mm_struct *mm)
{
	u64 size = req->image_size;

	if (req->flags & ~__VDSO_REMAP_PROXY_ALL || !req->nr_sites ||
	    req->nr_sites > VDSO_REMAP_MAX_SITES)
		return -EINVAL;
	if (!size || size > VDSO_REMAP_MAX_IMAGE_SIZE || !PAGE_ALIGNED(size | req->image) ||
	    req->image > mm->task_size || size > mm->task_size - req->image)
		return -EINVAL;
	if (!(req->flags & VDSO_REMAP_PROXY_PARK) &&
	    (req->addr || req->flags & VDSO_REMAP_PROXY_REPLACE))
		return -EINVAL;
	if (req->flags & VDSO_REMAP_PROXY_UNSEAL &&
	    !(req->flags & (VDSO_REMAP_PROXY_PARK | VDSO_REMAP_PROXY_MARK)))
		return -EINVAL;
	if (!PAGE_ALIGNED(req->image_data) || req->image_data > mm->task_size ||
	    (req->image_data && !(req->flags & VDSO_REMAP_PROXY_MARK)))
		return -EINVAL;
	return 0;
}

static int check_sites(struct vr_proxying *p)
{
	struct vdso_remap_proxy *req = p->req;
	u64 end = 0;
	unsigned int i;

	for (i = 0; i < req->nr_sites; i++) {
		const struct vdso_remap_site *site = &p->sites[i];
		u64 start = vdso_abi_code(p->abi, site->off);

		req->bad_site = i;
		if ((site->kind != VDSO_REMAP_SITE_JUMP && site->kind != VDSO_REMAP_SITE_STUB) ||
		    !site->room || start < end)
			return -EINVAL;
		end = start + site->room;
		if (end > req->image_size)
			return -EINVAL;
	}
	req->bad_site = VDSO_REMAP_NO_SITE;
	return 0;
}

/* A jump's target must be an entry point: the module is no way round W^X. */
static int check_target(const struct vr_proxying *p, const struct vdso_remap_site *site,
			const struct vr_runtime *runtime)
{
	if (site->kind == VDSO_REMAP_SITE_STUB)
		return vdso_encode_stub_call(p->abi, site->target).nr ? 0 : -EINVAL;
	return vr_runtime_has_entry_point(runtime, site->target) ? 0 : -ENXIO;
}

static int check_targets(struct vr_proxying *p)
{
	const struct vdso_remap_proxy *req = p->req;
	struct vr_runtime runtime;
	unsigned long limit;
	unsigned int i;
	int ret;

	if (!vr_runtime_get(&runtime, p->target->mm))
		return -ENOENT;
	p->abi = vdso_abi_of(vr_runtime_machine(&runtime), vr_runtime_bits(&runtime));
	if (p->abi == VDSO_ABI_UNKNOWN)
		return -EOPNOTSUPP;
	limit = arch_vr_task_size(p->target->mm, vr_runtime_bits(&runtime));
	if (req->image + req->image_size > limit || req->image_data > limit)
		return -EINVAL;
	ret = check_sites(p);
	for (i = 0; !ret && i < p->req->nr_sites; i++) {
		ret = check_target(p, &p->sites[i], &runtime);
		if (ret)
			p->req->bad_site = i;
	}
	return ret;
}

/*
 * The caller chooses offsets and the distance to the runtime vDSO, and these end up in
 * the bytes that are written. So in its own memory a caller may change only what it
 * could change by a plain write, unless it has the capability to restore processes. A
 * tracer can write to its tracee's executable memory anyway.
 */
static bool may_write(struct vr_proxying *p, struct vm_area_struct *vma)
{
	if (p->force || (vma->vm_flags & VM_WRITE &&
			 arch_vma_access_permitted(vma, true, false, false)))
		return true;
	p->force = vr_compat_may_restore_self();
	return p->force;
}

static int check_image(struct vr_proxying *p)
{
	unsigned long addr = p->req->image, end = addr + p->req->image_size;

	while (addr < end) {
		struct vm_area_struct *vma = find_vma(p->target->mm, addr);

		if (!vma || vma->vm_start > addr)
			return -EFAULT;
		if (!vr_may_be_image(vma) || !may_write(p, vma))
			return -EACCES;
		if (vma->vm_flags & VM_SEALED)
			return -EPERM;
		addr = vma->vm_end;
	}
	return 0;
}

static int check_parking(struct vr_proxying *p)
{
	struct vr_span image = { p->req->image, p->req->image + p->req->image_size };
	int ret;

	if (!p->parking) {
		bool sealed = vr_group_text(&p->move.old)->vm_flags & VM_SEALED;

		p->move.sealed = p->req->flags & VDSO_REMAP_PROXY_MARK && sealed;
		return p->move.sealed && !p->move.unseal ? -EPERM : 0;
	}
	ret = vr_move_check(&p->move);
	/* If the image itself is in the way, REPLACE would not help. */
	if ((!ret || ret == -EEXIST) && vr_spans_overlap(&p->move.new.span, &image))
		ret = -EINVAL;
	return ret;
}

/* Pins only the pages that a site lies in: the others are not copied for the process. */
static int open_window(struct vr_proxying *p)
{
	struct vr_window *window = &p->window;
	unsigned long page, last, next = 0;
	unsigned int i;
	int ret;

	ret = vr_window_alloc(window, p->req->image_size >> PAGE_SHIFT);
	if (ret)
		return ret;
	for (i = 0; i < p->req->nr_sites; i++) {
		const struct vdso_remap_site *site = &p->sites[i];
		unsigned long start = vdso_abi_code(p->abi, site->off);
		unsigned long used = min_t(u32, site->room, VDSO_ENCODE_MAX);

		page = start >> PAGE_SHIFT;
		last = (start + used - 1) >> PAGE_SHIFT;
		for (next = max(next, page); next <= last; next++) {
			ret = vr_window_pin(window, p->target->mm,
					    p->req->image + (next << PAGE_SHIFT), p->force);
			if (ret)
				return ret;
		}
		/* Sites are ordered, so the last pages of the window are those of this site. */
		p->patches.patch[i].window_off = offset_in_page(start) +
			((window->nr - (last - page + 1)) << PAGE_SHIFT);
	}
	return vr_window_open(window);
}

static int open_header(struct vr_proxying *p, const struct vr_group *group)
{
	unsigned long addr = vr_group_text(group)->vm_start;
	int ret = vr_window_alloc(&p->header, 1);

	if (!ret)
		ret = vr_window_pin(&p->header, p->target->mm, addr, true);
	return ret ?: vr_window_open(&p->header);
}

static int encode_sites(struct vr_proxying *p)
{
	unsigned long runtime = p->parking ? p->move.addr : vr_group_text(&p->move.old)->vm_start;
	unsigned int i;

	for (i = 0; i < p->req->nr_sites; i++) {
		const struct vdso_remap_site *site = &p->sites[i];
		struct vr_patch *patch = &p->patches.patch[i];
		const u8 *old = p->window.addr + patch->window_off;
		unsigned long entry = p->req->image + site->off;

		patch->addr = vdso_abi_code(p->abi, entry);
		patch->skip = 0;
		patch->len = site->kind == VDSO_REMAP_SITE_JUMP ?
			vdso_encode_jump(p->abi, patch->new, old, site->room, entry,
					 runtime + site->target) :
			vdso_encode_stub(p->abi, patch->new, old, site->room, entry,
					 site->target);
		if (!patch->len) {
			p->req->bad_site = i;
			return -ENOSPC;
		}
		while (patch->skip < patch->len && old[patch->skip] == patch->new[patch->skip])
			patch->skip++;
		/* If no byte changes, a thread among these bytes is not in the way. */
		patch->busy = patch->skip == patch->len ? 0 :
			max_t(u8, patch->len,
			      vdso_decode_jump(p->abi, old, site->room, entry).size);
	}
	p->patches.nr = i;
	p->patches.window = &p->window;
	return 0;
}

/* The mark overwrites the ELF header, which nobody executes. */
static void write_mark(const struct vr_proxying *p, const struct vr_group *group)
{
	const struct vdso_remap_mark mark = {
		.signature = VDSO_REMAP_MARK_SIGNATURE,
		.image = p->req->image,
		.version = VDSO_REMAP_MARK_VERSION,
		.image_data = p->req->image_data ?: VDSO_REMAP_MARK_NO_ADDR,
		.runtime_data = group->span.start,
	};

	vr_window_write(&p->header, 0, &mark, sizeof(mark));
}

/*
 * Everything is checked and encoded, and no stopped thread is in the way. These steps can
 * still fail, in this order: moving the group, opening the page for the mark, and writing
 * the patches, which may find a running thread in the way. After that nothing fails.
 */
static int install(struct vr_proxying *p, const struct vr_others *others)
{
	struct vr_group *group = p->parking ? &p->move.new : &p->move.old;
	bool marking = p->req->flags & VDSO_REMAP_PROXY_MARK;
	int ret;

	if (p->parking) {
		ret = vr_move_prepare(&p->move);
		if (ret)
			return ret;
	}
	if (marking) {
		ret = open_header(p, group);
		if (ret)
			goto err_abort_move;
	}
	ret = vr_patches_write(p->target, &p->patches, others, &p->req->busy_tid);
	if (ret)
		goto err_abort_move;

	if (marking)
		write_mark(p, group);
	if (p->parking)
		vr_move_finish(&p->move);
	return 0;

err_abort_move:
	if (p->parking)
		vr_move_abort(&p->move);
	return ret;
}

static int proxy_locked(struct vr_target *target, void *arg)
{
	struct vr_proxying *p = arg;
	struct vr_others others;
	int ret = vr_group_find(target->mm, &p->move.old);

	if (!ret)
		ret = check_targets(p);
	if (!ret)
		ret = check_parking(p);
	if (!ret)
		ret = check_image(p);
	if (!ret)
		ret = open_window(p);
	if (!ret)
		ret = encode_sites(p);
	if (!ret)
		ret = vr_threads_look(target, p->parking ? &p->move.old.span : NULL, &p->patches,
				      &others, &p->req->busy_tid);
	if (!ret)
		ret = install(p, &others);
	vr_window_close(&p->header);
	vr_window_close(&p->window);
	return ret;
}

int vr_proxy(struct vr_target *target, void *request)
{
	struct vdso_remap_proxy *req = request;
	struct vr_proxying p = {
		.target = target,
		.req = req,
		.force = !vr_target_is_own(target),
		.parking = req->flags & VDSO_REMAP_PROXY_PARK,
		.move = {
			.target = target,
			.addr = req->addr,
			.replace = req->flags & VDSO_REMAP_PROXY_REPLACE,
		},
	};
	struct vdso_remap_site *sites;
	int ret;

	ret = check_request(req, target->mm);
	if (!ret && p.parking)
		ret = vr_check_destination(target->mm, req->addr);
	/* MDWE restricts what a process does to itself; a tracer can write code anyway. */
	if (!ret && vr_target_is_own(target) && vr_compat_has_mdwe(target->mm))
		ret = -EACCES;
	if (ret)
		return ret;
	p.move.unseal = req->flags & VDSO_REMAP_PROXY_UNSEAL && vr_may_unseal();

	/* On a 32-bit kernel the pointer would be cut. */
	if (req->sites != (unsigned long)req->sites)
		return -EFAULT;
	sites = memdup_user(u64_to_user_ptr(req->sites), array_size(req->nr_sites, sizeof(*sites)));
	if (IS_ERR(sites))
		return PTR_ERR(sites);
	p.sites = sites;

	ret = -ENOMEM;
	p.patches.patch = kvcalloc(req->nr_sites, sizeof(*p.patches.patch), GFP_KERNEL);
	if (p.patches.patch)
		ret = vr_target_run(target, proxy_locked, &p);
	if (!ret && p.move.sealed)
		vr_log_unseal(target, p.parking ? &p.move.new : &p.move.old);
	kvfree(p.patches.patch);
	kfree(sites);
	return ret;
}
