// SPDX-License-Identifier: MIT
/*
 * Decides whether the bytes at the start of a vDSO are the mark of a proxied
 * process. Only the module writes marks; stock CRIU has written three layouts.
 */
#include "internal.h"

/* "criuvdso": signature and image only. */
#define SIGNATURE_V1	0x6f73647675697263ULL
/* "criuvDSO": as version 3, without runtime_data. */
#define SIGNATURE_V2	0x4f53447675697263ULL

bool vrl_read_mark(struct vrl_mark *mark, const void *data, size_t size)
{
	struct vdso_remap_mark raw;

	if (size < sizeof(raw))
		return false;
	__builtin_memcpy(&raw, data, sizeof(raw));

	switch (raw.signature) {
	case SIGNATURE_V1:
		mark->version = 1;
		break;
	case SIGNATURE_V2:
		mark->version = 2;
		break;
	case VDSO_REMAP_MARK_SIGNATURE:
		mark->version = 3;
		break;
	default:
		return false;
	}
	mark->image = raw.image;
	mark->image_data = mark->version == 1 ? VDSO_REMAP_MARK_NO_ADDR : raw.image_data;
	return true;
}
