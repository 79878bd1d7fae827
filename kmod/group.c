// SPDX-License-Identifier: GPL-2.0
/*
 * The vDSO group in an mm: what it consists of on this kernel, and how it is found,
 * installed and removed.
 */
#include "internal.h"

#include <linux/err.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "arch/kmod.h"

/*
 * What kernels name vDSO areas: the text and [vvar] in the code of each machine, since 6.15
 * in lib/vdso/datastore.c; [vvar_vclock] on x86 since 6.13, for the clocks of hypervisors.
 */
#define TEXT_NAME	"[vdso]"
static const char * const names[] = { TEXT_NAME, "[vvar]", "[vvar_vclock]" };

/*
 * Every group on this kernel consists of these areas: ordered by address, without a
 * gap, the text last. Their layout is learned at load from the loading process. A
 * machine may have a mapping of the same name for each ABI, so vmas are recognised by
 * their names.
 */
static struct vr_slot {
	const char *name;
	unsigned long flags;	/* for a group that replaces no old one, of any kind of process */
	unsigned long size;	/* of a data area; that of the text depends on the ABI */
	unsigned long below;	/* distance from its start up to the text */
} slots[VDSO_REMAP_MAX_AREAS] __ro_after_init;
static unsigned int nr_slots __ro_after_init;

/*
 * The mappings for a group that replaces no old one, for each kind of process. Those of the loading
 * process are known from the start, those of another kind when its first group is seen.
 */
static const struct vm_special_mapping *specs[ARCH_VR_NR_KINDS][VDSO_REMAP_MAX_AREAS];
/* The operations of all special mappings, whatever their name. They are not exported. */
static const struct vm_operations_struct *special_ops __ro_after_init;

#define text_slot	(&slots[nr_slots - 1])

static const struct vm_special_mapping **spec_of(const struct mm_struct *mm,
						 const struct vr_slot *slot)
{
	return &specs[arch_vr_kind(mm)][slot - slots];
}

/* Whoever comes second writes the same. A process can't change which mapping its vma has. */
static void learn_spec(const struct vm_area_struct *vma, const struct vr_slot *slot)
{
	WRITE_ONCE(*spec_of(vma->vm_mm, slot), vma->vm_private_data);
}

int __init vr_group_init(void)
{
	VMA_ITERATOR(vmi, current->mm, 0);
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long text = 0, end = 0;
	struct vr_runtime runtime;
	bool whole = true;
	unsigned int i;

	mmap_read_lock(mm);
	for_each_vma(vmi, vma) {
		const struct vm_operations_struct *ops = vma->vm_ops;
		const char *name = ops && ops->name && ops->mremap ? ops->name(vma) : NULL;

		if (!name || match_string(names, ARRAY_SIZE(names), name) < 0)
			continue;
		if (text || (nr_slots && (vma->vm_start != end || ops != special_ops)) ||
		    vma->vm_pgoff || vma->vm_flags & VM_WRITE || nr_slots == ARRAY_SIZE(slots)) {
			whole = false;
			break;
		}
		end = vma->vm_end;
		text = strcmp(name, TEXT_NAME) ? 0 : vma->vm_start;
		special_ops = ops;
		slots[nr_slots] = (struct vr_slot) {
			.name = name,
			.flags = vma->vm_flags,
			.size = end - vma->vm_start,
			.below = vma->vm_start,
		};
		learn_spec(vma, &slots[nr_slots++]);
	}
	mmap_read_unlock(mm);

	if (!text || !whole) {
		pr_err("not loaded: the loading process has no whole vDSO to learn from (vdso=0?)\n");
		return -EOPNOTSUPP;
	}
	if (!vr_runtime_get(&runtime, mm) || PAGE_ALIGN(runtime.size) != text_slot->size) {
		pr_err("not loaded: this kernel keeps its copy of the vDSO in an unknown place\n");
		return -EOPNOTSUPP;
	}
	for (i = 0; i < nr_slots; i++)
		slots[i].below = text - slots[i].below;
	return 0;
}

/* "" if it is no special mapping, whatever name the process has given it. */
static const char *special_name(const struct vm_area_struct *vma)
{
	const struct vm_special_mapping *spec = vma->vm_private_data;

	return vma->vm_ops == special_ops ? spec->name : "";
}

static bool fills_slot(const struct vm_area_struct *vma, const struct vr_slot *slot)
{
	return !strcmp(special_name(vma), slot->name);
}

static bool fills_any_slot(const struct vm_area_struct *vma)
{
	return match_string(names, ARRAY_SIZE(names), special_name(vma)) >= 0;
}

/* The mapping of the text for processes of mm's kind; NULL if no such process was seen yet. */
const struct vm_special_mapping *vr_group_text_spec(const struct mm_struct *mm)
{
	return READ_ONCE(*spec_of(mm, text_slot));
}

/* The start of a group whose text is at this address. If it wraps, it is above the text. */
unsigned long vr_group_start(unsigned long text)
{
	return text - slots[0].below;
}

/* Sets *span for a group whose text is at this address. Returns false if the span wraps. */
static bool set_span(struct vr_span *span, unsigned long text, const struct vr_runtime *runtime)
{
	span->start = vr_group_start(text);
	span->end = text + PAGE_ALIGN(runtime->size);
	return span->start <= text && span->end > text;
}

/*
 * The addresses that a group of mm would occupy with its text there. The mmap
 * lock is held: without it the process could change its kind of vDSO, and with
 * that the size, between this answer and its use.
 *
 * Return: 0; -ENOENT: the kernel does not say which vDSO belongs to mm; -EOPNOTSUPP: no group
 * of such a process was seen yet; -EINVAL: they wrap, or are not for this task.
 */
int vr_group_place(struct mm_struct *mm, unsigned long text, struct vr_span *span)
{
	struct vr_runtime runtime;

	mmap_assert_locked(mm);

	if (!vr_group_text_spec(mm))
		return -EOPNOTSUPP;
	if (!vr_runtime_get(&runtime, mm))
		return -ENOENT;
	/* On some machines a 64-bit restorer can give itself the vDSO of a 32-bit process. */
	if (!set_span(span, text, &runtime) ||
	    span->end > arch_vr_task_size(mm, vr_runtime_bits(&runtime)))
		return -EINVAL;
	return 0;
}

/* One slot's share of a group's span. */
static struct vr_span slot_span(const struct vr_slot *slot, const struct vr_span *group)
{
	unsigned long start = group->start + slots[0].below - slot->below;

	return (struct vr_span) {
		.start = start,
		.end = slot == text_slot ? group->end : start + slot->size,
	};
}

/* Writes *group only if a whole one has its text there. */
static bool find_whole(struct mm_struct *mm, unsigned long text, struct vr_group *group)
{
	struct vr_group found = { .nr = nr_slots };
	struct vm_area_struct *vma = find_vma(mm, text);
	struct vr_runtime runtime;
	unsigned int i;

	if (!vma || !fills_slot(vma, text_slot))
		return false;
	learn_spec(vma, text_slot);
	if (!vr_runtime_get(&runtime, mm) || !set_span(&found.span, text, &runtime))
		return false;
	for (i = 0; i < nr_slots; i++) {
		struct vr_span want = slot_span(&slots[i], &found.span);

		vma = find_vma(mm, want.start);
		if (!vma || !fills_slot(vma, &slots[i]) || vma->vm_pgoff ||
		    vma->vm_start != want.start || vma->vm_end != want.end)
			return false;
		learn_spec(vma, &slots[i]);
		found.vma[i] = vma;
	}
	*group = found;
	return true;
}

/*
 * Finds the group; the caller holds the mmap lock. This costs O(log n) if the group is
 * where the kernel believes it to be. Only if it is not, all vmas are looked at.
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
		if (!fills_any_slot(vma))
			continue;
		if (fills_slot(vma, text_slot))
			text = vma;
		if (group->nr < ARRAY_SIZE(group->vma))
			group->vma[group->nr++] = vma;
	}
	if (!group->nr)
		return -ENOENT;
	return text && find_whole(mm, text->vm_start, group) ? 0 : -EUCLEAN;
}

bool vr_group_is_text(const struct vm_area_struct *vma)
{
	return fills_slot(vma, text_slot);
}

struct vm_area_struct *vr_group_text(const struct vr_group *group)
{
	return group->vma[group->nr - 1];
}

/*
 * Unmaps a group, or the part of it that is there. This must not fail. Only a lack of memory
 * for a node of the vma tree can make it fail, so it may use the kernel's reserves, and tries
 * several times. The caller has checked that a sealed group may go.
 */
void vr_group_remove(struct mm_struct *mm, const struct vr_group *group)
{
	const struct vr_span *span = &group->span;
	unsigned int saved, i, sealed = 0;
	int ret, tries = 10;

	/*
	 * Sealed or not: where unsealing does something (6.10 and later), it also locks out
	 * faults, for which munmap would wait.
	 */
	for (i = 0; i < group->nr; i++) {
		if (group->vma[i]->vm_flags & VM_SEALED)
			sealed |= BIT(i);
		vr_compat_unseal(group->vma[i]);
	}

	/* This changes flags of the task, which others may read at any time. */
	saved = data_race(memalloc_noreclaim_save());
	do {
		ret = static_call(vr_do_munmap)(mm, span->start, span->end - span->start, NULL);
	} while (ret && --tries);
	/* the same flags */
	data_race((memalloc_noreclaim_restore(saved), 0));
	if (!WARN_ONCE(ret, "a second vDSO stays mapped at %lx: %d\n", span->start, ret))
		return;
	for (i = 0; i < group->nr; i++) {
		if (sealed & BIT(i))
			vr_compat_seal(group->vma[i]);
	}
}

/* Flags of a vma whose state is kept elsewhere and does not move with the vma. */
#define STATE_FLAGS	(VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR | VM_LOCKED | VM_LOCKONFAULT)

/*
 * Installs a group at group->span, which is free. The group gets like's mappings and flags
 * or, if like is empty, those of the process that loaded the module. On failure nothing
 * stays.
 */
int vr_group_install(struct mm_struct *mm, struct vr_group *group, const struct vr_group *like)
{
	unsigned long def_flags = mm->def_flags;
	int ret = 0;
	unsigned int i;

	mmap_assert_write_locked(mm);

	/* After mlockall(MCL_FUTURE) kernels before 5.18 lock these, too, but uncounted. */
	mm->def_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	for (i = 0; i < nr_slots; i++) {
		struct vr_span at = slot_span(&slots[i], &group->span);
		const struct vm_special_mapping *spec = READ_ONCE(*spec_of(mm, &slots[i]));
		unsigned long flags = slots[i].flags;
		struct vm_area_struct *vma;

		if (like->nr) {
			spec = like->vma[i]->vm_private_data;
			flags = like->vma[i]->vm_flags;
		}
		ret = -EOPNOTSUPP;
		if (!spec)
			break;
		vma = static_call(vr_install_special_mapping)(mm, at.start, at.end - at.start,
							      flags & ~STATE_FLAGS, spec);
		ret = PTR_ERR_OR_ZERO(vma);
		if (ret)
			break;
		group->vma[group->nr++] = vma;
	}
	mm->def_flags = def_flags;
	if (ret)
		vr_group_remove(mm, group);
	return ret;
}

/* Tells the kernel where the text is now, by calling the mapping's mremap hook. */
int vr_group_announce(const struct vr_group *group)
{
	struct vm_area_struct *text = vr_group_text(group);

	return text->vm_ops->mremap(text);
}
