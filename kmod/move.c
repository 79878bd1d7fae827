// SPDX-License-Identifier: GPL-2.0
/*
 * MOVE and MAP. A move is a transaction in one critical section of the mmap
 * lock:
 *
 *   vr_move_check()    says no without having touched anything
 *   vr_move_prepare()  makes room, puts up the new group beside the old one
 *   vr_move_commit()   tells the kernel and takes the old one away, or
 *   vr_move_abort()    takes the new one away
 */
#include "internal.h"

#include <linux/cred.h>
#include <linux/highmem.h>

/*
 * vm.mmap_min_addr holds for everyone here, also with CAP_SYS_RAWIO: there is
 * no vDSO at address 0. The kernel keeps the value to itself, so its own check
 * is asked, as somebody without that capability.
 */
static int check_min_addr(unsigned long start)
{
	struct cred *cred = prepare_creds();
	const struct cred *saved;
	int ret;

	if (!cred)
		return -ENOMEM;
	cap_lower(cred->cap_effective, CAP_SYS_RAWIO);
	saved = override_creds(cred);
	ret = static_call(vr_security_mmap_addr)(start);
	revert_creds(saved);
	put_cred(cred);
	return ret;
}

/* Whether a group may have its text at addr at all. Runs as the caller. */
int vr_check_destination(struct mm_struct *mm, u64 addr)
{
	unsigned long start, end;
	int ret;

	if (addr != (unsigned long)addr || !PAGE_ALIGNED(addr))
		return -EINVAL;
	ret = vr_group_span(mm, addr, &start, &end);
	if (ret)
		return ret;
	if (end > mm->task_size)
		return -EINVAL;
	return check_min_addr(start);
}

static int copy_private_page(struct mm_struct *mm, unsigned long from, unsigned long to)
{
	struct page *src, *dst;
	long ret = vr_pin_private_page(mm, from, &src);

	if (ret <= 0)
		return ret;
	/* As a debugger's write does: the new page becomes private, too. */
	ret = vr_compat_pin_pages(mm, to, 1, FOLL_WRITE | FOLL_FORCE, &dst);
	if (ret == 1) {
		copy_highpage(dst, src);
		unpin_user_pages_dirty_lock(&dst, 1, true);
	}
	unpin_user_page(src);
	if (ret != 1)
		return ret ?: -EFAULT;
	return 0;
}

static int copy_private_pages(struct mm_struct *mm, const struct vr_group *from,
			      const struct vr_group *to)
{
	unsigned long off;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < from->nr; i++) {
		const struct vm_area_struct *old = from->vma[i], *new = to->vma[i];

		if (!old->anon_vma)
			continue;
		for (off = 0; !ret && off < old->vm_end - old->vm_start; off += PAGE_SIZE)
			ret = copy_private_page(mm, old->vm_start + off, new->vm_start + off);
	}
	return ret;
}

static bool is_sealed(const struct vr_group *group)
{
	unsigned int i;

	for (i = 0; i < group->nr; i++) {
		if (group->vma[i]->vm_flags & VM_SEALED)
			return true;
	}
	return false;
}

int vr_move_check(const struct vr_move *move)
{
	unsigned long start, end;
	int ret = vr_group_span(move->mm, move->addr, &start, &end);

	if (ret)
		return ret;
	if (start < move->old.end && end > move->old.start)
		return -EINVAL;
	if (is_sealed(&move->old))
		return -EPERM;
	if (!move->replace && find_vma_intersection(move->mm, start, end))
		return -EEXIST;
	return 0;
}

int vr_move_prepare(struct vr_move *move)
{
	struct mm_struct *mm = move->mm;
	unsigned long start, end;
	int ret;

	ret = vr_group_span(mm, move->addr, &start, &end);
	if (!ret && find_vma_intersection(mm, start, end))
		ret = static_call(vr_do_munmap)(mm, start, end - start, NULL);
	if (!ret)
		ret = vr_group_install(mm, move->addr, &move->old, &move->new);
	if (ret)
		return ret;
	ret = copy_private_pages(mm, &move->old, &move->new);
	if (ret)
		vr_move_abort(move);
	return ret;
}

void vr_move_abort(struct vr_move *move)
{
	vr_group_remove(move->mm, move->new.start, move->new.end);
}

/* On failure the move is aborted. */
int vr_move_commit(struct vr_move *move)
{
	int ret = vr_group_announce(&move->new);

	if (ret)
		goto err_abort;
	/* The areas leave no gap, so this is one step: all of them or none. */
	ret = static_call(vr_do_munmap)(move->mm, move->old.start,
					move->old.end - move->old.start, NULL);
	if (!ret)
		return 0;

	vr_group_announce(&move->old);
err_abort:
	vr_move_abort(move);
	return ret;
}

static int move_locked(struct vr_target *target, struct vdso_remap_move *req)
{
	struct vr_move move = {
		.mm = target->mm,
		.addr = req->addr,
		.replace = req->flags & VDSO_REMAP_MOVE_REPLACE,
	};
	struct vr_standstill still = { .target = target };
	int ret;

	ret = vr_group_find(move.mm, &move.old);
	if (!ret)
		ret = vr_move_check(&move);
	if (ret)
		return ret;

	still.leave_start = move.old.start;
	still.leave_end = move.old.end;
	ret = vr_standstill(&still);
	req->busy_tid = still.busy_tid;
	if (!ret)
		ret = vr_move_prepare(&move);
	if (!ret)
		ret = vr_move_commit(&move);
	return ret;
}

static int move_in_mm(struct vr_target *target, void *req)
{
	int ret = vr_target_lock(target);

	if (ret)
		return ret;
	ret = move_locked(target, req);
	vr_target_unlock(target);
	return ret;
}

int vr_move(struct vr_target *target, struct vdso_remap_move *req)
{
	int ret = vr_check_destination(target->mm, req->addr);

	return ret ?: vr_target_run(target, move_in_mm, req);
}

static int map_locked(struct mm_struct *mm, unsigned long addr)
{
	unsigned long start, end;
	struct vr_group group;
	int ret;

	if (vr_group_find(mm, &group) != -ENOENT)
		return -EEXIST;
	ret = vr_group_span(mm, addr, &start, &end);
	if (ret)
		return ret;
	if (find_vma_intersection(mm, start, end))
		return -EEXIST;
	ret = vr_group_install(mm, addr, NULL, &group);
	if (ret)
		return ret;
	ret = vr_group_announce(&group);
	if (ret)
		vr_group_remove(mm, group.start, group.end);
	return ret;
}

static int map_in_mm(struct vr_target *target, void *arg)
{
	const struct vdso_remap_map *req = arg;
	int ret;

	if (mmap_write_lock_killable(target->mm))
		return -EINTR;
	ret = map_locked(target->mm, req->addr);
	mmap_write_unlock(target->mm);
	return ret;
}

int vr_map(struct vr_target *target, struct vdso_remap_map *req)
{
	int ret = vr_check_destination(target->mm, req->addr);

	return ret ?: vr_target_run(target, map_in_mm, req);
}
