// SPDX-License-Identifier: MIT
/* vdsoctl: which jump or stub the bytes at an entry point are. */
#include "vdsoctl.h"

#include <string.h>

#include "arch/encode.h"
#include "arch/symbols.h"

const char *site_kind_name(enum site_kind kind)
{
	switch (kind) {
	case SITE_NEAR_JUMP:
		return "near jump";
	case SITE_FAR_JUMP:
		return "far jump";
	case SITE_CRIU_JUMP:
		return "CRIU's jump";
	case SITE_STUB:
		return "stub";
	case SITE_UNTOUCHED:
		break;
	}
	return "untouched";
}

/* A stub is what would be written there. */
static const char *find_stub(enum vdso_abi abi, const uint8_t *bytes, size_t size, uint64_t addr)
{
	uint8_t stub[VDSO_ENCODE_MAX];
	unsigned int len;
	size_t i;

	for (i = 0; i < sizeof(vdso_stub_names) / sizeof(vdso_stub_names[0]); i++) {
		len = vdso_encode_stub(abi, stub, bytes, size, addr, vdso_stub_names[i].stub);
		if (len && !memcmp(bytes, stub, len))
			return vdso_stub_names[i].name;
	}
	return NULL;
}

struct site site_decode(const struct vdso_remap_image *image, uint64_t addr,
			const struct vdso_remap_entry_point *ep)
{
	static const enum site_kind kinds[] = {
		[VDSO_JUMP_NONE] = SITE_UNTOUCHED,
		[VDSO_JUMP_NEAR] = SITE_NEAR_JUMP,
		[VDSO_JUMP_FAR] = SITE_FAR_JUMP,
		[VDSO_JUMP_CRIU] = SITE_CRIU_JUMP,
	};
	uint32_t off = vdso_abi_code(image->abi, ep->off);
	const uint8_t *bytes = (const uint8_t *)image->text + off;
	size_t size = image->text_size - off;
	struct vdso_jump jump = vdso_decode_jump(image->abi, bytes, size, addr + ep->off);
	struct site site = { .kind = kinds[jump.kind], .target = jump.target };

	/* Some kernels' own entry points are jumps inside the image. */
	if (site.target >= addr && site.target - addr < image->text_size)
		site.kind = SITE_UNTOUCHED;
	if (site.kind == SITE_UNTOUCHED)
		site.call = find_stub(image->abi, bytes, size, addr + ep->off);
	if (site.call)
		site.kind = SITE_STUB;
	return site;
}
