// SPDX-License-Identifier: GPL-2.0
/*
 * PROXY: makes an image vDSO jump into the runtime vDSO.
 *
 * Everything that can be refused is refused, everything that can fail is done,
 * before the first byte is written. What is written is then visible at once.
 */
#include "internal.h"

#include <linux/hugetlb_inline.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "vdso_encode.h"

static_assert(sizeof_field(struct vr_patch, new) >= VDSO_ENCODE_MAX);

/* Pages of a process, pinned and writable by the kernel, in one piece. */
struct vr_window {
	struct page **pages;
	unsigned int nr;
	u8 *addr;
};

/*
 * Pinning for writing gives the process its own copy of each page, as a
 * debugger's write would; later forks copy pinned pages instead of sharing.
 */
static int open_window(struct vr_window *window, struct mm_struct *mm, unsigned long start,
		       unsigned long size)
{
	unsigned int nr = size >> PAGE_SHIFT;
	long pinned;

	window->pages = kvmalloc_array(nr, sizeof(*window->pages), GFP_KERNEL);
	if (!window->pages)
		return -ENOMEM;
	pinned = vr_compat_pin_pages(mm, start, nr, FOLL_WRITE | FOLL_FORCE, window->pages);
	if (pinned != nr)
		goto err_unpin;
	window->addr = vmap(window->pages, nr, VM_MAP, PAGE_KERNEL);
	if (!window->addr)
		goto err_unpin;
	window->nr = nr;
	return 0;

err_unpin:
	if (pinned > 0)
		unpin_user_pages(window->pages, pinned);
	kvfree(window->pages);
	if (pinned == nr)
		return -ENOMEM;
	return pinned < 0 ? pinned : -EFAULT;
}

static void close_window(struct vr_window *window)
{
	if (!window->nr)
		return;
	vunmap(window->addr);
	unpin_user_pages_dirty_lock(window->pages, window->nr, true);
	kvfree(window->pages);
}

/**
 * struct vr_proxying - one PROXY command at work
 * @target: for whom
 * @req: the request; out fields are set in it
 * @sites: the kernel's copy of them
 * @patches: one for each site, then one for the mark
 * @nr_patches: how many of them there are
 * @parking: the group moves to @req->addr
 * @image: the image's pages
 * @header: the page where the mark goes
 * @move: of the group, when @parking; else only @move.old is used
 */
struct vr_proxying {
	struct vr_target *target;
	struct vdso_remap_proxy *req;
	const struct vdso_remap_site *sites;
	struct vr_patch *patches;
	unsigned int nr_patches;
	bool parking;
	struct vr_window image;
	struct vr_window header;
	struct vr_move move;
};

/* What can be said from the numbers alone. */
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
	if (!PAGE_ALIGNED(req->image_data) || req->image_data > mm->task_size ||
	    (req->image_data && !(req->flags & VDSO_REMAP_PROXY_MARK)))
		return -EINVAL;
	return 0;
}

static bool is_valid_site(const struct vdso_remap_site *site)
{
	return site->room && (site->kind == VDSO_REMAP_SITE_JUMP ||
	       (site->kind == VDSO_REMAP_SITE_STUB && vdso_encode_stub_syscall(site->target)));
}

static int check_sites(struct vdso_remap_proxy *req, const struct vdso_remap_site *sites)
{
	u64 end = 0;
	unsigned int i;

	for (i = 0; i < req->nr_sites; i++) {
		const struct vdso_remap_site *site = &sites[i];

		req->bad_site = i;
		if (!is_valid_site(site) || site->off < end)
			return -EINVAL;
		end = (u64)site->off + site->room;
		if (end > req->image_size)
			return -EINVAL;
	}
	req->bad_site = VDSO_REMAP_NO_SITE;
	return 0;
}

/* A jump's target must be an entry point: the module is no way round W^X. */
static int check_targets(struct vr_proxying *p)
{
	struct vr_image runtime;
	unsigned int i;

	if (!vr_image_get(&runtime, p->move.mm))
		return -ENOENT;
	if (!vr_image_is_native(&runtime))
		return -EOPNOTSUPP;
	for (i = 0; i < p->req->nr_sites; i++) {
		if (p->sites[i].kind == VDSO_REMAP_SITE_JUMP &&
		    !vr_image_has_entry_point(&runtime, p->sites[i].target)) {
			p->req->bad_site = i;
			return -ENXIO;
		}
	}
	return 0;
}

/*
 * The image must be what a debugger could write to as well, and code already:
 * private, executable, and not a mapping that the kernel or a driver made.
 */
static int check_image(const struct vr_proxying *p)
{
	unsigned long addr = p->req->image, end = addr + p->req->image_size;

	while (addr < end) {
		struct vm_area_struct *vma = find_vma(p->move.mm, addr);

		if (!vma || vma->vm_start > addr)
			return -EFAULT;
		if (vr_group_owns(vma) || is_vm_hugetlb_page(vma) ||
		    vma->vm_flags & (VM_SHARED | VM_IO | VM_PFNMAP | VM_MIXEDMAP) ||
		    (vma->vm_flags & (VM_EXEC | VM_MAYWRITE)) != (VM_EXEC | VM_MAYWRITE))
			return -EACCES;
		addr = vma->vm_end;
	}
	return 0;
}

static int check_parking(const struct vr_proxying *p)
{
	struct vr_span image = { p->req->image, p->req->image + p->req->image_size };
	struct vr_span span;
	int ret;

	if (!p->parking)
		return 0;
	ret = vr_group_span(p->move.mm, p->move.addr, &span);
	if (!ret && vr_spans_overlap(&span, &image))
		ret = -EINVAL;
	return ret ?: vr_move_check(&p->move);
}

static int encode_sites(struct vr_proxying *p)
{
	unsigned long runtime = p->parking ? p->move.addr : vr_group_text(&p->move.old)->vm_start;
	unsigned int i;

	for (i = 0; i < p->req->nr_sites; i++) {
		const struct vdso_remap_site *site = &p->sites[i];
		struct vr_patch *patch = &p->patches[i];

		patch->addr = p->req->image + site->off;
		patch->dst = p->image.addr + site->off;
		memcpy(patch->old, patch->dst, min_t(u32, site->room, sizeof(patch->old)));
		patch->len = site->kind == VDSO_REMAP_SITE_JUMP ?
			vdso_encode_jump(patch->new, patch->old, site->room, patch->addr,
					 runtime + site->target) :
			vdso_encode_stub(patch->new, patch->old, site->room, site->target);
		if (!patch->len) {
			p->req->bad_site = i;
			return -ENOSPC;
		}
		while (patch->skip < patch->len &&
		       patch->old[patch->skip] == patch->new[patch->skip])
			patch->skip++;
	}
	p->nr_patches = i;
	return 0;
}

/* The mark lies over the ELF header, where nobody executes. */
static int encode_mark(struct vr_proxying *p)
{
	const struct vr_group *group = p->parking ? &p->move.new : &p->move.old;
	const struct vdso_remap_mark mark = {
		.signature = VDSO_REMAP_MARK_SIGNATURE,
		.image = p->req->image,
		.version = VDSO_REMAP_MARK_VERSION,
		.image_data = p->req->image_data ?: VDSO_REMAP_MARK_NO_ADDR,
		.runtime_data = group->span.start,
	};
	struct vr_patch *patch = &p->patches[p->nr_patches];
	int ret;

	if (!(p->req->flags & VDSO_REMAP_PROXY_MARK))
		return 0;
	patch->addr = vr_group_text(group)->vm_start;
	ret = open_window(&p->header, p->move.mm, patch->addr, PAGE_SIZE);
	if (ret)
		return ret;
	patch->dst = p->header.addr;
	patch->len = sizeof(mark);
	memcpy(patch->old, patch->dst, sizeof(mark));
	memcpy(patch->new, &mark, sizeof(mark));
	p->nr_patches++;
	return 0;
}

static int standstill(struct vr_proxying *p, enum vr_standstill_action action)
{
	struct vr_standstill still = {
		.target = p->target,
		.moving = p->parking ? &p->move.old.span : NULL,
		.patches = p->patches,
		.nr_patches = p->nr_patches,
		.action = action,
	};
	int ret = vr_standstill(&still);

	p->req->busy_tid = still.busy_tid;
	return ret;
}

/*
 * With parking the old place is unmapped last, when the jumps stand, because
 * that can fail and jumps can be taken back. Threads are looked at once before,
 * so that a busy one is found before REPLACE unmaps anything.
 */
static int write_parked(struct vr_proxying *p)
{
	int ret = standstill(p, VR_CHECK);

	if (!ret)
		ret = vr_move_prepare(&p->move);
	if (ret)
		return ret;
	ret = encode_mark(p);
	if (!ret)
		ret = standstill(p, VR_CHECK_AND_WRITE);
	if (ret) {
		vr_group_remove(p->move.mm, &p->move.new.span);
		return ret;
	}
	ret = vr_move_commit(&p->move);
	if (ret)
		standstill(p, VR_UNDO);
	return ret;
}

static int write(struct vr_proxying *p)
{
	int ret = encode_mark(p);

	return ret ?: standstill(p, VR_CHECK_AND_WRITE);
}

static int proxy_locked(struct vr_target *target, void *arg)
{
	struct vr_proxying *p = arg;
	int ret = vr_group_find(target->mm, &p->move.old);

	if (!ret)
		ret = check_targets(p);
	if (!ret)
		ret = check_parking(p);
	if (!ret)
		ret = check_image(p);
	if (!ret)
		ret = open_window(&p->image, target->mm, p->req->image, p->req->image_size);
	if (!ret)
		ret = encode_sites(p);
	if (!ret)
		ret = p->parking ? write_parked(p) : write(p);
	close_window(&p->header);
	close_window(&p->image);
	return ret;
}

int vr_proxy(struct vr_target *target, void *request)
{
	struct vdso_remap_proxy *req = request;
	struct vr_proxying p = {
		.target = target,
		.req = req,
		.parking = req->flags & VDSO_REMAP_PROXY_PARK,
		.move = {
			.mm = target->mm,
			.addr = req->addr,
			.replace = req->flags & VDSO_REMAP_PROXY_REPLACE,
		},
	};
	struct vdso_remap_site *sites;
	int ret;

	req->busy_tid = 0;
	req->bad_site = VDSO_REMAP_NO_SITE;
	ret = check_request(req, target->mm);
	if (!ret && p.parking)
		ret = vr_check_destination(target->mm, req->addr);
	if (ret)
		return ret;

	sites = memdup_user(u64_to_user_ptr(req->sites), array_size(req->nr_sites, sizeof(*sites)));
	if (IS_ERR(sites))
		return PTR_ERR(sites);
	p.sites = sites;
	ret = check_sites(req, sites);
	if (ret)
		goto out_free_sites;

	ret = -ENOMEM;
	p.patches = kvcalloc(req->nr_sites + 1, sizeof(*p.patches), GFP_KERNEL);
	if (p.patches)
		ret = vr_target_run(target, proxy_locked, &p);
	kvfree(p.patches);
out_free_sites:
	kfree(sites);
	return ret;
}
