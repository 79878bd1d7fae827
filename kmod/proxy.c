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

static_assert(VDSO_ENCODE_MAX <= sizeof_field(struct vr_patch, new));

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
 * @req: the checked request; out fields are set in it
 * @sites: the kernel's copy of them
 * @patches: one for each site, then one for the mark
 * @nr_patches: how many of them there are
 * @image: the image's pages
 * @header: the page where the mark goes
 * @move: of the group, with PARK; else only @move.old is used
 */
struct vr_proxying {
	struct vr_target *target;
	struct vdso_remap_proxy *req;
	const struct vdso_remap_site *sites;
	struct vr_patch *patches;
	unsigned int nr_patches;
	struct vr_window image;
	struct vr_window header;
	struct vr_move move;
};

static bool parks(const struct vr_proxying *p)
{
	return p->req->flags & VDSO_REMAP_PROXY_PARK;
}

/* Where the runtime vDSO's text is when all is done. */
static unsigned long runtime_text(const struct vr_proxying *p)
{
	return parks(p) ? p->req->addr : p->move.old.text->vm_start;
}

/* What can be said from the numbers alone. */
static int check_request(const struct vdso_remap_proxy *req, const struct mm_struct *mm)
{
	u64 end = req->image + req->image_size;

	if (!req->nr_sites || req->nr_sites > VDSO_REMAP_MAX_SITES)
		return -EINVAL;
	if (!PAGE_ALIGNED(req->image) || !PAGE_ALIGNED(req->image_size) || !req->image_size ||
	    req->image_size > VDSO_REMAP_MAX_IMAGE_SIZE)
		return -EINVAL;
	if (end < req->image || end > mm->task_size)
		return -EINVAL;
	if (!(req->flags & VDSO_REMAP_PROXY_PARK) &&
	    (req->addr || req->flags & VDSO_REMAP_PROXY_REPLACE))
		return -EINVAL;
	if (!PAGE_ALIGNED(req->image_data) || req->image_data > mm->task_size ||
	    (req->image_data && !(req->flags & VDSO_REMAP_PROXY_MARK)))
		return -EINVAL;
	return 0;
}

static int check_site(const struct vdso_remap_site *site, u64 from, u64 image_size)
{
	if (site->off < from || !site->room || (u64)site->off + site->room > image_size)
		return -EINVAL;
	switch (site->kind) {
	case VDSO_REMAP_SITE_JUMP:
		return 0;
	case VDSO_REMAP_SITE_STUB:
		return vdso_encode_stub_syscall(site->target) ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static int check_sites(struct vdso_remap_proxy *req, const struct vdso_remap_site *sites)
{
	u64 from = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < req->nr_sites; i++) {
		ret = check_site(&sites[i], from, req->image_size);
		if (ret) {
			req->bad_site = i;
			return ret;
		}
		from = (u64)sites[i].off + sites[i].room;
	}
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
static int check_image_memory(const struct vr_proxying *p)
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

/* Where the group is to go, with PARK. */
static int check_parking(struct vr_proxying *p)
{
	unsigned long start, end;
	int ret = vr_group_span(p->move.mm, p->move.addr, &start, &end);

	if (!ret && start < p->req->image + p->req->image_size && end > p->req->image)
		ret = -EINVAL;
	return ret ?: vr_move_check(&p->move);
}

static int encode_site(const struct vr_proxying *p, const struct vdso_remap_site *site,
		       struct vr_patch *patch)
{
	const u8 *old = p->image.addr + site->off;

	patch->addr = p->req->image + site->off;
	patch->dst = p->image.addr + site->off;
	memcpy(patch->old, old, min_t(u32, site->room, sizeof(patch->old)));
	if (site->kind == VDSO_REMAP_SITE_JUMP)
		patch->len = vdso_encode_jump(patch->new, patch->old, site->room, patch->addr,
					      runtime_text(p) + site->target);
	else
		patch->len = vdso_encode_stub(patch->new, patch->old, site->room, site->target);
	while (patch->skip < patch->len && patch->old[patch->skip] == patch->new[patch->skip])
		patch->skip++;
	return patch->len ? 0 : -ENOSPC;
}

static int encode_sites(struct vr_proxying *p)
{
	unsigned int i;
	int ret;

	for (i = 0; i < p->req->nr_sites; i++) {
		ret = encode_site(p, &p->sites[i], &p->patches[p->nr_patches]);
		if (ret) {
			p->req->bad_site = i;
			return ret;
		}
		p->nr_patches++;
	}
	return 0;
}

/* The mark lies over the ELF header, where nobody executes. */
static int encode_mark(struct vr_proxying *p)
{
	const struct vr_group *group = parks(p) ? &p->move.new : &p->move.old;
	const struct vdso_remap_mark mark = {
		.signature = VDSO_REMAP_MARK_SIGNATURE,
		.image = p->req->image,
		.version = VDSO_REMAP_MARK_VERSION,
		.image_data = p->req->image_data ?: VDSO_REMAP_MARK_NO_ADDR,
		.runtime_data = group->start,
	};
	struct vr_patch *patch = &p->patches[p->nr_patches];
	int ret;

	if (!(p->req->flags & VDSO_REMAP_PROXY_MARK))
		return 0;
	ret = open_window(&p->header, p->move.mm, group->text->vm_start, PAGE_SIZE);
	if (ret)
		return ret;
	patch->addr = group->text->vm_start;
	patch->dst = p->header.addr;
	patch->len = sizeof(mark);
	memcpy(patch->old, patch->dst, sizeof(mark));
	memcpy(patch->new, &mark, sizeof(mark));
	p->nr_patches++;
	return 0;
}

static int standstill(struct vr_proxying *p, bool write)
{
	struct vr_standstill still = {
		.target = p->target,
		.leave_start = parks(p) ? p->move.old.start : 0,
		.leave_end = parks(p) ? p->move.old.end : 0,
		.patches = p->patches,
		.nr_patches = p->nr_patches,
		.write = write,
	};
	int ret = vr_standstill(&still);

	p->req->busy_tid = still.busy_tid;
	return ret;
}

static void take_back(struct vr_proxying *p)
{
	struct vr_standstill still = {
		.target = p->target,
		.patches = p->patches,
		.nr_patches = p->nr_patches,
		.write = true,
		.undo = true,
	};

	vr_standstill(&still);
}

/*
 * Parking comes in between: the old place goes last, when the jumps stand,
 * because unmapping it can fail and jumps can be taken back. Before REPLACE
 * unmaps anything, threads are checked once already.
 */
static int park_and_write(struct vr_proxying *p)
{
	int ret = standstill(p, false);

	if (!ret)
		ret = vr_move_prepare(&p->move);
	if (ret)
		return ret;
	ret = encode_mark(p);
	if (!ret)
		ret = standstill(p, true);
	if (ret) {
		vr_move_abort(&p->move);
		return ret;
	}
	ret = vr_move_commit(&p->move);
	if (ret)
		take_back(p);
	return ret;
}

static int mark_and_write(struct vr_proxying *p)
{
	int ret = encode_mark(p);

	return ret ?: standstill(p, true);
}

static int proxy_locked(struct vr_proxying *p)
{
	int ret = vr_group_find(p->move.mm, &p->move.old);

	if (!ret)
		ret = check_targets(p);
	if (!ret && parks(p))
		ret = check_parking(p);
	if (!ret)
		ret = check_image_memory(p);
	if (!ret)
		ret = open_window(&p->image, p->move.mm, p->req->image, p->req->image_size);
	if (!ret)
		ret = encode_sites(p);
	if (!ret)
		ret = parks(p) ? park_and_write(p) : mark_and_write(p);
	close_window(&p->header);
	close_window(&p->image);
	return ret;
}

static int proxy_in_mm(struct vr_target *target, void *arg)
{
	int ret = vr_target_lock(target);

	if (ret)
		return ret;
	ret = proxy_locked(arg);
	vr_target_unlock(target);
	return ret;
}

int vr_proxy(struct vr_target *target, struct vdso_remap_proxy *req)
{
	struct vdso_remap_site *sites;
	struct vr_proxying p = {
		.target = target,
		.req = req,
		.move = {
			.mm = target->mm,
			.addr = req->addr,
			.replace = req->flags & VDSO_REMAP_PROXY_REPLACE,
		},
	};
	int ret = check_request(req, target->mm);

	if (!ret && parks(&p))
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

	p.patches = kvcalloc(req->nr_sites + 1, sizeof(*p.patches), GFP_KERNEL);
	ret = p.patches ? vr_target_run(target, proxy_in_mm, &p) : -ENOMEM;
	kvfree(p.patches);
out_free_sites:
	kfree(sites);
	return ret;
}
