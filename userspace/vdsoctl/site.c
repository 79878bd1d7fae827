// SPDX-License-Identifier: MIT
/* vdsoctl: which jump or stub the bytes at an entry point are. */
#include "vdsoctl.h"

#include <string.h>

#include "vdso_abi.h"
#include "vdso_encode.h"

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

/* mov, the target in as many bytes as the ABI's addresses have, jmp */
static bool decode_absolute(const uint8_t *bytes, size_t size, const char *mov, size_t mov_len,
			    size_t addr_len, const char *jmp, size_t jmp_len, uint64_t *target)
{
	if (size < mov_len + addr_len + jmp_len || memcmp(bytes, mov, mov_len) ||
	    memcmp(bytes + mov_len + addr_len, jmp, jmp_len))
		return false;
	*target = 0;
	memcpy(target, bytes + mov_len, addr_len);	/* little-endian */
	return true;
}

#define DECODE_ABSOLUTE(mov, addr_len, jmp) \
	decode_absolute(bytes, size, mov, sizeof(mov) - 1, addr_len, jmp, sizeof(jmp) - 1, \
			&site.target)

static struct site decode_jump(enum vdso_abi abi, const uint8_t *bytes, size_t size, uint64_t addr)
{
	struct site site = { .kind = SITE_UNTOUCHED };
	int32_t rel;

	if (size >= 5 && bytes[0] == 0xe9) {
		memcpy(&rel, bytes + 1, sizeof(rel));
		site.kind = SITE_NEAR_JUMP;
		site.target = addr + 5 + (int64_t)rel;
		if (vdso_abi_is_32bit(abi))
			site.target = (uint32_t)site.target;
	} else if (abi == VDSO_ABI_I386 && DECODE_ABSOLUTE("\xb8", 4, "\xff\xe0")) {
		site.kind = SITE_CRIU_JUMP;
	} else if (abi == VDSO_ABI_X86_64 && DECODE_ABSOLUTE("\x48\xb8", 8, "\xff\xe0")) {
		site.kind = SITE_CRIU_JUMP;
	} else if (abi == VDSO_ABI_X86_64 && DECODE_ABSOLUTE("\x49\xbb", 8, "\x41\xff\xe3")) {
		site.kind = SITE_FAR_JUMP;
	}
	return site;
}

/* A stub is what would be written there. */
static const char *find_stub(enum vdso_abi abi, const uint8_t *bytes, size_t size)
{
	uint8_t stub[VDSO_ENCODE_MAX];
	unsigned int len;
	size_t i;

	for (i = 0; i < sizeof(vdso_abi_stubs) / sizeof(vdso_abi_stubs[0]); i++) {
		len = vdso_encode_stub(abi, stub, bytes, size, vdso_abi_stubs[i].stub);
		if (len && !memcmp(bytes, stub, len))
			return vdso_abi_stubs[i].name;
	}
	return NULL;
}

struct site site_decode(const struct vdso_remap_image *image, uint64_t addr,
			const struct vdso_remap_entry_point *ep)
{
	enum vdso_abi abi = vdso_abi_of(image->machine, image->bits);
	const uint8_t *bytes = (const uint8_t *)image->text + ep->off;
	size_t size = image->text_size - ep->off;
	uint8_t landing_pad[VDSO_LANDING_PAD_SIZE];
	unsigned int pad = vdso_encode_landing_pad(abi, landing_pad, bytes, size);
	struct site site;

	site = decode_jump(abi, bytes + pad, size - pad, addr + ep->off + pad);
	/* Some kernels' own entry points are jumps inside the image. */
	if (site.target >= addr && site.target - addr < image->text_size)
		site.kind = SITE_UNTOUCHED;
	if (site.kind == SITE_UNTOUCHED)
		site.call = find_stub(abi, bytes, size);
	if (site.call)
		site.kind = SITE_STUB;
	return site;
}
