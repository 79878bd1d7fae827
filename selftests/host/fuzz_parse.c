// SPDX-License-Identifier: MIT
/*
 * libFuzzer target: no bytes make parse or plan misbehave. With SEED_DIR in the
 * environment, adds this machine's vDSO and built images of each kind to it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "arch/test.h"
#include "elf_image.h"
#include "parse_invariants.h"

static void write_seed(const char *dir, const char *name, const void *bytes, size_t size)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f || fwrite(bytes, 1, size, f) != size || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static void write_built_seeds(const char *dir)
{
	static const struct sym syms[] = {
		FUNC("__vdso_time", 0x1040, 20), WEAK("time", 0x1040, 20),
		FUNC("__vdso_getrandom", 0x1100, 300), FUNC("__kernel_rt_sigreturn", 0x1300, 16),
		FUNC("__vdso_clock_gettime64", 0x1400, 300),
	};
	struct spec spec = { .build_id_size = 20, .syms = syms, .nr_syms = 5 };
	struct sym too_many[VDSO_REMAP_MAX_ENTRY_POINTS + 1];
	static unsigned char bytes[IMAGE_SIZE];
	unsigned int abi;
	char name[16];
	size_t i;

	for (abi = 1; abi < VDSO_NR_ABIS; abi++)
		for (spec.with = 0; spec.with < 8; spec.with++) {
			spec.bits = vdso_abi_row(abi)->bits;
			spec.machine = vdso_abi_row(abi)->machine;
			build_image(bytes, &spec);
			snprintf(name, sizeof(name), "built-%u-%u", abi, spec.with);
			write_seed(dir, name, bytes, sizeof(bytes));
		}

	for (i = 0; i <= VDSO_REMAP_MAX_ENTRY_POINTS; i++)
		too_many[i] = (struct sym)FUNC("f", 0x1000 + 16 * i, 16);
	spec = (struct spec){ .machine = T_MACHINE, .bits = T_BITS, .with = WITH_HASH,
			      .syms = too_many, .nr_syms = VDSO_REMAP_MAX_ENTRY_POINTS + 1 };
	build_image(bytes, &spec);
	write_seed(dir, "too-many", bytes, sizeof(bytes));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const void *own = (const void *)getauxval(AT_SYSINFO_EHDR);
	const char *dir = getenv("SEED_DIR");

	(void)argc;
	(void)argv;
	if (!dir)
		return 0;
	write_built_seeds(dir);
	if (own)
		write_seed(dir, "own-vdso", own, 0x2000);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t flags = VDSO_REMAP_ALLOW_UNKNOWN | VDSO_REMAP_FORCE_PROXY;
	struct vdso_remap_image image = VDSO_REMAP_INIT(image);
	struct vdso_remap_plan plan = VDSO_REMAP_INIT(plan);
	int ret;

	ret = vdso_remap_parse(&image, data, size);
	if (!is_documented(ret))
		abort();
	if (ret)
		return 0;
	if (*broken_invariant(&image))
		abort();
	ret = vdso_remap_make_plan(&plan, &image, &image, flags);
	if (ret && ret != -ENOSPC)
		abort();
	if (!ret && plan.nr_steps != image.nr_entry_points)
		abort();
	return 0;
}
