// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the kernel's own copy of a runtime vDSO: its entry points and its
 * build id. These are the kernel's bytes, linked with it; bounds are checked
 * all the same, since a mistake here would be a wild jump in someone's process.
 */
#include "internal.h"

#include <linux/elf.h>
#include <linux/elfcore.h>

#include "kmod.h"

#ifndef NT_GNU_BUILD_ID
#define NT_GNU_BUILD_ID	3
#endif

static bool is_elf64(const struct vr_image *image)
{
	return ((const u8 *)image->data)[EI_CLASS] == ELFCLASS64;
}

/* A field of an ELF structure that both classes have. */
#define elf_get(image, type, ptr, field)				\
	(is_elf64(image) ? (u64)((const Elf64_##type *)(ptr))->field :	\
			   (u64)((const Elf32_##type *)(ptr))->field)

#define elf_sizeof(image, type)						\
	(is_elf64(image) ? sizeof(Elf64_##type) : sizeof(Elf32_##type))

bool vr_image_get(struct vr_image *image, const struct mm_struct *mm)
{
	image->data = arch_vr_image(mm, &image->size);
	return image->data && image->size >= sizeof(Elf64_Ehdr);
}

unsigned int vr_image_machine(const struct vr_image *image)
{
	return elf_get(image, Ehdr, image->data, e_machine);
}

bool vr_image_is_native(const struct vr_image *image)
{
	return vr_image_machine(image) == ELF_ARCH && is_elf64(image) == IS_ENABLED(CONFIG_64BIT);
}

/*
 * The next section of this type behind *shdr (NULL: the first), its contents
 * in *data and *size.
 */
static const void *next_section(const struct vr_image *image, const void *shdr, u32 type,
				const void **data, size_t *size)
{
	size_t shsize = elf_sizeof(image, Shdr);
	u64 off = elf_get(image, Ehdr, image->data, e_shoff);
	u64 end = off + elf_get(image, Ehdr, image->data, e_shnum) * shsize;

	if (shdr)
		off = shdr - image->data + shsize;
	for (; off + shsize <= min_t(u64, end, image->size); off += shsize) {
		u64 start, len;

		shdr = image->data + off;
		if (elf_get(image, Shdr, shdr, sh_type) != type)
			continue;
		start = elf_get(image, Shdr, shdr, sh_offset);
		len = elf_get(image, Shdr, shdr, sh_size);
		if (start > image->size || len > image->size - start)
			continue;
		*data = image->data + start;
		*size = len;
		return shdr;
	}
	return NULL;
}

bool vr_image_has_entry_point(const struct vr_image *image, u32 off)
{
	size_t symsize = elf_sizeof(image, Sym);
	const void *sym;
	size_t size;

	if (!next_section(image, NULL, SHT_DYNSYM, &sym, &size))
		return false;

	for (; size >= symsize; sym += symsize, size -= symsize) {
		u8 info = elf_get(image, Sym, sym, st_info);

		if (ELF64_ST_TYPE(info) == STT_FUNC && ELF64_ST_BIND(info) != STB_LOCAL &&
		    elf_get(image, Sym, sym, st_shndx) != SHN_UNDEF &&
		    elf_get(image, Sym, sym, st_value) == off && off < image->size)
			return true;
	}
	return false;
}

/* Copies the GNU build id, returns its size or 0 if there is none. */
unsigned int vr_image_build_id(const struct vr_image *image, u8 *id, unsigned int max)
{
	const void *shdr = NULL, *data;
	size_t size;

	while ((shdr = next_section(image, shdr, SHT_NOTE, &data, &size))) {
		while (size >= sizeof(struct elf_note)) {
			const struct elf_note *note = data;
			u64 name = ALIGN((u64)note->n_namesz, 4);
			u64 len = sizeof(*note) + name + ALIGN((u64)note->n_descsz, 4);

			if (len > size)
				break;
			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
			    !memcmp(note + 1, "GNU", 4) && note->n_descsz <= max) {
				memcpy(id, data + sizeof(*note) + name, note->n_descsz);
				return note->n_descsz;
			}
			data += len;
			size -= len;
		}
	}
	return 0;
}
