// SPDX-License-Identifier: GPL-2.0
/* GET_INFO: what a process has of the runtime vDSO, and what this module can do. */
#include "internal.h"

#include "arch/kmod.h"

int vr_get_info(struct vr_target *target, void *request)
{
	struct vdso_remap_info *info = request;
	struct mm_struct *mm = target->mm;
	struct vr_group group;
	struct vr_runtime runtime;
	unsigned int i;

	if (info->flags)
		return -EINVAL;
	*info = (struct vdso_remap_info) {
		.size = info->size,
		.pid = info->pid,
		.version = VDSO_REMAP_VERSION,
		.features = VDSO_REMAP_FEATURE_MARK |
			    (ARCH_VR_HAS_COMPAT ? VDSO_REMAP_FEATURE_COMPAT : 0) |
			    (READ_ONCE(vr_allow_unseal) ? VDSO_REMAP_FEATURE_UNSEAL : 0),
	};
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	/*
	 * Under the lock, so that machine, build id and areas are those of the same vDSO. The group
	 * comes first: the kernel's copy of a text may be known by it only.
	 */
	if (!vr_group_find(mm, &group))
		info->state = VDSO_REMAP_STATE_PRESENT;
	if (vr_runtime_get(&runtime, mm)) {
		info->machine = vr_runtime_machine(&runtime);
		info->build_id_size = vr_runtime_build_id(&runtime, info->build_id,
							  sizeof(info->build_id));
	}
	info->vdso = arch_vr_vdso(mm);
	for (i = 0; i < group.nr; i++) {
		const struct vm_area_struct *vma = group.vma[i];
		struct vdso_remap_area *area = &info->areas[i];

		area->start = vma->vm_start;
		area->size = vma->vm_end - vma->vm_start;
		area->kind = vr_group_is_text(vma) ? VDSO_REMAP_AREA_TEXT : VDSO_REMAP_AREA_DATA;
		area->flags = (vma->vm_flags & VM_SEALED ? VDSO_REMAP_AREA_SEALED : 0) |
			      (vma->anon_vma ? VDSO_REMAP_AREA_PRIVATE : 0);
		info->state |= area->flags;
	}
	info->nr_areas = group.nr;
	mmap_read_unlock(mm);
	return 0;
}
