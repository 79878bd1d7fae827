// SPDX-License-Identifier: MIT
/*
 * Decides what any bytes say as a vDSO: its build id, its entry points and how
 * much room each of them has. The bytes are hostile. Every read goes through
 * image_at(), nothing that is read serves as an index or a bound unchecked, and
 * every loop ends with the image.
 */
#include <errno.h>

#include "elf_reader.h"
#include "internal.h"

/*
 * Headers of either kind that are looked at. A vDSO has about five segments and
 * twenty sections; more would only serve to make the searches slow.
 */
#define MAX_HEADERS	64

static int parse_ident(struct elf *elf)
{
	unsigned char ident[EI_NIDENT];

	if (!read_bytes(elf, 0, ident, sizeof(ident)))
		return -ENOEXEC;
	if (ident[EI_MAG0] != ELFMAG0 || ident[EI_MAG1] != ELFMAG1 ||
	    ident[EI_MAG2] != ELFMAG2 || ident[EI_MAG3] != ELFMAG3 ||
	    ident[EI_VERSION] != EV_CURRENT)
		return -ENOEXEC;
	if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
		return -ENOEXEC;
	if (ident[EI_DATA] == ELFDATANONE || ident[EI_DATA] >= ELFDATANUM)
		return -ENOEXEC;
	if (ident[EI_DATA] != VDSO_ELF_DATA)
		return -EOPNOTSUPP;
	elf->is64 = ident[EI_CLASS] == ELFCLASS64;
	return 0;
}

static int parse_header(struct elf *elf)
{
	int ret = parse_ident(elf);

	if (ret)
		return ret;
	if (!read_ehdr(elf) || elf->ehdr.e_type != ET_DYN)
		return -ENOEXEC;
	elf->abi = vdso_abi_of(elf->ehdr.e_machine, elf->is64 ? 64 : 32);
	if (elf->abi == VDSO_ABI_UNKNOWN)
		return -EOPNOTSUPP;
	if (elf->ehdr.e_phentsize != struct_size(elf, sizeof(Elf64_Phdr), sizeof(Elf32_Phdr)))
		return -ENOEXEC;
	if (elf->ehdr.e_phnum > MAX_HEADERS ||
	    !image_at(elf, elf->ehdr.e_phoff,
		      (uint64_t)elf->ehdr.e_phnum * elf->ehdr.e_phentsize))
		return -ENOEXEC;
	return 0;
}

/* The nr-th program header of this type; false if there are not so many. */
static bool find_segment(const struct elf *elf, uint32_t type, unsigned int nr, Elf64_Phdr *phdr)
{
	unsigned int i;

	for (i = 0; i < elf->ehdr.e_phnum; i++) {
		if (!read_phdr(elf, elf->ehdr.e_phoff + i * elf->ehdr.e_phentsize, phdr))
			return false;
		if (phdr->p_type == type && !nr--)
			return true;
	}
	return false;
}

static int parse_segments(struct elf *elf)
{
	Elf64_Phdr load, second;

	if (!find_segment(elf, PT_LOAD, 0, &load) || find_segment(elf, PT_LOAD, 1, &second))
		return -ENOEXEC;
	if (!(load.p_flags & PF_X) || load.p_offset || !image_at(elf, 0, load.p_filesz))
		return -ENOEXEC;
	elf->base = load.p_vaddr;
	elf->code_end = load.p_filesz;
	elf->has_sections = elf->ehdr.e_shnum <= MAX_HEADERS &&
		elf->ehdr.e_shentsize == struct_size(elf, sizeof(Elf64_Shdr), sizeof(Elf32_Shdr)) &&
		image_at(elf, elf->ehdr.e_shoff,
			 (uint64_t)elf->ehdr.e_shnum * elf->ehdr.e_shentsize);
	return 0;
}

static bool nth_section(const struct elf *elf, unsigned int i, Elf64_Shdr *shdr)
{
	return elf->has_sections && i < elf->ehdr.e_shnum &&
	       read_shdr(elf, elf->ehdr.e_shoff + i * elf->ehdr.e_shentsize, shdr);
}

/*
 * The end of the executable section around off, 0 if no section says so (or one
 * that reaches beyond the segment, which is no better than none).
 */
static uint64_t section_end(const struct elf *elf, uint64_t off)
{
	Elf64_Shdr shdr;
	uint64_t start;
	unsigned int i;

	for (i = 0; nth_section(elf, i, &shdr); i++) {
		start = offset_of(elf, shdr.sh_addr);
		if (!(shdr.sh_flags & SHF_EXECINSTR) || start > off || off - start >= shdr.sh_size)
			continue;
		if (shdr.sh_size > elf->code_end - start)
			continue;
		return start + shdr.sh_size;
	}
	return 0;
}

/* DT_HASH says how many symbols there are. */
static int count_by_hash(const struct elf *elf, uint64_t off, uint64_t *nr)
{
	uint32_t nr_chains;

	if (!image_at(elf, off, 8) || !read_u32(elf, off + 4, &nr_chains))
		return -ENOEXEC;
	*nr = nr_chains;
	return 0;
}

/*
 * DT_GNU_HASH does not: the last symbol is the end of the chain that starts
 * last. A chain ends at a set lowest bit, or with the image.
 */
static int count_by_gnu_hash(const struct elf *elf, uint64_t off, uint64_t *nr)
{
	uint32_t header[4];	/* buckets, first hashed symbol, words of the filter, shift */
	uint64_t buckets, chains;
	uint32_t last = 0, val;
	uint32_t i;

	if (!read_bytes(elf, off, header, sizeof(header)))
		return -ENOEXEC;
	buckets = off + sizeof(header) + (uint64_t)header[2] * (elf->is64 ? 8 : 4);
	chains = buckets + (uint64_t)header[0] * 4;
	if (!image_at(elf, buckets, (uint64_t)header[0] * 4))
		return -ENOEXEC;
	for (i = 0; i < header[0]; i++) {
		if (!read_u32(elf, buckets + (uint64_t)i * 4, &val))
			return -ENOEXEC;
		if (val > last)
			last = val;
	}
	if (!last) {	/* nothing hashed */
		*nr = header[1];
		return 0;
	}
	if (last < header[1])
		return -ENOEXEC;
	do {
		if (!read_u32(elf, chains + (uint64_t)(last - header[1]) * 4, &val))
			return -ENOEXEC;
		last++;
	} while (!(val & 1));
	*nr = last;
	return 0;
}

static int count_by_sections(const struct elf *elf, uint64_t *nr)
{
	Elf64_Shdr shdr;
	unsigned int i;
	size_t size;

	for (i = 0; nth_section(elf, i, &shdr); i++) {
		if (shdr.sh_type != SHT_DYNSYM)
			continue;
		if (offset_of(elf, shdr.sh_addr) != elf->symtab ||
		    !image_at(elf, elf->symtab, shdr.sh_size))
			return -ENOEXEC;
		/* Some machines divide 64-bit numbers, and by variables, in libgcc only. */
		size = shdr.sh_size;
		*nr = elf->is64 ? size / sizeof(Elf64_Sym) : size / sizeof(Elf32_Sym);
		return 0;
	}
	return -ENOEXEC;
}

/* The tables that the dynamic section names; 0 is the ELF header, so: absent. */
struct dynamic {
	uint64_t symtab;
	uint64_t strtab;
	uint64_t strtab_size;
	uint64_t entry_size;
	uint64_t hash;
	uint64_t gnu_hash;
};

static int read_dynamic(const struct elf *elf, struct dynamic *dynamic)
{
	size_t entry = struct_size(elf, sizeof(Elf64_Dyn), sizeof(Elf32_Dyn));
	uint64_t off, end, tag, val;
	Elf64_Phdr phdr;

	if (!find_segment(elf, PT_DYNAMIC, 0, &phdr))
		return -ENOEXEC;
	off = offset_of(elf, phdr.p_vaddr);
	if (!image_at(elf, off, phdr.p_filesz))
		return -ENOEXEC;
	for (end = off + phdr.p_filesz; end - off >= entry; off += entry) {
		if (!read_dyn(elf, off, &tag, &val))
			return -ENOEXEC;
		switch (tag) {
		case DT_NULL:
			return 0;
		case DT_SYMTAB:
			dynamic->symtab = offset_of(elf, val);
			break;
		case DT_STRTAB:
			dynamic->strtab = offset_of(elf, val);
			break;
		case DT_STRSZ:
			dynamic->strtab_size = val;
			break;
		case DT_SYMENT:
			dynamic->entry_size = val;
			break;
		case DT_HASH:
			dynamic->hash = offset_of(elf, val);
			break;
		case DT_GNU_HASH:
			dynamic->gnu_hash = offset_of(elf, val);
			break;
		}
	}
	return 0;
}

static int parse_dynamic(struct elf *elf)
{
	size_t entry = struct_size(elf, sizeof(Elf64_Sym), sizeof(Elf32_Sym));
	struct dynamic dynamic = { .entry_size = entry };
	int ret;

	ret = read_dynamic(elf, &dynamic);
	if (ret)
		return ret;
	if (!dynamic.symtab || !dynamic.strtab || dynamic.entry_size != entry)
		return -ENOEXEC;
	elf->symtab = dynamic.symtab;
	elf->strtab = dynamic.strtab;
	elf->strtab_size = dynamic.strtab_size;

	if (dynamic.hash)
		ret = count_by_hash(elf, dynamic.hash, &elf->nr_symbols);
	else if (dynamic.gnu_hash)
		ret = count_by_gnu_hash(elf, dynamic.gnu_hash, &elf->nr_symbols);
	else
		ret = count_by_sections(elf, &elf->nr_symbols);
	if (ret)
		return ret;
	if (!image_at(elf, elf->strtab, elf->strtab_size) ||
	    !image_at(elf, elf->symtab, elf->nr_symbols * entry))
		return -ENOEXEC;
	return 0;
}

/*
 * A name that people and terminals can be shown: graphic ASCII, not empty,
 * terminated inside of the string table and of VDSO_REMAP_NAME_MAX.
 */
static const char *name_at(const struct elf *elf, uint64_t off)
{
	const char *name;
	uint64_t i, max;

	if (off >= elf->strtab_size)
		return NULL;
	max = elf->strtab_size - off;
	if (max > VDSO_REMAP_NAME_MAX)
		max = VDSO_REMAP_NAME_MAX;
	name = image_at(elf, elf->strtab + off, max);
	for (i = 0; name && i < max; i++) {
		if (!name[i])
			return i ? name : NULL;
		if (name[i] <= ' ' || name[i] > '~')
			return NULL;
	}
	return NULL;
}

static bool is_entry_point(const struct elf *elf, const Elf64_Sym *sym)
{
	unsigned char bind = ELF64_ST_BIND(sym->st_info);
	unsigned char type = ELF64_ST_TYPE(sym->st_info);

	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS)
		return false;
	if (bind != STB_GLOBAL && bind != STB_WEAK)
		return false;
	if (type == STT_NOTYPE)	/* hand-written code, or no code at all */
		return section_end(elf, offset_of(elf, sym->st_value)) != 0;
	return type == STT_FUNC;
}

static bool stands_before(const struct vdso_remap_entry_point *a,
			  const struct vdso_remap_entry_point *b)
{
	if (a->off != b->off)
		return a->off < b->off;
	return vdso_name_has_prefix(a->name, "__") && !vdso_name_has_prefix(b->name, "__");
}

static void insert_sorted(struct vdso_remap_image *image, struct vdso_remap_entry_point new)
{
	struct vdso_remap_entry_point *list = image->entry_points;
	uint32_t i = image->nr_entry_points++;

	for (; i > 0 && stands_before(&new, &list[i - 1]); i--)
		list[i] = list[i - 1];
	list[i] = new;
}

static int parse_symbols(const struct elf *elf, struct vdso_remap_image *image)
{
	size_t entry = struct_size(elf, sizeof(Elf64_Sym), sizeof(Elf32_Sym));
	struct vdso_remap_entry_point new;
	bool has_functions = false;
	Elf64_Sym sym;
	uint64_t i;

	for (i = 1; i < elf->nr_symbols; i++) {
		if (!read_sym(elf, elf->symtab + i * entry, &sym))
			return -ENOEXEC;
		if (!is_entry_point(elf, &sym))
			continue;
		has_functions = true;
		/*
		 * A kernel takes away the names of functions that would be wrong on its machine:
		 * these may be all of them.
		 */
		if (!sym.st_name)
			continue;
		new.name = name_at(elf, sym.st_name);
		if (!new.name || offset_of(elf, sym.st_value) >= elf->code_end ||
		    sym.st_size > elf->code_end)
			return -ENOEXEC;
		if (image->nr_entry_points == VDSO_REMAP_MAX_ENTRY_POINTS)
			return -EOVERFLOW;
		new.off = offset_of(elf, sym.st_value);
		new.size = sym.st_size;
		new.room = 0;
		insert_sorted(image, new);
	}
	return has_functions ? 0 : -ENOSYS;
}

/* From behind, so that the next other offset is known. */
static void measure_rooms(const struct elf *elf, struct vdso_remap_image *image)
{
	uint64_t next = elf->code_end;
	uint64_t start, end = 0;
	uint32_t i;

	for (i = image->nr_entry_points; i-- > 0;) {
		struct vdso_remap_entry_point *this = &image->entry_points[i];

		start = vdso_abi_code(elf->abi, this->off);
		if (start != next) {
			end = section_end(elf, start);
			if (!end || end > next)
				end = next;
			next = start;
		}
		this->room = end - start;
	}
}

static uint64_t padded(uint64_t len, uint64_t align)
{
	return (len + align - 1) & ~(align - 1);
}

static bool is_build_id(const struct elf *elf, uint64_t off, const Elf64_Nhdr *nhdr)
{
	char name[4];

	return nhdr->n_type == NT_GNU_BUILD_ID && nhdr->n_namesz == sizeof(name) &&
	       read_bytes(elf, off + sizeof(*nhdr), name, sizeof(name)) &&
	       !__builtin_memcmp(name, "GNU", sizeof(name));
}

/* A note is a header (the same in both classes), a name and contents, padded. */
static int parse_notes(const struct elf *elf, const Elf64_Phdr *phdr,
		       struct vdso_remap_image *image)
{
	uint64_t align = phdr->p_align == 8 ? 8 : 4;
	uint64_t off = offset_of(elf, phdr->p_vaddr);
	uint64_t left = phdr->p_filesz;
	uint64_t desc, size;
	Elf64_Nhdr nhdr;

	if (!image_at(elf, off, left))
		return -ENOEXEC;
	while (left >= sizeof(nhdr)) {
		if (!read_bytes(elf, off, &nhdr, sizeof(nhdr)))
			return -ENOEXEC;
		desc = padded(sizeof(nhdr) + (uint64_t)nhdr.n_namesz, align);
		size = desc + nhdr.n_descsz;
		if (size > left)
			return -ENOEXEC;
		if (is_build_id(elf, off, &nhdr)) {
			if (!nhdr.n_descsz || nhdr.n_descsz > sizeof(image->build_id))
				return -ENOEXEC;
			image->build_id_size = nhdr.n_descsz;
			return read_bytes(elf, off + desc, image->build_id, nhdr.n_descsz) ?
			       0 : -ENOEXEC;
		}
		size = padded(size, align);
		if (size > left)	/* the last one need not be padded */
			return 0;
		off += size;
		left -= size;
	}
	return 0;
}

static int parse_build_id(const struct elf *elf, struct vdso_remap_image *image)
{
	Elf64_Phdr phdr;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && !image->build_id_size && find_segment(elf, PT_NOTE, i, &phdr); i++)
		ret = parse_notes(elf, &phdr, image);
	return ret;
}

const struct vdso_abi_row *vrl_abi_row(enum vdso_abi abi)
{
	return vdso_abi_row(abi);
}

public_api int vdso_remap_parse(struct vdso_remap_image *image, const void *text, size_t size)
{
	int ret = vrl_check_size(&image->size, sizeof(*image));
	struct elf elf = { .data = text, .size = size };
	struct vrl_mark mark;

	if (ret)
		return ret;
	if (vrl_read_mark(&mark, text, size))
		return -EALREADY;
	if (size > VDSO_REMAP_MAX_IMAGE_SIZE)
		return -ENOEXEC;
	ret = parse_header(&elf);
	if (ret)
		return ret;
	ret = parse_segments(&elf);
	if (ret)
		return ret;
	ret = parse_dynamic(&elf);
	if (ret)
		return ret;

	*image = (struct vdso_remap_image){
		.size = image->size,
		.text = text,
		.text_size = size,
		.machine = elf.ehdr.e_machine,
		.bits = elf.is64 ? 64 : 32,
		.abi = elf.abi,
	};
	ret = parse_build_id(&elf, image);
	if (ret)
		return ret;
	ret = parse_symbols(&elf, image);
	if (ret)
		return ret;
	measure_rooms(&elf, image);
	return 0;
}
