// SPDX-License-Identifier: MIT
/* vdsoctl: which jump or stub the bytes at an entry point are. */
#include "vdsoctl.h"

#include <string.h>

#include "vdso_abi.h"
#include "vdso_encode.h"

const char *site_syscall_name(uint64_t nr)
{
	size_t i;

	for (i = 0; i < sizeof(vdso_abi_stubs) / sizeof(vdso_abi_stubs[0]); i++)
		if (vdso_encode_stub_call(VDSO_ABI_X86_64, vdso_abi_stubs[i].stub).nr == nr)
			return vdso_abi_stubs[i].name;
	return NULL;
}

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

static bool starts_with(const uint8_t *bytes, size_t size, const char *prefix, size_t len)
{
	return size >= len && !memcmp(bytes, prefix, len);
}

#define STARTS_WITH(prefix)	starts_with(bytes, size, prefix, sizeof(prefix) - 1)

/* movabs $target, %reg; jmp *%reg */
static bool decode_absolute(const uint8_t *bytes, size_t size, const char *mov, const char *jmp,
			    size_t jmp_len, uint64_t *target)
{
	if (!starts_with(bytes, size, mov, 2) || size < 10 ||
	    !starts_with(bytes + 10, size - 10, jmp, jmp_len))
		return false;
	memcpy(target, bytes + 2, sizeof(*target));
	return true;
}

static bool decode_stub(const uint8_t *bytes, size_t size, uint64_t *nr)
{
	uint32_t imm;

	/* getrandom's answers the parameter query first */
	if (STARTS_WITH("\x6a\xda\x58\x49\xff\xc0\x74\x07")) {
		bytes += 8;
		size -= 8;
	}
	if (size < 8 || bytes[0] != 0xb8 || memcmp(bytes + 5, "\x0f\x05\xc3", 3))
		return false;
	memcpy(&imm, bytes + 1, sizeof(imm));
	*nr = imm;
	return true;
}

struct site site_decode(const uint8_t *bytes, size_t size, uint64_t addr,
			const struct vdso_remap_range *image)
{
	struct site site = { SITE_UNTOUCHED, 0 };
	int32_t rel;

	if (STARTS_WITH("\xf3\x0f\x1e\xfa")) {	/* endbr64 */
		bytes += 4;
		size -= 4;
		addr += 4;
	}
	if (decode_absolute(bytes, size, "\x49\xbb", "\x41\xff\xe3", 3, &site.target)) {
		site.kind = SITE_FAR_JUMP;
	} else if (decode_absolute(bytes, size, "\x48\xb8", "\xff\xe0", 2, &site.target)) {
		site.kind = SITE_CRIU_JUMP;
	} else if (decode_stub(bytes, size, &site.target)) {
		site.kind = SITE_STUB;
	} else if (size >= 5 && bytes[0] == 0xe9) {
		memcpy(&rel, bytes + 1, sizeof(rel));
		site.target = addr + 5 + (int64_t)rel;
		/* Some kernels' own entry points are jumps inside the image. */
		if (site.target < image->start || site.target >= image->end)
			site.kind = SITE_NEAR_JUMP;
	}
	return site;
}
