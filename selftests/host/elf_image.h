/* SPDX-License-Identifier: MIT */
/*
 * Builds ELF images of a vDSO's shape, with any of its parts left out, so that
 * a test can say exactly what is different.
 */
#ifndef _SELFTESTS_HOST_ELF_IMAGE_H
#define _SELFTESTS_HOST_ELF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <vdso_remap.h>

#include "arch/abi.h"

/* vdso_remap_parse() of a structure that nobody has begun */
static inline int parse(struct vdso_remap_image *image, const void *text, size_t size)
{
	image->size = sizeof(*image);
	return vdso_remap_parse(image, text, size);
}

#define IMAGE_SIZE	0x2000

/* Offsets of the parts. */
#define OFF_PHDR		0x040
#define OFF_DYNAMIC	0x140
#define OFF_NOTE		0x200
#define OFF_HASH		0x240
#define OFF_GNU_HASH	0x400
#define OFF_DYNSYM	0x600
#define OFF_DYNSTR	0xd00
#define OFF_TEXT		0x1000
#define OFF_TEXT_END	0x1780
#define OFF_CODE_END	0x1800	/* what the segment holds */
#define OFF_SHDR		0x1800

#define WITH_HASH	1
#define WITH_GNU_HASH	2
#define WITH_SECTIONS	4

#define NR_PHDR		3
#define NR_SHDR		3

struct sym {
	const char *name;
	uint32_t off;
	uint32_t size;
	uint8_t info;
	uint16_t shndx;
};

#define FUNC(name, off, size) \
	{ name, off, size, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 2 }
#define WEAK(name, off, size) \
	{ name, off, size, ELF64_ST_INFO(STB_WEAK, STT_FUNC), 2 }

struct spec {
	int bits;
	uint16_t machine;
	unsigned int with;
	uint64_t base;			/* address of the first byte */
	unsigned int build_id_size;	/* 0: no note */
	const struct sym *syms;
	unsigned int nr_syms;
};

static inline void put_ehdr(unsigned char *to, const struct spec *spec)
{
	unsigned int nr_sections = spec->with & WITH_SECTIONS ? NR_SHDR : 0;
	Elf64_Ehdr big = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, VDSO_ELF_DATA, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = spec->machine, .e_version = EV_CURRENT,
		.e_phoff = OFF_PHDR, .e_shoff = OFF_SHDR, .e_ehsize = sizeof(big),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = NR_PHDR,
		.e_shentsize = sizeof(Elf64_Shdr), .e_shnum = nr_sections,
	};
	Elf32_Ehdr small = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, VDSO_ELF_DATA, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = spec->machine, .e_version = EV_CURRENT,
		.e_phoff = OFF_PHDR, .e_shoff = OFF_SHDR, .e_ehsize = sizeof(small),
		.e_phentsize = sizeof(Elf32_Phdr), .e_phnum = NR_PHDR,
		.e_shentsize = sizeof(Elf32_Shdr), .e_shnum = nr_sections,
	};

	if (spec->bits == 64)
		memcpy(to, &big, sizeof(big));
	else
		memcpy(to, &small, sizeof(small));
}

static inline void put_phdr(unsigned char *image, const struct spec *spec, unsigned int i,
			    uint32_t type, uint32_t off, uint32_t size)
{
	Elf64_Phdr big = {
		.p_type = type, .p_flags = PF_R | (type == PT_LOAD ? PF_X : 0), .p_offset = off,
		.p_vaddr = spec->base + off, .p_filesz = size, .p_memsz = size, .p_align = 4,
	};
	Elf32_Phdr small = {
		.p_type = type, .p_flags = PF_R | (type == PT_LOAD ? PF_X : 0), .p_offset = off,
		.p_vaddr = spec->base + off, .p_filesz = size, .p_memsz = size, .p_align = 4,
	};

	if (spec->bits == 64)
		memcpy(image + OFF_PHDR + i * sizeof(big), &big, sizeof(big));
	else
		memcpy(image + OFF_PHDR + i * sizeof(small), &small, sizeof(small));
}

static inline void put_shdr(unsigned char *image, const struct spec *spec, unsigned int i,
			    uint32_t type, uint64_t flags, uint32_t off, uint32_t size)
{
	Elf64_Shdr big = {
		.sh_type = type, .sh_flags = flags, .sh_addr = spec->base + off,
		.sh_offset = off, .sh_size = size,
	};
	Elf32_Shdr small = {
		.sh_type = type, .sh_flags = flags, .sh_addr = spec->base + off,
		.sh_offset = off, .sh_size = size,
	};

	if (spec->bits == 64)
		memcpy(image + OFF_SHDR + i * sizeof(big), &big, sizeof(big));
	else
		memcpy(image + OFF_SHDR + i * sizeof(small), &small, sizeof(small));
}

static inline void put_dyn(unsigned char *image, const struct spec *spec, unsigned int i,
			   int64_t tag, uint64_t val)
{
	Elf64_Dyn big = { .d_tag = tag, .d_un.d_val = val };
	Elf32_Dyn small = { .d_tag = tag, .d_un.d_val = val };

	if (spec->bits == 64)
		memcpy(image + OFF_DYNAMIC + i * sizeof(big), &big, sizeof(big));
	else
		memcpy(image + OFF_DYNAMIC + i * sizeof(small), &small, sizeof(small));
}

static inline size_t sym_size(const struct spec *spec)
{
	return spec->bits == 64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

static inline void put_sym(unsigned char *image, const struct spec *spec, unsigned int i,
			   uint32_t name, const struct sym *sym)
{
	Elf64_Sym big = {
		.st_name = name, .st_info = sym->info, .st_shndx = sym->shndx,
		.st_value = spec->base + sym->off, .st_size = sym->size,
	};
	Elf32_Sym small = {
		.st_name = name, .st_info = sym->info, .st_shndx = sym->shndx,
		.st_value = spec->base + sym->off, .st_size = sym->size,
	};

	if (spec->bits == 64)
		memcpy(image + OFF_DYNSYM + i * sizeof(big), &big, sizeof(big));
	else
		memcpy(image + OFF_DYNSYM + i * sizeof(small), &small, sizeof(small));
}

static inline void put_u32(unsigned char *image, uint32_t off, uint32_t val)
{
	memcpy(image + off, &val, sizeof(val));
}

/* One bucket with one chain of all symbols is a valid table of either kind. */
static inline void put_hashes(unsigned char *image, const struct spec *spec)
{
	unsigned int chain = OFF_GNU_HASH + 16 + spec->bits / 8 + 4;
	unsigned int i;

	put_u32(image, OFF_HASH, 1);
	put_u32(image, OFF_HASH + 4, spec->nr_syms + 1);
	put_u32(image, OFF_HASH + 8, spec->nr_syms);
	for (i = 1; i <= spec->nr_syms; i++)
		put_u32(image, OFF_HASH + 12 + 4 * i, i - 1);

	put_u32(image, OFF_GNU_HASH, 1);
	put_u32(image, OFF_GNU_HASH + 4, 1);
	put_u32(image, OFF_GNU_HASH + 8, 1);
	put_u32(image, OFF_GNU_HASH + 16 + spec->bits / 8, 1);
	for (i = 1; i <= spec->nr_syms; i++)
		put_u32(image, chain + 4 * (i - 1), i == spec->nr_syms);
}

static inline void put_note(unsigned char *image, unsigned int build_id_size)
{
	unsigned int i;

	put_u32(image, OFF_NOTE, 4);
	put_u32(image, OFF_NOTE + 4, build_id_size);
	put_u32(image, OFF_NOTE + 8, NT_GNU_BUILD_ID);
	memcpy(image + OFF_NOTE + 12, "GNU", 4);
	for (i = 0; i < build_id_size; i++)
		image[OFF_NOTE + 16 + i] = 0xa0 + i;
}

static inline void build_image(unsigned char *image, const struct spec *spec)
{
	unsigned int i, n = 0, name = 1;

	memset(image, 0, IMAGE_SIZE);
	put_ehdr(image, spec);
	put_phdr(image, spec, 0, PT_LOAD, 0, OFF_CODE_END);
	for (i = 0; i < spec->nr_syms; i++) {
		put_sym(image, spec, i + 1, spec->syms[i].name ? name : 0, &spec->syms[i]);
		if (!spec->syms[i].name)
			continue;
		strcpy((char *)image + OFF_DYNSTR + name, spec->syms[i].name);
		name += strlen(spec->syms[i].name) + 1;
	}
	put_dyn(image, spec, n++, DT_STRTAB, spec->base + OFF_DYNSTR);
	put_dyn(image, spec, n++, DT_STRSZ, name);
	put_dyn(image, spec, n++, DT_SYMTAB, spec->base + OFF_DYNSYM);
	put_dyn(image, spec, n++, DT_SYMENT, sym_size(spec));
	if (spec->with & WITH_HASH)
		put_dyn(image, spec, n++, DT_HASH, spec->base + OFF_HASH);
	if (spec->with & WITH_GNU_HASH)
		put_dyn(image, spec, n++, DT_GNU_HASH, spec->base + OFF_GNU_HASH);
	put_hashes(image, spec);
	put_phdr(image, spec, 1, PT_DYNAMIC, OFF_DYNAMIC, OFF_NOTE - OFF_DYNAMIC);
	if (spec->build_id_size) {
		put_note(image, spec->build_id_size);
		put_phdr(image, spec, 2, PT_NOTE, OFF_NOTE, 16 + spec->build_id_size);
	}
	put_shdr(image, spec, 1, SHT_DYNSYM, SHF_ALLOC, OFF_DYNSYM,
		 (spec->nr_syms + 1) * sym_size(spec));
	put_shdr(image, spec, 2, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, OFF_TEXT,
		 OFF_TEXT_END - OFF_TEXT);
}

#endif /* _SELFTESTS_HOST_ELF_IMAGE_H */
