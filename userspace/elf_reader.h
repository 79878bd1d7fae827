/* SPDX-License-Identifier: MIT */
/*
 * Reads the structures of an ELF file whose bytes may be hostile. The structures of both ELF
 * classes are returned as the 64-bit ones. Every read goes through image_at().
 */
#ifndef _VDSO_REMAP_ELF_READER_H
#define _VDSO_REMAP_ELF_READER_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/abi.h"

/*
 * What the ELF header and the program headers say. A vDSO has one segment,
 * readable and executable, which starts at its first byte: the kernel's own
 * build refuses any other. So an address is an offset plus a constant.
 */
struct elf {
	const void *data;
	size_t size;
	bool is64;
	enum vdso_abi abi;
	Elf64_Ehdr ehdr;
	uint64_t base;		/* address of the first byte */
	uint64_t code_end;	/* offset where the segment's bytes end */
	bool has_sections;
	uint64_t symtab;	/* offsets and counts of tables */
	uint64_t nr_symbols;
	uint64_t strtab;
	uint64_t strtab_size;
};

/* All pointer arithmetic on the image is here. */
static inline const void *image_at(const struct elf *elf, uint64_t off, uint64_t len)
{
	if (off > elf->size || len > elf->size - off)
		return NULL;
	return (const unsigned char *)elf->data + off;
}

static inline bool read_bytes(const struct elf *elf, uint64_t off, void *to, size_t len)
{
	const void *from = image_at(elf, off, len);

	if (!from)
		return false;
	__builtin_memcpy(to, from, len);
	return true;
}

static inline bool read_u32(const struct elf *elf, uint64_t off, uint32_t *val)
{
	return read_bytes(elf, off, val, sizeof(*val));
}

/*
 * Readers of the ELF structures. The caller has made sure that off does not wrap.
 */
static inline bool read_ehdr(struct elf *elf)
{
	Elf32_Ehdr small;

	if (elf->is64)
		return read_bytes(elf, 0, &elf->ehdr, sizeof(elf->ehdr));
	if (!read_bytes(elf, 0, &small, sizeof(small)))
		return false;
	elf->ehdr = (Elf64_Ehdr){
		.e_type = small.e_type,
		.e_machine = small.e_machine,
		.e_phoff = small.e_phoff,
		.e_shoff = small.e_shoff,
		.e_phentsize = small.e_phentsize,
		.e_phnum = small.e_phnum,
		.e_shentsize = small.e_shentsize,
		.e_shnum = small.e_shnum,
	};
	return true;
}

static inline bool read_phdr(const struct elf *elf, uint64_t off, Elf64_Phdr *phdr)
{
	Elf32_Phdr small;

	if (elf->is64)
		return read_bytes(elf, off, phdr, sizeof(*phdr));
	if (!read_bytes(elf, off, &small, sizeof(small)))
		return false;
	*phdr = (Elf64_Phdr){
		.p_type = small.p_type,
		.p_flags = small.p_flags,
		.p_offset = small.p_offset,
		.p_vaddr = small.p_vaddr,
		.p_filesz = small.p_filesz,
		.p_align = small.p_align,
	};
	return true;
}

static inline bool read_shdr(const struct elf *elf, uint64_t off, Elf64_Shdr *shdr)
{
	Elf32_Shdr small;

	if (elf->is64)
		return read_bytes(elf, off, shdr, sizeof(*shdr));
	if (!read_bytes(elf, off, &small, sizeof(small)))
		return false;
	*shdr = (Elf64_Shdr){
		.sh_type = small.sh_type,
		.sh_flags = small.sh_flags,
		.sh_addr = small.sh_addr,
		.sh_size = small.sh_size,
	};
	return true;
}

static inline bool read_dyn(const struct elf *elf, uint64_t off, uint64_t *tag, uint64_t *val)
{
	Elf32_Dyn small;
	Elf64_Dyn dyn;

	if (elf->is64) {
		if (!read_bytes(elf, off, &dyn, sizeof(dyn)))
			return false;
		*tag = dyn.d_tag;
		*val = dyn.d_un.d_val;
		return true;
	}
	if (!read_bytes(elf, off, &small, sizeof(small)))
		return false;
	*tag = (uint32_t)small.d_tag;
	*val = small.d_un.d_val;
	return true;
}

static inline bool read_sym(const struct elf *elf, uint64_t off, Elf64_Sym *sym)
{
	Elf32_Sym small;

	if (elf->is64)
		return read_bytes(elf, off, sym, sizeof(*sym));
	if (!read_bytes(elf, off, &small, sizeof(small)))
		return false;
	*sym = (Elf64_Sym){
		.st_name = small.st_name,
		.st_info = small.st_info,
		.st_shndx = small.st_shndx,
		.st_value = small.st_value,
		.st_size = small.st_size,
	};
	return true;
}

static inline size_t struct_size(const struct elf *elf, size_t size64, size_t size32)
{
	return elf->is64 ? size64 : size32;
}

/* An address as an offset; one below the base wraps and fits no image. */
static inline uint64_t offset_of(const struct elf *elf, uint64_t addr)
{
	uint64_t off = addr - elf->base;

	return elf->is64 ? off : (uint32_t)off;
}

#endif /* _VDSO_REMAP_ELF_READER_H */
