// SPDX-License-Identifier: GPL-2.0
/* MOVE and MAP, and the parts of a move that PROXY needs for parking. */
#include "internal.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/mman.h>

#include "arch/kmod.h"

/*
 * Checks an address where a group's text is to go, as far as this needs no lock.
 * vr_move_check() checks the rest.
 */
int vr_check_destination(const struct mm_struct *mm, u64 addr)
{
	unsigned long start = vr_group_start(addr);

	/* do_munmap() goes by the address limit of the calling thread, which is lower here. */
	if (mm == current->mm && mm->task_size > TASK_SIZE)
		return -EOPNOTSUPP;
	if (addr != (unsigned long)addr || !PAGE_ALIGNED(addr) || start > addr)
		return -EINVAL;
	return 0;
}

/* Return: 1: the page is the process's own copy, and is pinned; 0: it is not; -errno. */
static int pin_private_page(struct mm_struct *mm, unsigned long addr, struct page **page)
{
	long ret = vr_compat_pin_pages(mm, addr, 1, FOLL_FORCE, page);

	if (ret != 1)
		return ret ?: -EFAULT;
	if (PageAnon(*page))
		return 1;
	unpin_user_page(*page);
	return 0;
}

static int copy_private_page(struct mm_struct *mm, unsigned long from, unsigned long to)
{
	struct page *src, *dst;
	long ret = pin_private_page(mm, from, &src);

	if (ret <= 0)
		return ret;
	/* As a debugger's write does: the new page becomes private, too. */
	ret = vr_compat_pin_pages(mm, to, 1, FOLL_WRITE | FOLL_FORCE, &dst);
	if (ret == 1) {
		copy_highpage(dst, src);
		arch_vr_publish_code(dst, 0, PAGE_SIZE);
		unpin_user_pages_dirty_lock(&dst, 1, true);
	}
	unpin_user_page(src);
	if (ret != 1)
		return ret ?: -EFAULT;
	return 0;
}

static int copy_private_pages(const struct vr_move *move)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < move->old.nr; i++) {
		const struct vm_area_struct *old = move->old.vma[i];
		unsigned long shift = move->new.vma[i]->vm_start - old->vm_start;
		unsigned long addr;

		if (!old->anon_vma)
			continue;
		for (addr = old->vm_start; !ret && addr < old->vm_end; addr += PAGE_SIZE)
			ret = copy_private_page(move->target->mm, addr, addr + shift);
	}
	return ret;
}

/*
 * Asks the kernel for these addresses as mmap(MAP_FIXED) by the caller would: whether the
 * architecture and vm.mmap_min_addr allow them. vm.mmap_min_addr holds for everyone here,
 * also with CAP_SYS_RAWIO.
 */
static int claim_addresses(const struct vr_target *target, const struct vr_span *span)
{
	/* A worker has the kernel's credentials, not the caller's. */
	struct cred *cred = prepare_kernel_cred(target->caller);
	const struct cred *saved;
	unsigned long addr;

	if (!cred)
		return -ENOMEM;
	cap_lower(cred->cap_effective, CAP_SYS_RAWIO);
	saved = override_creds(cred);
	addr = vr_compat_claim_addresses(span->start, span->end - span->start);
	revert_creds(saved);
	put_cred(cred);
	if (IS_ERR_VALUE(addr))
		return addr;
	return addr == span->start ? 0 : -EINVAL;
}

/* Checks a move without changing anything, and sets the span of the new group. */
int vr_move_check(struct vr_move *move)
{
	struct mm_struct *mm = move->target->mm;
	unsigned int i;
	int ret = vr_group_place(mm, move->addr, &move->new.span);

	if (ret)
		return ret;
	move->sealed = false;
	if (vr_spans_overlap(&move->new.span, &move->old.span))
		return -EINVAL;
	for (i = 0; i < move->old.nr; i++) {
		if (!(move->old.vma[i]->vm_flags & VM_SEALED))
			continue;
		if (!move->unseal)
			return -EPERM;
		move->sealed = true;
	}
	if (!move->replace && find_vma_intersection(mm, move->new.span.start, move->new.span.end))
		return -EEXIST;
	return claim_addresses(move->target, &move->new.span);
}

/* Undoes what the kernel's hook did to the current thread. */
static void restore_ip(const struct vr_move *move)
{
	if (ARCH_VR_HOOK_MOVES_IP)
		arch_vr_set_user_ip(current, move->ip);
}

/*
 * Tells the kernel about the new group. If the current thread returns to where the kernel
 * believes the text to be, the kernel's hook may change its ip. If the old group is not
 * there, the thread returns to other code, so its ip is restored.
 */
static int announce_new(struct vr_move *move)
{
	int ret;

	move->pointer = arch_vr_vdso(move->target->mm);
	move->ip = arch_vr_user_ip(current);
	ret = vr_group_announce(&move->new);
	if (!move->old.nr || vr_group_text(&move->old)->vm_start != move->pointer)
		restore_ip(move);
	return ret;
}

/*
 * Unmaps what is in the way, installs the new group beside the old one, and tells the
 * kernel. vr_move_abort() undoes that, vr_move_finish() removes the old group.
 */
int vr_move_prepare(struct vr_move *move)
{
	struct mm_struct *mm = move->target->mm;
	const struct vr_span *span = &move->new.span;
	int ret;

	move->new.nr = 0;	/* a command may have started over */
	if (move->replace) {
		ret = static_call(vr_do_munmap)(mm, span->start, span->end - span->start, NULL);
		if (ret)
			return ret;
		/* If the command starts over, it must not unmap what came there meanwhile. */
		move->replace = false;
	}
	ret = vr_group_install(mm, &move->new, &move->old);
	if (ret)
		return ret;
	ret = copy_private_pages(move);
	if (ret)
		goto err_remove_new;
	ret = announce_new(move);
	if (ret)
		goto err_remove_new;
	return 0;

err_remove_new:
	vr_group_remove(mm, &move->new);
	return ret;
}

/* Only for a move that has an old group. */
void vr_move_abort(struct vr_move *move)
{
	struct mm_struct *mm = move->target->mm;

	/* This can't fail: the opposite has just worked. The hook does not know the old values. */
	vr_group_announce(&move->old);
	arch_vr_set_vdso(mm, move->pointer);
	restore_ip(move);
	vr_group_remove(mm, &move->new);
}

void vr_move_finish(struct vr_move *move)
{
	vr_group_remove(move->target->mm, &move->old);
}

struct vr_moving {
	struct vdso_remap_move *req;
	struct vr_move move;
};

/*
 * The sites of an image that is a proxy lead to where the group is now, so the group
 * must not move alone. Returns -EALREADY if the group's mark names such an image. The
 * process can write these bytes itself; they decide only whether the move is refused.
 */
static int check_not_proxied(struct mm_struct *mm, const struct vr_group *group)
{
	const struct vm_area_struct *text = vr_group_text(group), *image;
	struct vdso_remap_mark *mark;
	unsigned long addr = 0;
	struct page *page;
	int ret;

	if (!text->anon_vma)
		return 0;
	ret = pin_private_page(mm, text->vm_start, &page);
	if (ret <= 0)
		return ret;
	mark = kmap_local_page(page);
	if (mark->signature == VDSO_REMAP_MARK_SIGNATURE)
		addr = mark->image;
	kunmap_local(mark);
	unpin_user_page(page);

	image = addr ? find_vma(mm, addr) : NULL;
	return image && image->vm_start <= addr && vr_may_be_image(image) ? -EALREADY : 0;
}

static int move_locked(struct vr_target *target, void *arg)
{
	struct vr_moving *m = arg;
	struct vr_move *move = &m->move;
	const struct vr_patches none = {};
	struct vr_others others;
	int ret;

	ret = vr_group_find(target->mm, &move->old);
	if (!ret)
		ret = vr_move_check(move);
	if (!ret)
		ret = check_not_proxied(target->mm, &move->old);
	if (!ret)
		ret = vr_threads_look(target, &move->old.span, &none, &others,
				      &m->req->busy_tid);
	if (!ret)
		ret = vr_move_prepare(move);
	if (!ret)
		vr_move_finish(move);
	return ret;
}

int vr_move(struct vr_target *target, void *request)
{
	struct vdso_remap_move *req = request;
	struct vr_moving m = {
		.req = req,
		.move = {
			.target = target,
			.addr = req->addr,
			.replace = req->flags & VDSO_REMAP_MOVE_REPLACE,
		},
	};
	int ret;

	if (req->flags & ~__VDSO_REMAP_MOVE_ALL)
		return -EINVAL;
	ret = vr_check_destination(target->mm, req->addr);
	if (ret)
		return ret;
	m.move.unseal = req->flags & VDSO_REMAP_MOVE_UNSEAL && vr_may_unseal();
	ret = vr_target_run(target, move_locked, &m);
	if (!ret && m.move.sealed)
		vr_log_unseal(target, &m.move.new);
	return ret;
}

/* A move without an old group. */
static int map_locked(struct vr_target *target, void *request)
{
	const struct vdso_remap_map *req = request;
	struct vr_move move = { .target = target, .addr = req->addr };
	int ret = vr_group_find(target->mm, &move.old);

	if (ret != -ENOENT)
		return ret ?: -EEXIST;
	ret = vr_move_check(&move);
	return ret ?: vr_move_prepare(&move);
}

int vr_map(struct vr_target *target, void *request)
{
	const struct vdso_remap_map *req = request;
	int ret;

	if (req->flags || req->reserved)
		return -EINVAL;
	ret = vr_check_destination(target->mm, req->addr);
	return ret ?: vr_target_run(target, map_locked, request);
}
