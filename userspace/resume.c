// SPDX-License-Identifier: MIT
/* Decides where a thread may go on that was checkpointed inside the vDSO. */
#include "internal.h"

public_api int vdso_remap_resume(const struct vdso_remap_image *image, uint64_t off)
{
	const struct vdso_remap_entry_point *entry;
	int at = VDSO_REMAP_RESUME_IN_COPY;
	uint64_t start;
	uint32_t i;

	if (off >= image->text_size)
		return VDSO_REMAP_RESUME_HERE;
	/* The last one before off; of aliases, any name may tell. */
	for (i = 0; i < image->nr_entry_points; i++) {
		entry = &image->entry_points[i];
		start = vdso_abi_code(image->abi, entry->off);
		if (start > off)
			break;
		if (!i || entry->off != entry[-1].off)
			at = VDSO_REMAP_RESUME_IN_COPY;
		if (start == off || vrl_is_trampoline(entry->name) ||
		    vrl_needs_no_data(entry->name))
			at = VDSO_REMAP_RESUME_HERE;
	}
	return at;
}
