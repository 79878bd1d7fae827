// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the kernel's own copy of a runtime vDSO: its entry points and its
 * build id. These bytes were linked with the kernel; bounds are checked all
 * the same, since a mistake here would be a wild jump in someone's process.
 */
#include "internal.h"

#include <linux/elf.h>

#include "arch/kmod.h"

#define GNU_BUILD_ID	3	/* note type; kernel headers have no name for it */

static bool is_elf64(const struct vr_runtime *runtime)
{
	return ((const u8 *)runtime->data)[EI_CLASS] == ELFCLASS64;
}

/* A field of an ELF structure that both classes have, and their sizes. */
#define elf_get(runtime, type, ptr, field)					\
	(is_elf64(runtime) ? (u64)((const Elf64_##type *)(ptr))->field :	\
			     (u64)((const Elf32_##type *)(ptr))->field)
#define elf_sizeof(runtime, type)						\
	(is_elf64(runtime) ? sizeof(Elf64_##type) : sizeof(Elf32_##type))

bool vr_runtime_get(struct vr_runtime *runtime, const struct mm_struct *mm)
{
	const struct vm_special_mapping *text = vr_group_text_spec(mm);

	runtime->data = text ? arch_vr_runtime(mm, text, &runtime->size) : NULL;
	return runtime->data && runtime->size >= sizeof(Elf64_Ehdr);
}

unsigned int vr_runtime_machine(const struct vr_runtime *runtime)
{
	return elf_get(runtime, Ehdr, runtime->data, e_machine);
}

unsigned int vr_runtime_bits(const struct vr_runtime *runtime)
{
	return is_elf64(runtime) ? 64 : 32;
}

/* The nr-th section of a type; its size, or 0 if there is none. */
static size_t section_of(const struct vr_runtime *runtime, u32 type, unsigned int nr,
			 const void **data)
{
	u64 off = elf_get(runtime, Ehdr, runtime->data, e_shoff);
	unsigned int left = elf_get(runtime, Ehdr, runtime->data, e_shnum);

	for (; left && off + elf_sizeof(runtime, Shdr) <= runtime->size; left--) {
		const void *shdr = runtime->data + off;
		u64 start = elf_get(runtime, Shdr, shdr, sh_offset);
		u64 size = elf_get(runtime, Shdr, shdr, sh_size);

		off += elf_sizeof(runtime, Shdr);
		if (elf_get(runtime, Shdr, shdr, sh_type) != type || nr--)
			continue;
		*data = runtime->data + start;
		return start <= runtime->size && size <= runtime->size - start ? size : 0;
	}
	return 0;
}

/* off is compared with st_value, including the state bits that some machines keep there. */
bool vr_runtime_has_entry_point(const struct vr_runtime *runtime, u32 off)
{
	size_t one = elf_sizeof(runtime, Sym);
	const void *sym;
	size_t left = section_of(runtime, SHT_DYNSYM, 0, &sym);

	for (; left >= one; sym += one, left -= one) {
		u8 info = elf_get(runtime, Sym, sym, st_info);

		if (ELF_ST_TYPE(info) == STT_FUNC && ELF_ST_BIND(info) != STB_LOCAL &&
		    elf_get(runtime, Sym, sym, st_shndx) != SHN_UNDEF &&
		    elf_get(runtime, Sym, sym, st_value) == off && off < runtime->size)
			return true;
	}
	return false;
}

/* Copies the GNU build id; its size, or 0 if there is none. */
unsigned int vr_runtime_build_id(const struct vr_runtime *runtime, u8 *id, unsigned int max)
{
	const struct elf32_note *note;
	unsigned int nr;
	size_t left;

	for (nr = 0; (left = section_of(runtime, SHT_NOTE, nr, (const void **)&note)); nr++) {
		while (left >= sizeof(*note)) {
			u64 name = ALIGN((u64)note->n_namesz, 4);
			u64 size = sizeof(*note) + name + ALIGN((u64)note->n_descsz, 4);

			if (size > left)
				break;
			if (note->n_type == GNU_BUILD_ID && note->n_namesz == 4 &&
			    !memcmp(note + 1, "GNU", 4) && note->n_descsz <= max) {
				memcpy(id, (void *)(note + 1) + name, note->n_descsz);
				return note->n_descsz;
			}
			note = (void *)note + size;
			left -= size;
		}
	}
	return 0;
}
