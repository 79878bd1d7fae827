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

/*
 * The words are 32 bits wide if we marked a 32-bit process; if CRIU did, they
 * are 64 bits, since it restores such a process by 64-bit code. An address that
 * is taken for a version does not start a page.
 */
static bool is_mark32(const struct vdso_remap_mark *raw, const struct vdso_remap_mark32 *raw32)
{
	return raw->signature == VDSO_REMAP_MARK_SIGNATURE &&
	       raw->version != VDSO_REMAP_MARK_VERSION &&
	       raw32->version == VDSO_REMAP_MARK_VERSION;
}

bool vr_read_mark(struct vr_mark *mark, const void *data, size_t size)
{
	struct vdso_remap_mark32 raw32;
	struct vdso_remap_mark raw;

	if (size < sizeof(raw))
		return false;
	__builtin_memcpy(&raw, data, sizeof(raw));
	__builtin_memcpy(&raw32, data, sizeof(raw32));
	if (is_mark32(&raw, &raw32)) {
		raw.image = raw32.image;
		raw.image_data = raw32.image_data == (uint32_t)VDSO_REMAP_MARK_NO_ADDR ?
			VDSO_REMAP_MARK_NO_ADDR : raw32.image_data;
	}

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
