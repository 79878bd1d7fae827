// SPDX-License-Identifier: GPL-2.0
/*
 * The vDSO group as an object in an mm: what it looks like on this kernel,
 * where it is, putting one up and taking it away.
 */
#include "internal.h"

#include <linux/err.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "kmod.h"

/**
 * struct vr_slot - one area of every group on this kernel
 * @spec: by which its vmas are recognised: vm_private_data
 * @flags: vm_flags of a fresh one
 * @size: of a data area; a text area's depends on the ABI
 * @off: from the start of the text, so 0 or negative
 * @text: this is the text area
 */
struct vr_slot {
	const struct vm_special_mapping *spec;
	unsigned long flags;
	unsigned long size;
	long off;
	bool text;
};

/*
 * Learned at load from the process that loads the module, by the names that
 * /proc/PID/maps shows; from then on vmas are recognised by pointers. Slots
 * are ordered by address, leave no gap, and the text is the last.
 */
static struct vr_slot slots[VDSO_REMAP_MAX_AREAS] __ro_after_init;
static unsigned int nr_slots __ro_after_init;
static const struct vm_operations_struct *special_ops __ro_after_init;

static const char *special_name(struct vm_area_struct *vma)
{
	const char *name = NULL;

	if (vma->vm_ops && vma->vm_ops->name)
		name = vma->vm_ops->name(vma);
	return name ?: "";
}

static int __init learn_slot(struct vm_area_struct *vma)
{
	const char *name = special_name(vma);
	bool text = !strcmp(name, "[vdso]");
	struct vr_slot *slot = &slots[nr_slots];

	if (!text && strcmp(name, "[vvar]") && strcmp(name, "[vvar_vclock]"))
		return 0;
	/* off is made relative to the text when that has been seen */
	if (nr_slots == ARRAY_SIZE(slots) || (nr_slots && (slot[-1].text || slot[-1].off +
	    slot[-1].size != vma->vm_start)) || vma->vm_pgoff)
		return -EUCLEAN;

	special_ops = vma->vm_ops;
	slot->spec = vma->vm_private_data;
	slot->flags = vma->vm_flags;
	slot->size = vma->vm_end - vma->vm_start;
	slot->off = vma->vm_start;
	slot->text = text;
	nr_slots++;
	return 0;
}

int __init vr_group_init(void)
{
	struct mm_struct *mm = current->mm;
	VMA_ITERATOR(vmi, mm, 0);
	struct vm_area_struct *vma;
	unsigned int i;
	int ret = 0;

	mmap_read_lock(mm);
	for_each_vma(vmi, vma) {
		ret = learn_slot(vma);
		if (ret)
			break;
	}
	mmap_read_unlock(mm);

	if (!ret && (!nr_slots || !slots[nr_slots - 1].text))
		ret = -ENOENT;
	if (ret) {
		pr_err("not loaded: the loading process has no whole vDSO to learn from (vdso=0?)\n");
		return ret;
	}
	for (i = 0; i < nr_slots; i++)
		slots[i].off -= slots[nr_slots - 1].off;
	return 0;
}

static bool fills_slot(const struct vm_area_struct *vma, const struct vr_slot *slot)
{
	return vma->vm_ops == special_ops && vma->vm_private_data == slot->spec;
}

bool vr_group_owns(const struct vm_area_struct *vma)
{
	unsigned int i;

	for (i = 0; i < nr_slots; i++) {
		if (fills_slot(vma, &slots[i]))
			return true;
	}
	return false;
}

/* The text area's size depends on the ABI of the process. */
static unsigned long slot_size(const struct vr_slot *slot, const struct vr_image *image)
{
	return slot->text ? PAGE_ALIGN(image->size) : slot->size;
}

/*
 * The addresses that a group with its text here occupies. -ENOENT: the kernel
 * does not say which vDSO belongs to mm; -EINVAL: they wrap.
 */
int vr_group_span(struct mm_struct *mm, unsigned long text, unsigned long *start,
		  unsigned long *end)
{
	struct vr_image image;

	if (!vr_image_get(&image, mm))
		return -ENOENT;
	*start = text + slots[0].off;
	*end = text + slot_size(&slots[nr_slots - 1], &image);
	return *start <= text && *end > text ? 0 : -EINVAL;
}

/* Writes *group only if a whole one has its text there. */
static bool find_whole(struct mm_struct *mm, unsigned long text, struct vr_group *group)
{
	struct vr_group found = {};
	struct vr_image image;
	unsigned int i;

	if (!vr_image_get(&image, mm))
		return false;
	for (i = 0; i < nr_slots; i++) {
		struct vm_area_struct *vma = find_vma(mm, text + slots[i].off);

		if (!vma || !fills_slot(vma, &slots[i]) || vma->vm_pgoff ||
		    vma->vm_start != text + slots[i].off ||
		    vma->vm_end - vma->vm_start != slot_size(&slots[i], &image))
			return false;
		found.vma[found.nr++] = vma;
	}
	found.text = found.vma[found.nr - 1];
	found.start = found.vma[0]->vm_start;
	found.end = found.text->vm_end;
	*group = found;
	return true;
}

/*
 * Finds the group; the caller holds the mmap lock. Where the kernel believes
 * it to be costs O(log n); only if it is not there all vmas are looked at.
 *
 * Return: 0; -ENOENT: nothing there; -EUCLEAN: parts, in group->vma.
 */
int vr_group_find(struct mm_struct *mm, struct vr_group *group)
{
	VMA_ITERATOR(vmi, mm, 0);
	struct vm_area_struct *vma, *text = NULL;

	mmap_assert_locked(mm);

	if (find_whole(mm, arch_vr_vdso(mm), group))
		return 0;

	memset(group, 0, sizeof(*group));
	for_each_vma(vmi, vma) {
		if (!vr_group_owns(vma))
			continue;
		if (fills_slot(vma, &slots[nr_slots - 1]))
			text = vma;
		if (group->nr < ARRAY_SIZE(group->vma))
			group->vma[group->nr++] = vma;
	}
	if (!group->nr)
		return -ENOENT;
	if (text && find_whole(mm, text->vm_start, group))
		return 0;
	return -EUCLEAN;
}

/*
 * Unmaps a group. When that takes back what a failing command has done it must
 * not fail itself: it may use the reserves, and only an armed fault injection
 * was ever seen to make it fail once.
 */
void vr_group_remove(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned int flags = memalloc_noreclaim_save();
	int ret, tries = 3;

	do {
		ret = static_call(vr_do_munmap)(mm, start, end - start, NULL);
	} while (ret && --tries);
	memalloc_noreclaim_restore(flags);
	WARN_ONCE(ret, "vdso_remap: a second vDSO stays mapped at %lx: %d\n", start, ret);
}

/*
 * Puts up a group with its text there, with the flags of another or, if like
 * is NULL, fresh. The place is free. On failure nothing stays.
 */
int vr_group_install(struct mm_struct *mm, unsigned long text, const struct vr_group *like,
		     struct vr_group *group)
{
	struct vr_image image;
	unsigned int i;
	int ret;

	mmap_assert_write_locked(mm);

	ret = vr_group_span(mm, text, &group->start, &group->end);
	if (ret)
		return ret;
	if (!vr_image_get(&image, mm))
		return -ENOENT;
	for (i = 0; i < nr_slots; i++) {
		const struct vr_slot *slot = &slots[i];
		struct vm_area_struct *vma;

		vma = static_call(vr_install_special_mapping)(mm, text + slot->off,
				slot_size(slot, &image),
				like ? like->vma[i]->vm_flags : slot->flags, slot->spec);
		if (IS_ERR(vma)) {
			vr_group_remove(mm, group->start, group->end);
			return PTR_ERR(vma);
		}
		group->vma[i] = vma;
	}
	group->nr = nr_slots;
	group->text = group->vma[nr_slots - 1];
	return 0;
}

/* Tells the kernel where the text is now, through its own mremap hook. */
int vr_group_announce(const struct vr_group *group)
{
	struct vm_area_struct *text = group->text;

	return text->vm_ops->mremap ? text->vm_ops->mremap(text) : 0;
}

/*
 * 1: the page is the process's own (COWed), *page is pinned; 0: it is the
 * kernel's; or -errno.
 */
int vr_pin_private_page(struct mm_struct *mm, unsigned long addr, struct page **page)
{
	long ret = vr_compat_pin_pages(mm, addr, 1, FOLL_FORCE, page);

	if (ret != 1)
		return ret ?: -EFAULT;
	if (PageAnon(*page))
		return 1;
	unpin_user_page(*page);
	return 0;
}

static int area_flags(struct mm_struct *mm, struct vm_area_struct *vma, u32 *flags)
{
	struct page *page;
	unsigned long addr;
	int ret = 0;

	*flags = vma->vm_flags & VM_SEALED ? VDSO_REMAP_AREA_SEALED : 0;
	if (!vma->anon_vma)
		return 0;
	for (addr = vma->vm_start; !ret && addr < vma->vm_end; addr += PAGE_SIZE)
		ret = vr_pin_private_page(mm, addr, &page);
	if (ret <= 0)
		return ret;
	unpin_user_page(page);
	*flags |= VDSO_REMAP_AREA_PRIVATE;
	return 0;
}

static int fill_areas(struct mm_struct *mm, const struct vr_group *group,
		      struct vdso_remap_info *info)
{
	unsigned int i;
	int ret;

	for (i = 0; i < group->nr; i++) {
		struct vm_area_struct *vma = group->vma[i];
		struct vdso_remap_area *area = &info->areas[i];

		area->start = vma->vm_start;
		area->size = vma->vm_end - vma->vm_start;
		area->kind = fills_slot(vma, &slots[nr_slots - 1]) ?
			     VDSO_REMAP_AREA_TEXT : VDSO_REMAP_AREA_DATA;
		ret = area_flags(mm, vma, &area->flags);
		if (ret)
			return ret;
		info->state |= area->flags;
	}
	info->nr_areas = group->nr;
	return 0;
}

int vr_group_info(struct vr_target *target, struct vdso_remap_info *info)
{
	struct mm_struct *mm = target->mm;
	struct vr_group group;
	struct vr_image image;
	int ret;

	if (vr_image_get(&image, mm)) {
		info->machine = vr_image_machine(&image);
		info->build_id_size = vr_image_build_id(&image, info->build_id,
							sizeof(info->build_id));
	}
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	info->vdso = arch_vr_vdso(mm);
	if (!vr_group_find(mm, &group))
		info->state |= VDSO_REMAP_STATE_PRESENT;
	ret = fill_areas(mm, &group, info);
	mmap_read_unlock(mm);
	return ret;
}
