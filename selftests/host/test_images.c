// SPDX-License-Identifier: MIT
/* What the plugin for CRIU reads in images, which anybody may have written. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "../../userspace/criu/images.h"

#define PID		42
#define PAGE		((size_t)sysconf(_SC_PAGESIZE))
#define ADDR		0x7ffd00010000ULL
#define MAX_PAGES	8

#define IN_PARENT	1
#define LAZY		2
#define PRESENT		4

FIXTURE(images)
{
	char parent_path[64], path[64];
	int dir;
	FILE *list;
	char *got;	/* MAX_PAGES */
};

static size_t put_number(unsigned char *to, uint64_t number)
{
	size_t size = 0;

	for (; number > 0x7f; number >>= 7)
		to[size++] = 0x80 | number;
	to[size++] = number;
	return size;
}

static void put_message(FILE *list, const unsigned char *bytes, uint32_t size)
{
	fwrite(&size, sizeof(size), 1, list);
	fwrite(bytes, 1, size, list);
}

static FILE *create(const char *directory, const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return fopen(path, "we");
}

/* The list of a directory, whose pages are in pages-7.img. */
static FILE *begin_list(const char *directory)
{
	const uint32_t magic[] = { 0x54564319, 0x56084025 };
	const unsigned char head[] = { 1 << 3, 7 };
	FILE *list = create(directory, "pagemap-42.img");

	fwrite(magic, sizeof(magic), 1, list);
	put_message(list, head, sizeof(head));
	return list;
}

static void put_entry(FILE *list, uint64_t addr, unsigned int nr_pages, unsigned int flags)
{
	unsigned char bytes[40];
	size_t size = 0;

	bytes[size++] = 1 << 3;
	size += put_number(bytes + size, addr);
	bytes[size++] = 2 << 3;
	size += put_number(bytes + size, nr_pages);
	bytes[size++] = 4 << 3;
	size += put_number(bytes + size, flags);
	put_message(list, bytes, size);
}

/* Each page has the letters that follow the first. */
static void write_pages(const char *directory, char letter, unsigned int nr)
{
	FILE *pages = create(directory, "pages-7.img");
	unsigned int i;

	for (i = 0; i < nr * PAGE; i++)
		fputc(letter + i / PAGE, pages);
	fclose(pages);
}

static int read_pages(FIXTURE_DATA(images) *self, uint64_t addr, size_t size)
{
	if (self->list)
		fclose(self->list);
	self->list = NULL;
	memset(self->got, '?', MAX_PAGES * PAGE);
	return images_read(self->dir, PID, addr, self->got, size);
}

FIXTURE_SETUP(images)
{
	strcpy(self->parent_path, "/tmp/images-XXXXXX");
	strcpy(self->path, "/tmp/images-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->parent_path));
	ASSERT_NE(NULL, mkdtemp(self->path));
	self->dir = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_GE(self->dir, 0);
	ASSERT_EQ(0, symlinkat(self->parent_path, self->dir, "parent"));
	self->list = begin_list(self->path);
	ASSERT_NE(NULL, self->list);
	write_pages(self->path, 'a', 4);
	self->got = malloc(MAX_PAGES * PAGE);
	ASSERT_NE(NULL, self->got);
}

FIXTURE_TEARDOWN(images)
{
	char command[200];

	if (self->list)
		fclose(self->list);
	close(self->dir);
	snprintf(command, sizeof(command), "rm -r %s %s", self->parent_path, self->path);
	EXPECT_EQ(0, system(command));
	free(self->got);
}

TEST_F(images, pages_are_where_those_before_them_end)
{
	put_entry(self->list, 0x400000, 1, PRESENT);	/* a */
	put_entry(self->list, 0x500000, 3, LAZY);	/* none in the file */
	put_entry(self->list, ADDR, 2, PRESENT);	/* b, c */
	ASSERT_EQ(0, read_pages(self, ADDR, 2 * PAGE));
	EXPECT_EQ('b', self->got[0]);
	EXPECT_EQ('b', self->got[PAGE - 1]);
	EXPECT_EQ('c', self->got[PAGE]);
	EXPECT_EQ('c', self->got[2 * PAGE - 1]);
	EXPECT_EQ('?', self->got[2 * PAGE]);
}

TEST_F(images, a_part_of_a_range)
{
	put_entry(self->list, ADDR - PAGE, 4, PRESENT);
	ASSERT_EQ(0, read_pages(self, ADDR, 2 * PAGE));
	EXPECT_EQ('b', self->got[0]);
	EXPECT_EQ('c', self->got[2 * PAGE - 1]);
	EXPECT_EQ('?', self->got[2 * PAGE]);
}

TEST_F(images, what_did_not_change_is_in_the_parent)
{
	FILE *list = begin_list(self->parent_path);

	write_pages(self->parent_path, 'A', 3);
	put_entry(list, ADDR - PAGE, 3, PRESENT);
	fclose(list);
	put_entry(self->list, ADDR, 1, IN_PARENT);
	put_entry(self->list, ADDR + PAGE, 1, PRESENT);
	ASSERT_EQ(0, read_pages(self, ADDR, 2 * PAGE));
	EXPECT_EQ('B', self->got[0]);
	EXPECT_EQ('a', self->got[PAGE]);
}

TEST_F(images, a_parent_that_is_its_own_ends)
{
	ASSERT_EQ(0, unlinkat(self->dir, "parent", 0));
	ASSERT_EQ(0, symlinkat(".", self->dir, "parent"));
	put_entry(self->list, ADDR, 1, IN_PARENT);
	EXPECT_LT(read_pages(self, ADDR, PAGE), 0);
}

TEST_F(images, what_is_not_there_is_an_error)
{
	put_entry(self->list, ADDR, 1, PRESENT);
	EXPECT_EQ(-ENODATA, read_pages(self, ADDR, 2 * PAGE));
	EXPECT_EQ(-ENODATA, read_pages(self, ADDR + PAGE, PAGE));
	EXPECT_EQ(0, read_pages(self, ADDR, PAGE));
	EXPECT_EQ(-ENOENT, images_read(self->dir, PID + 1, ADDR, self->got, PAGE));
}

TEST_F(images, pages_that_a_server_has)
{
	put_entry(self->list, ADDR, 1, LAZY);
	EXPECT_EQ(-ENODATA, read_pages(self, ADDR, PAGE));
}

TEST_F(images, fewer_pages_than_the_list_says)
{
	put_entry(self->list, ADDR, 5, PRESENT);
	EXPECT_EQ(-ENODATA, read_pages(self, ADDR, 5 * PAGE));
}

TEST_F(images, another_file)
{
	self->list = freopen(NULL, "we", self->list);
	fwrite("something else", 1, 14, self->list);
	EXPECT_EQ(-EBADMSG, read_pages(self, ADDR, PAGE));
}

TEST_F(images, a_message_that_is_cut_off)
{
	const uint32_t size = 200;

	fwrite(&size, sizeof(size), 1, self->list);
	fputc(1 << 3, self->list);
	EXPECT_EQ(-EBADMSG, read_pages(self, ADDR, PAGE));
}

TEST_F(images, a_message_of_4_gib)
{
	const uint32_t size = ~0U;

	fwrite(&size, sizeof(size), 1, self->list);
	put_entry(self->list, ADDR, 1, PRESENT);
	EXPECT_EQ(-EBADMSG, read_pages(self, ADDR, PAGE));
}

TEST_F(images, a_number_without_an_end)
{
	unsigned char bytes[20];

	memset(bytes, 0xff, sizeof(bytes));
	bytes[0] = 1 << 3;
	put_message(self->list, bytes, sizeof(bytes));
	EXPECT_EQ(-EBADMSG, read_pages(self, ADDR, PAGE));
}

TEST_F(images, an_address_that_wraps)
{
	put_entry(self->list, ~0ULL - PAGE + 1, ~0U, PRESENT);
	EXPECT_EQ(-ENODATA, read_pages(self, ADDR, PAGE));
}

/* An image of one message; each field is inside of the one before, the last is a number. */
static void write_nested(const char *directory, const char *name, const unsigned char *fields,
			 size_t nr, uint64_t number)
{
	const uint32_t magic[] = { 0x54564319, 0 };
	unsigned char bytes[40], whole[40];
	FILE *file = create(directory, name);
	size_t size = 0;

	bytes[size++] = fields[--nr] << 3;
	size += put_number(bytes + size, number);
	while (nr--) {
		whole[0] = fields[nr] << 3 | 2;
		whole[1] = size;
		memcpy(whole + 2, bytes, size);
		size += 2;
		memcpy(bytes, whole, size);
	}
	fwrite(magic, sizeof(magic), 1, file);
	put_message(file, bytes, size);
	fclose(file);
}

static const unsigned char vma_flags[] = { 14, 6 };
static const unsigned char rseq_size[] = { 5, 15, 2 };

TEST_F(images, a_kernel_needs_nothing_for_most)
{
	struct images_needs needs = { .droppable = true, .guards = true, .rseq_size = 1 };

	write_nested(self->path, "mm-42.img", vma_flags, 2, 0x22);
	write_nested(self->path, "core-42.img", vma_flags, 2, 33);	/* something else */
	ASSERT_EQ(0, images_read_needs(self->dir, &needs));
	EXPECT_FALSE(needs.droppable);
	EXPECT_FALSE(needs.guards);
	EXPECT_EQ(0, needs.rseq_size);
}

TEST_F(images, droppable_memory)
{
	struct images_needs needs;

	write_nested(self->path, "mm-42.img", vma_flags, 2, 0x22);
	write_nested(self->path, "mm-43.img", vma_flags, 2, 0x4028);
	ASSERT_EQ(0, images_read_needs(self->dir, &needs));
	EXPECT_TRUE(needs.droppable);
	EXPECT_EQ(0, needs.rseq_size);
}

TEST_F(images, the_largest_rseq_registration)
{
	struct images_needs needs;

	write_nested(self->path, "core-42.img", rseq_size, 3, 32);
	write_nested(self->path, "core-43.img", rseq_size, 3, 33);
	write_nested(self->path, "core-44.img", rseq_size, 3, 20);
	ASSERT_EQ(0, images_read_needs(self->dir, &needs));
	EXPECT_FALSE(needs.droppable);
	EXPECT_EQ(33, needs.rseq_size);
}

TEST_F(images, needs_of_broken_images)
{
	const uint32_t head[] = { 0x54564319, 0, 6 };
	const unsigned char inner[] = { 14 << 3 | 2, 200, 6 << 3, 8, 0, 0 };
	struct images_needs needs;
	FILE *file = create(self->path, "mm-42.img");

	fwrite(head, sizeof(head), 1, file);
	fwrite(inner, sizeof(inner), 1, file);
	fclose(file);
	file = create(self->path, "core-42.img");
	fwrite(head, 1, 9, file);
	fclose(file);
	ASSERT_EQ(0, images_read_needs(self->dir, &needs));
	EXPECT_FALSE(needs.droppable);
}

#define ADAPTED	".adapted"

static const struct images_needs nothing_new = { .rseq_size = 32, .nr_auxv = 6 };

TEST_F(images, changed_copies_need_less)
{
	struct images_needs needs;
	int adapted;

	write_nested(self->path, "mm-42.img", vma_flags, 2, 0x4028);
	write_nested(self->path, "core-42.img", rseq_size, 3, 33);
	adapted = images_adapt(self->dir, ADAPTED, &nothing_new);
	ASSERT_LE(0, adapted);
	ASSERT_EQ(0, images_read_needs(adapted, &needs));
	EXPECT_FALSE(needs.droppable);
	EXPECT_EQ(32, needs.rseq_size);
	/* the images themselves are as they were */
	ASSERT_EQ(0, images_read_needs(self->dir, &needs));
	EXPECT_TRUE(needs.droppable);
	EXPECT_EQ(33, needs.rseq_size);
	close(adapted);
	EXPECT_EQ(0, images_remove(self->dir, ADAPTED));
}

/* What was 0x28 in a byte has the same size as 0x22; a smaller number is filled up. */
TEST_F(images, a_changed_number_keeps_its_size)
{
	const struct images_needs old = { .rseq_size = 32 };
	struct images_needs needs;
	struct stat before, after;
	int adapted;

	write_nested(self->path, "core-42.img", rseq_size, 3, 1 << 20);
	adapted = images_adapt(self->dir, ADAPTED, &old);
	ASSERT_LE(0, adapted);
	ASSERT_EQ(0, fstatat(self->dir, "core-42.img", &before, 0));
	ASSERT_EQ(0, fstatat(adapted, "core-42.img", &after, 0));
	EXPECT_EQ(before.st_size, after.st_size);
	ASSERT_EQ(0, images_read_needs(adapted, &needs));
	EXPECT_EQ(32, needs.rseq_size);
	close(adapted);
	EXPECT_EQ(0, images_remove(self->dir, ADAPTED));
}

TEST_F(images, the_other_images_are_links)
{
	char link[20] = "";
	int adapted;

	put_entry(self->list, ADDR, 2, PRESENT);
	adapted = images_adapt(self->dir, ADAPTED, &nothing_new);
	ASSERT_LE(0, adapted);
	EXPECT_LT(0, readlinkat(adapted, "pages-7.img", link, sizeof(link) - 1));
	EXPECT_STREQ("../pages-7.img", link);
	close(self->dir);
	self->dir = adapted;
	EXPECT_EQ(0, read_pages(self, ADDR, PAGE));
}

#define ANON	0x201		/* status: regular, private anonymous memory */
#define PRIVATE	0x41		/* of a file */
#define GUARD	0x10000

struct mm {
	unsigned char bytes[1000];
	size_t size;
};

/* Addresses are large, so that all of them have the same size. */
static void put_vma(struct mm *mm, unsigned int first_page, unsigned int end_page,
		    unsigned int prot, unsigned int status)
{
	unsigned char vma[60];
	size_t size = 0;

	vma[size++] = 1 << 3;
	size += put_number(vma + size, ADDR + first_page * PAGE);
	vma[size++] = 2 << 3;
	size += put_number(vma + size, ADDR + end_page * PAGE);
	vma[size++] = 5 << 3;
	vma[size++] = prot;
	vma[size++] = 7 << 3;
	size += put_number(vma + size, status);
	mm->bytes[mm->size++] = 14 << 3 | 2;
	mm->bytes[mm->size++] = size;
	memcpy(mm->bytes + mm->size, vma, size);
	mm->size += size;
}

static void write_mm(const char *directory, const struct mm *mm)
{
	const uint32_t magic[] = { 0x54564319, 0 };
	FILE *file = create(directory, "mm-42.img");

	fwrite(magic, sizeof(magic), 1, file);
	put_message(file, mm->bytes, mm->size);
	fclose(file);
}

/* What becomes of it on a kernel that knows nothing new */
static void read_adapted_mm(struct __test_metadata *_metadata, FIXTURE_DATA(images) *self,
			    struct mm *mm)
{
	int adapted = images_adapt(self->dir, ADAPTED, &nothing_new), fd;
	uint32_t head[3];

	ASSERT_LE(0, adapted);
	fd = openat(adapted, "mm-42.img", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(sizeof(head), read(fd, head, sizeof(head)));
	mm->size = read(fd, mm->bytes, sizeof(mm->bytes));
	EXPECT_EQ(head[2], mm->size);
	close(fd);
	close(adapted);
	EXPECT_EQ(0, images_remove(self->dir, ADAPTED));
}

TEST_F(images, guard_pages_become_mappings)
{
	struct mm mm = { { 1 << 3, 5 }, 2 }, expected = mm, adapted;
	struct images_needs needs;

	/* the first and two in the middle of a mapping, the last of another one */
	put_vma(&mm, 0, 10, 3, ANON);
	put_vma(&mm, 10, 11, 5, PRIVATE);
	put_vma(&mm, 20, 30, 3, ANON);
	put_vma(&mm, 0, 1, 0, GUARD);
	put_vma(&mm, 4, 6, 0, GUARD);
	put_vma(&mm, 29, 30, 0, GUARD);
	write_mm(self->path, &mm);
	put_vma(&expected, 0, 1, 0, ANON);
	put_vma(&expected, 1, 4, 3, ANON);
	put_vma(&expected, 4, 6, 0, ANON);
	put_vma(&expected, 6, 10, 3, ANON);
	put_vma(&expected, 10, 11, 5, PRIVATE);
	put_vma(&expected, 20, 29, 3, ANON);
	put_vma(&expected, 29, 30, 0, ANON);

	ASSERT_EQ(0, images_read_needs(self->dir, &needs));
	EXPECT_TRUE(needs.guards);
	read_adapted_mm(_metadata, self, &adapted);
	ASSERT_EQ(expected.size, adapted.size);
	EXPECT_EQ(0, memcmp(expected.bytes, adapted.bytes, expected.size));
}

TEST_F(images, guard_pages_across_mappings)
{
	struct mm mm = { 0 }, expected = { 0 }, adapted;

	put_vma(&mm, 0, 2, 3, ANON);
	put_vma(&mm, 2, 4, 1, ANON);
	put_vma(&mm, 1, 3, 0, GUARD);
	write_mm(self->path, &mm);
	put_vma(&expected, 0, 1, 3, ANON);
	put_vma(&expected, 1, 2, 0, ANON);
	put_vma(&expected, 2, 3, 0, ANON);
	put_vma(&expected, 3, 4, 1, ANON);
	read_adapted_mm(_metadata, self, &adapted);
	ASSERT_EQ(expected.size, adapted.size);
	EXPECT_EQ(0, memcmp(expected.bytes, adapted.bytes, expected.size));
}

TEST_F(images, guard_pages_in_a_file)
{
	struct mm mm = { 0 };

	put_vma(&mm, 0, 4, 1, PRIVATE);
	put_vma(&mm, 1, 2, 0, GUARD);
	write_mm(self->path, &mm);
	EXPECT_EQ(-EOPNOTSUPP, images_adapt(self->dir, ADAPTED, &nothing_new));
	EXPECT_EQ(-1, faccessat(self->dir, ADAPTED, F_OK, 0));
}

TEST_F(images, guard_pages_in_a_broken_image)
{
	struct mm mm = { 0 };
	unsigned char *bytes = mm.bytes;

	put_vma(&mm, 0, 4, 1, ANON);
	bytes[2] = 2 << 3;	/* its bounds are not there */
	put_vma(&mm, 1, 2, 0, GUARD);
	write_mm(self->path, &mm);
	EXPECT_EQ(-EBADMSG, images_adapt(self->dir, ADAPTED, &nothing_new));
}

static void put_auxv(struct mm *mm, unsigned int type, uint64_t value)
{
	mm->bytes[mm->size++] = 13 << 3;
	mm->size += put_number(mm->bytes + mm->size, type);
	mm->bytes[mm->size++] = 13 << 3;
	mm->size += put_number(mm->bytes + mm->size, value);
}

TEST_F(images, an_auxiliary_vector_without_its_last_entries)
{
	struct mm mm = { { 1 << 3, 5 }, 2 }, expected, adapted;
	struct images_needs needs;

	put_auxv(&mm, 33, ADDR);
	put_auxv(&mm, 6, PAGE);
	expected = mm;
	put_auxv(&mm, 27, 33);
	put_auxv(&mm, 28, 64);
	put_auxv(&mm, 0, 0);
	put_vma(&mm, 0, 10, 3, ANON);
	write_mm(self->path, &mm);
	put_auxv(&expected, 0, 0);
	put_vma(&expected, 0, 10, 3, ANON);

	ASSERT_EQ(0, images_read_needs(self->dir, &needs));
	EXPECT_EQ(10, needs.nr_auxv);
	read_adapted_mm(_metadata, self, &adapted);
	ASSERT_EQ(expected.size, adapted.size);
	EXPECT_EQ(0, memcmp(expected.bytes, adapted.bytes, expected.size));
}

TEST_F(images, no_copies_of_broken_images_are_left)
{
	FILE *file = create(self->path, "core-42.img");

	fputs("this is no image", file);
	fclose(file);
	EXPECT_EQ(-EBADMSG, images_adapt(self->dir, ADAPTED, &nothing_new));
	EXPECT_EQ(-1, faccessat(self->dir, ADAPTED, F_OK, 0));
}

TEST_F(images, a_directory_in_the_way)
{
	ASSERT_EQ(0, mkdirat(self->dir, ADAPTED, 0700));
	EXPECT_EQ(-EEXIST, images_adapt(self->dir, ADAPTED, &nothing_new));
	EXPECT_EQ(0, images_remove(self->dir, ADAPTED));
	EXPECT_EQ(-ENOENT, images_remove(self->dir, ADAPTED));
}

TEST_F(images, a_link_to_somebody_elses_directory)
{
	FILE *file = create(self->parent_path, "precious");

	fclose(file);
	ASSERT_EQ(0, symlinkat(self->parent_path, self->dir, ADAPTED));
	EXPECT_EQ(-ENOTDIR, images_remove(self->dir, ADAPTED));
	EXPECT_EQ(0, faccessat(self->dir, ADAPTED "/precious", F_OK, 0));
	EXPECT_EQ(0, unlinkat(self->dir, ADAPTED "/precious", 0));
}

TEST_HARNESS_MAIN
