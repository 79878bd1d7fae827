// SPDX-License-Identifier: MIT
/*
 * Claims about vdso_remap_parse(): what it finds in good images, what it
 * answers to bad ones, and that no bytes at all make it read beyond their end.
 * (Each image lies in a heap block of exactly its size; ASan watches the ends.)
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <kselftest_harness.h>
#include <vdso_remap.h>

#include "arch/test.h"
#include "parse_good.h"

static const struct spec good = {
	.bits = T_BITS, .machine = T_MACHINE, .with = WITH_GNU_HASH | WITH_HASH | WITH_SECTIONS,
	.build_id_size = 20, .syms = four_syms, .nr_syms = 4,
};

FIXTURE_VARIANT_ADD(good, gnu_hash) {
	.bits = T_BITS, .machine = T_MACHINE, .with = WITH_GNU_HASH | WITH_SECTIONS,
};

FIXTURE_VARIANT_ADD(good, hash) {
	.bits = T_BITS, .machine = T_MACHINE, .with = WITH_HASH | WITH_SECTIONS,
};

FIXTURE_VARIANT_ADD(good, no_hash) {
	.bits = T_BITS, .machine = T_MACHINE, .with = WITH_SECTIONS,
};

FIXTURE_VARIANT_ADD(good, prelinked) {
	.bits = T_BITS, .machine = T_MACHINE, .with = WITH_GNU_HASH | WITH_SECTIONS,
	.base = -0x900000UL,
};

/* Bytes from outside the program, so that ASan knows nothing of their end. */
static void *own_vdso(size_t *size)
{
	const ElfW(Ehdr) *ehdr = (const void *)getauxval(AT_SYSINFO_EHDR);
	const size_t page = sysconf(_SC_PAGESIZE);
	void *copy;

	*size = (ehdr->e_shoff + ehdr->e_shnum * ehdr->e_shentsize + page - 1) & -page;
	copy = malloc(*size);
	memcpy(copy, ehdr, *size);
	return copy;
}

/* libc's own idea of its vDSO is the witness. */
TEST(finds_what_libc_finds_in_this_vdso)
{
	uintptr_t text = getauxval(AT_SYSINFO_EHDR);
	struct vdso_remap_image image;
	size_t size;
	void *copy, *lib;
	uint32_t i;

	if (!text)
		SKIP(return, "this process has no vDSO");
	lib = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	if (!lib)
		SKIP(return, "libc does not show its vDSO");
	copy = own_vdso(&size);
	ASSERT_EQ(0, parse(&image, copy, size));
	EXPECT_EQ(T_MACHINE, image.machine);
	EXPECT_EQ(T_BITS, image.bits);
	EXPECT_NE(0, image.build_id_size);
	EXPECT_STREQ("", broken_invariant(&image));
	for (i = 0; i < image.nr_entry_points; i++)
		EXPECT_EQ(text + image.entry_points[i].off,
			  (uintptr_t)dlsym(lib, image.entry_points[i].name)) {
			TH_LOG("%s", image.entry_points[i].name);
		}
	free(copy);
}

TEST(survives_this_vdso_damaged)
{
	unsigned char *bytes;
	size_t size, len, at;

	if (!getauxval(AT_SYSINFO_EHDR))
		SKIP(return, "this process has no vDSO");
	bytes = own_vdso(&size);
	for (len = 0; len <= size; len++)
		ASSERT_STREQ("", judge_bytes(bytes, len));
	for (at = 0; at < 0x800 * 8; at++) {
		bytes[at / 8] ^= 1 << at % 8;
		ASSERT_STREQ("", judge_bytes(bytes, size));
		bytes[at / 8] ^= 1 << at % 8;
	}
	free(bytes);
}

/* One thing is changed in a good image, or nothing. */
FIXTURE(one)
{
	unsigned char *bytes;
	struct spec spec;
	struct vdso_remap_image image;
};

FIXTURE_SETUP(one)
{
	self->bytes = malloc(IMAGE_SIZE);
	self->spec = good;
	build_image(self->bytes, &good);
}

FIXTURE_TEARDOWN(one)
{
	free(self->bytes);
}

#define PARSE() parse(&self->image, self->bytes, IMAGE_SIZE)

TEST_F(one, is_good_before)
{
	EXPECT_EQ(0, PARSE());
}

TEST_F(one, refuses_bad_headers)
{
	static const struct {
		unsigned int at;
		unsigned char val;
		int ret;
	} cases[] = {
		{ EI_MAG0, 0, -ENOEXEC },
		{ EI_MAG3, 0, -ENOEXEC },
		{ EI_CLASS, 0, -ENOEXEC },
		{ EI_CLASS, 3, -ENOEXEC },
		{ EI_DATA, 0, -ENOEXEC },
		{ EI_DATA, 3 - VDSO_ELF_DATA, -EOPNOTSUPP },	/* the other byte order */
		{ EI_VERSION, 0, -ENOEXEC },
		{ offsetof(ElfW(Ehdr), e_type), ET_EXEC, -ENOEXEC },
		{ offsetof(ElfW(Ehdr), e_machine), 0xff, -EOPNOTSUPP },	/* no machine */
		{ offsetof(ElfW(Ehdr), e_phentsize), 1, -ENOEXEC },
		{ offsetof(ElfW(Ehdr), e_phnum), 0, -ENOEXEC },
		{ offsetof(ElfW(Ehdr), e_phnum), 65, -ENOEXEC },
		{ offsetof(ElfW(Ehdr), e_phoff) + 2, 1, -ENOEXEC },
		{ OFF_PHDR + offsetof(ElfW(Phdr), p_type), PT_NULL, -ENOEXEC },
		{ OFF_PHDR + offsetof(ElfW(Phdr), p_flags), PF_R, -ENOEXEC },
		{ OFF_PHDR + offsetof(ElfW(Phdr), p_offset) + 1, 1, -ENOEXEC },
		{ OFF_PHDR + offsetof(ElfW(Phdr), p_filesz) + 2, 1, -ENOEXEC },
		{ OFF_PHDR + 2 * sizeof(ElfW(Phdr)), PT_LOAD, -ENOEXEC },	/* a second one */
		{ OFF_PHDR + sizeof(ElfW(Phdr)), PT_NULL, -ENOEXEC },	/* no dynamic section */
		{ OFF_PHDR + sizeof(ElfW(Phdr)) + offsetof(ElfW(Phdr), p_vaddr) + 2, 1, -ENOEXEC },
	};
	unsigned char old;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		old = self->bytes[cases[i].at];
		self->bytes[cases[i].at] = cases[i].val;
		EXPECT_EQ(cases[i].ret, PARSE()) {
			TH_LOG("case %zu, at %u", i, cases[i].at);
		}
		self->bytes[cases[i].at] = old;
	}
}

TEST_F(one, refuses_bad_dynamic_sections)
{
	static const struct {
		unsigned int nr;
		int64_t tag;
		uint64_t val;
	} cases[] = {
		{ 0, DT_NULL, 0 },				/* nothing at all */
		{ 0, DT_DEBUG, 0 },				/* no string table */
		{ 0, DT_STRTAB, IMAGE_SIZE },
		{ 1, DT_STRSZ, IMAGE_SIZE },
		{ 1, DT_STRSZ, ~0ULL },
		{ 1, DT_STRSZ, 8 },				/* cuts names off */
		{ 2, DT_DEBUG, 0 },				/* no symbol table */
		{ 2, DT_SYMTAB, IMAGE_SIZE - 8 },
		{ 2, DT_SYMTAB, -8ULL },
		{ 3, DT_SYMENT, 8 },
		{ 4, DT_HASH, IMAGE_SIZE - 4 },
		{ 4, DT_HASH, -8ULL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		build_image(self->bytes, &self->spec);
		put_dyn(self->bytes, &self->spec, cases[i].nr, cases[i].tag, cases[i].val);
		EXPECT_EQ(-ENOEXEC, PARSE()) {
			TH_LOG("case %zu", i);
		}
	}
}

TEST_F(one, refuses_more_symbols_than_fit)
{
	put_u32(self->bytes, OFF_HASH + 4, 0x10000000);
	EXPECT_EQ(-ENOEXEC, PARSE());
}

TEST_F(one, refuses_endless_gnu_chain)
{
	self->spec.with = WITH_GNU_HASH;
	build_image(self->bytes, &self->spec);
	memset(self->bytes + OFF_GNU_HASH + 16 + T_BITS / 8 + 4, 0, IMAGE_SIZE - OFF_GNU_HASH - 28);
	EXPECT_EQ(-ENOEXEC, PARSE());
}

TEST_F(one, refuses_gnu_buckets_outside)
{
	self->spec.with = WITH_GNU_HASH;
	build_image(self->bytes, &self->spec);
	put_u32(self->bytes, OFF_GNU_HASH, 0xffffffff);
	EXPECT_EQ(-ENOEXEC, PARSE());
}

TEST_F(one, refuses_gnu_bucket_below_first_symbol)
{
	self->spec.with = WITH_GNU_HASH;
	build_image(self->bytes, &self->spec);
	put_u32(self->bytes, OFF_GNU_HASH + 4, 2);
	EXPECT_EQ(-ENOEXEC, PARSE());
}

TEST_F(one, needs_hash_or_sections)
{
	self->spec.with = 0;
	build_image(self->bytes, &self->spec);
	EXPECT_EQ(-ENOEXEC, PARSE());
}

TEST_F(one, refuses_image_larger_than_any_vdso)
{
	unsigned char *big = calloc(2, VDSO_REMAP_MAX_IMAGE_SIZE);

	memcpy(big, self->bytes, IMAGE_SIZE);
	EXPECT_EQ(0, parse(&self->image, big, VDSO_REMAP_MAX_IMAGE_SIZE));
	EXPECT_EQ(-ENOEXEC, parse(&self->image, big, VDSO_REMAP_MAX_IMAGE_SIZE + 1));
	free(big);
}

TEST_F(one, says_already_for_a_mark)
{
	struct vdso_remap_mark mark = { .signature = VDSO_REMAP_MARK_SIGNATURE };

	memcpy(self->bytes, &mark, sizeof(mark));
	EXPECT_EQ(-EALREADY, PARSE());
}

TEST_F(one, takes_segment_end_without_sections)
{
	self->spec.with = WITH_GNU_HASH;
	build_image(self->bytes, &self->spec);
	ASSERT_EQ(0, PARSE());
	EXPECT_EQ(OFF_CODE_END - 0x1100, self->image.entry_points[3].room);
}

TEST_F(one, ignores_section_that_leaves_the_segment)
{
	put_shdr(self->bytes, &self->spec, 2, SHT_PROGBITS, SHF_EXECINSTR, OFF_TEXT, 0x801);
	ASSERT_EQ(0, PARSE());
	EXPECT_EQ(OFF_CODE_END - 0x1100, self->image.entry_points[3].room);
}

TEST_F(one, has_no_build_id_without_a_note)
{
	self->spec.build_id_size = 0;
	build_image(self->bytes, &self->spec);
	ASSERT_EQ(0, PARSE());
	EXPECT_EQ(0, self->image.build_id_size);
}

TEST_F(one, bounds_the_build_id)
{
	self->spec.build_id_size = 32;
	build_image(self->bytes, &self->spec);
	ASSERT_EQ(0, PARSE());
	EXPECT_EQ(32, self->image.build_id_size);
	EXPECT_EQ(0xbf, self->image.build_id[31]);

	self->spec.build_id_size = 33;
	build_image(self->bytes, &self->spec);
	EXPECT_EQ(-ENOEXEC, PARSE());
}

TEST_F(one, refuses_notes_that_leave_their_segment)
{
	put_u32(self->bytes, OFF_NOTE, 0xffffffff);
	EXPECT_EQ(-ENOEXEC, PARSE());
	build_image(self->bytes, &self->spec);
	put_u32(self->bytes, OFF_NOTE + 4, 0xffffffff);
	EXPECT_EQ(-ENOEXEC, PARSE());
}

TEST_F(one, finds_the_build_id_behind_another_note)
{
	memmove(self->bytes + OFF_NOTE + 24, self->bytes + OFF_NOTE, 36);
	put_u32(self->bytes, OFF_NOTE, 6);		/* "Linux", padded to 8 */
	put_u32(self->bytes, OFF_NOTE + 4, 4);
	put_u32(self->bytes, OFF_NOTE + 8, 0);
	put_phdr(self->bytes, &self->spec, 2, PT_NOTE, OFF_NOTE, 24 + 36);
	ASSERT_EQ(0, PARSE());
	EXPECT_EQ(20, self->image.build_id_size);
	EXPECT_EQ(0xa0, self->image.build_id[0]);
}

/* Symbols: each case is one symbol beside a good one. */
TEST_F(one, chooses_entry_points)
{
	static const struct {
		struct sym sym;
		int ret;
		unsigned int nr;
	} cases[] = {
		{ FUNC("f", 0x1200, 1), 0, 2 },
		{ WEAK("f", 0x1200, 1), 0, 2 },
		{ FUNC("f", OFF_CODE_END - 1, 1), 0, 2 },
		{ FUNC("f", OFF_CODE_END, 1), -ENOEXEC, 0 },
		{ FUNC("f", 0x1200, 0x10000000), -ENOEXEC, 0 },
		{ FUNC("", 0x1200, 1), -ENOEXEC, 0 },
		{ FUNC(NULL, 0x1200, 1), 0, 1 },	/* not even an offset of a name */
		{ FUNC("\033[2J", 0x1200, 1), -ENOEXEC, 0 },
		{ { "f", 0x1200, 1, ELF64_ST_INFO(STB_LOCAL, STT_FUNC), 2 }, 0, 1 },
		{ { "f", 0x1200, 1, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), 2 }, 0, 1 },
		{ { "f", 0x1200, 1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), SHN_UNDEF }, 0, 1 },
		{ { "f", 0, 0, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), SHN_ABS }, 0, 1 },
		{ { "f", 0x1200, 0, ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), 2 }, 0, 2 },
		{ { "f", 0x900, 0, ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), 2 }, 0, 1 },
	};
	struct sym syms[2] = { FUNC("good", 0x1100, 16) };
	size_t i;

	self->spec.syms = syms;
	self->spec.nr_syms = 2;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		syms[1] = cases[i].sym;
		build_image(self->bytes, &self->spec);
		EXPECT_EQ(cases[i].ret, PARSE()) {
			TH_LOG("case %zu", i);
		}
		if (!cases[i].ret)
			EXPECT_EQ(cases[i].nr, self->image.nr_entry_points) {
				TH_LOG("case %zu", i);
			}
	}
}

/* As a kernel leaves them that has taken a function's name away. */
TEST_F(one, skips_a_symbol_without_a_name)
{
	const unsigned int nr = self->spec.nr_syms;

	put_u32(self->bytes, OFF_DYNSYM + nr * sizeof(ElfW(Sym)), 0);
	ASSERT_EQ(0, PARSE());
	EXPECT_EQ(nr - 1, self->image.nr_entry_points);
}

TEST_F(one, may_have_only_symbols_without_names)
{
	for (unsigned int i = 1; i <= self->spec.nr_syms; i++)
		put_u32(self->bytes, OFF_DYNSYM + i * sizeof(ElfW(Sym)), 0);
	ASSERT_EQ(0, PARSE());
	EXPECT_EQ(0, self->image.nr_entry_points);
	EXPECT_STREQ("", broken_invariant(&self->image));
}

TEST_F(one, bounds_names)
{
	char name[VDSO_REMAP_NAME_MAX + 1];
	struct sym sym = FUNC(name, 0x1100, 16);

	self->spec.syms = &sym;
	self->spec.nr_syms = 1;
	memset(name, 'n', sizeof(name));
	name[VDSO_REMAP_NAME_MAX - 1] = 0;
	build_image(self->bytes, &self->spec);
	EXPECT_EQ(0, PARSE());

	name[VDSO_REMAP_NAME_MAX - 1] = 'n';
	name[VDSO_REMAP_NAME_MAX] = 0;
	build_image(self->bytes, &self->spec);
	EXPECT_EQ(-ENOEXEC, PARSE());
}

TEST_F(one, refuses_a_name_behind_the_string_table)
{
	self->spec.nr_syms = 1;
	build_image(self->bytes, &self->spec);
	strcpy((char *)self->bytes + OFF_DYNSTR + 0x100, "stray");
	put_u32(self->bytes, OFF_DYNSYM + sizeof(ElfW(Sym)), 0x100);
	EXPECT_EQ(-ENOEXEC, PARSE());
}

TEST_F(one, says_when_there_are_none)
{
	self->spec.nr_syms = 0;
	build_image(self->bytes, &self->spec);
	EXPECT_EQ(-ENOSYS, PARSE());
}

TEST_F(one, says_when_there_are_too_many)
{
	struct sym syms[VDSO_REMAP_MAX_ENTRY_POINTS + 1];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(syms); i++)
		syms[i] = (struct sym)FUNC("f", 0x1000 + 16 * (i * 37 % ARRAY_SIZE(syms)), 1);
	self->spec.syms = syms;
	self->spec.nr_syms = VDSO_REMAP_MAX_ENTRY_POINTS;
	build_image(self->bytes, &self->spec);
	ASSERT_EQ(0, PARSE());
	EXPECT_EQ(VDSO_REMAP_MAX_ENTRY_POINTS, self->image.nr_entry_points);
	EXPECT_STREQ("", broken_invariant(&self->image));

	self->spec.nr_syms = VDSO_REMAP_MAX_ENTRY_POINTS + 1;
	build_image(self->bytes, &self->spec);
	EXPECT_EQ(-EOVERFLOW, PARSE());
}

TEST_HARNESS_MAIN
