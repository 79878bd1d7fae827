// SPDX-License-Identifier: MIT
/*
 * Reads the memory of a dumped process from CRIU's images: pagemap-PID.img lists address ranges
 * as protobuf messages, each behind its size; pages-N.img has the pages of those that are present,
 * one after the other. What has not changed since an earlier dump is in the directory "parent".
 * mm-PID.img and core-TID.img have one large message each, of which a few fields are read, and
 * changed in copies of the images.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images.h"

#define COMMON_MAGIC	0x54564319
#define PAGEMAP_MAGIC	0x56084025

#define MAX_MESSAGE	256	/* they are less than 30 bytes */
#define MAX_PARENTS	1000

#define IN_PARENT	(1 << 0)
#define IN_PAGES	(1 << 2)

/* Fields of a message are numbers; the first few are all that is needed. */
#define MAX_FIELDS	8
#define HEAD_PAGES_ID	1
#define ENTRY_ADDR	1
#define ENTRY_NR_PAGES	2
#define ENTRY_IN_PARENT	3	/* of CRIU before 3.0, instead of flags */
#define ENTRY_FLAGS	4

struct message {
	bool has[MAX_FIELDS];
	uint64_t field[MAX_FIELDS];
};

/* What is left of a message */
struct bytes {
	const unsigned char *at, *end;
};

static bool read_number(struct bytes *bytes, uint64_t *number)
{
	unsigned int shift = 0;
	unsigned char byte;

	*number = 0;
	do {
		if (bytes->at == bytes->end || shift > 63)
			return false;
		byte = *bytes->at++;
		*number |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return true;
}

/* Of a field, what its type says: a number and its bytes, or the bytes of a message */
struct field {
	uint64_t nr, number;
	bool is_number;
	struct bytes inner;
};

/* Returns 1, 0 at the message's end, or an error. */
static int next_field(struct bytes *bytes, struct field *field)
{
	uint64_t key, size;

	if (bytes->at == bytes->end)
		return 0;
	*field = (struct field){ 0 };
	if (!read_number(bytes, &key))
		return -EBADMSG;
	field->nr = key >> 3;
	switch (key & 7) {
	case 0:
		field->is_number = true;
		field->inner.at = bytes->at;
		if (!read_number(bytes, &field->number))
			return -EBADMSG;
		field->inner.end = bytes->at;
		return 1;
	case 1:
		size = 8;
		break;
	case 2:
		if (!read_number(bytes, &size))
			return -EBADMSG;
		break;
	case 5:
		size = 4;
		break;
	default:
		return -EBADMSG;
	}
	if (size > (uint64_t)(bytes->end - bytes->at))
		return -EBADMSG;
	field->inner = (struct bytes){ bytes->at, bytes->at + size };
	bytes->at += size;
	return 1;
}

static int read_fields(struct bytes bytes, struct message *message)
{
	struct field field;
	int ret;

	*message = (struct message){ 0 };
	while ((ret = next_field(&bytes, &field)) > 0) {
		if (field.nr >= MAX_FIELDS)
			continue;
		message->has[field.nr] = true;
		message->field[field.nr] = field.number;
	}
	return ret;
}

/* Returns 1, 0 at the file's end, or an error. */
static int read_message(FILE *file, struct message *message)
{
	unsigned char bytes[MAX_MESSAGE];
	uint32_t size;

	if (fread(&size, sizeof(size), 1, file) != 1)
		return feof(file) ? 0 : -EIO;
	if (size > sizeof(bytes) || fread(bytes, 1, size, file) != size)
		return -EBADMSG;
	return read_fields((struct bytes){ bytes, bytes + size }, message) ?: 1;
}

static unsigned int flags_of(const struct message *entry)
{
	if (entry->has[ENTRY_FLAGS])
		return entry->field[ENTRY_FLAGS];
	return entry->field[ENTRY_IN_PARENT] ? IN_PARENT : IN_PAGES;
}

/* What is wanted, and how much of it has been found. */
struct wanted {
	int pid;
	uint64_t addr, end;
	char *to;
	size_t found;
	unsigned int nr_parents;
};

static int read_directory(int dir, struct wanted *wanted);

static int read_parent(int dir, const struct wanted *wanted, uint64_t start, uint64_t end,
		       size_t *found)
{
	struct wanted part = {
		.pid = wanted->pid,
		.addr = start,
		.end = end,
		.to = wanted->to + (start - wanted->addr),
		.nr_parents = wanted->nr_parents + 1,
	};
	int parent, ret;

	if (part.nr_parents > MAX_PARENTS)
		return -ELOOP;
	parent = openat(dir, "parent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return -errno;
	ret = read_directory(parent, &part);
	close(parent);
	*found = part.found;
	return ret;
}

/* A range of the list; at is where its pages are, if they are in this directory. */
static int read_entry(int dir, int pages, const struct message *entry, uint64_t at,
		      struct wanted *wanted)
{
	uint64_t start = entry->field[ENTRY_ADDR];
	uint64_t end = start + entry->field[ENTRY_NR_PAGES] * sysconf(_SC_PAGESIZE);
	uint64_t from = start > wanted->addr ? start : wanted->addr;
	uint64_t to = end < wanted->end ? end : wanted->end;
	unsigned int flags = flags_of(entry);
	size_t found = 0;
	int ret = 0;

	if (from >= to)
		return 0;
	if (flags & IN_PARENT) {
		ret = read_parent(dir, wanted, from, to, &found);
	} else if (flags & IN_PAGES) {
		if (pread(pages, wanted->to + (from - wanted->addr), to - from,
			  at + from - start) != (ssize_t)(to - from))
			return -ENODATA;
		found = to - from;
	}
	wanted->found += found;
	return ret;
}

static int read_entries(int dir, FILE *list, int pages, struct wanted *wanted)
{
	struct message entry;
	uint64_t at = 0;
	int ret;

	while ((ret = read_message(list, &entry)) > 0) {
		if (!entry.has[ENTRY_ADDR] || !entry.has[ENTRY_NR_PAGES])
			return -EBADMSG;
		ret = read_entry(dir, pages, &entry, at, wanted);
		if (ret)
			return ret;
		if (flags_of(&entry) & IN_PAGES)
			at += entry.field[ENTRY_NR_PAGES] * sysconf(_SC_PAGESIZE);
	}
	return ret;
}

static FILE *open_image(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	FILE *file;

	if (fd < 0)
		return NULL;
	file = fdopen(fd, "re");
	if (!file)
		close(fd);
	return file;
}

static int read_directory(int dir, struct wanted *wanted)
{
	struct message head;
	uint32_t magic[2];
	int pages, ret;
	char name[32];
	FILE *list;

	snprintf(name, sizeof(name), "pagemap-%d.img", wanted->pid);
	list = open_image(dir, name);
	if (!list)
		return -errno;
	ret = -EBADMSG;
	if (fread(magic, sizeof(magic), 1, list) != 1 || magic[0] != COMMON_MAGIC ||
	    magic[1] != PAGEMAP_MAGIC || read_message(list, &head) <= 0 ||
	    !head.has[HEAD_PAGES_ID])
		goto out_close_list;
	snprintf(name, sizeof(name), "pages-%u.img", (unsigned int)head.field[HEAD_PAGES_ID]);
	pages = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ret = -errno;
	if (pages < 0)
		goto out_close_list;
	ret = read_entries(dir, list, pages, wanted);
	close(pages);
out_close_list:
	fclose(list);
	return ret;
}

int images_read(int dir, int pid, uint64_t addr, void *to, size_t size)
{
	struct wanted wanted = { .pid = pid, .addr = addr, .end = addr + size, .to = to };
	int ret = read_directory(dir, &wanted);

	if (ret)
		return ret;
	return wanted.found == size ? 0 : -ENODATA;
}

#define MAX_IMAGE	(16U << 20)

#define MM_AUXV		13
#define MM_VMAS		14
#define VMA_START	1
#define VMA_END		2
#define VMA_PROT	5
#define VMA_FLAGS	6
#define VMA_STATUS	7
#define CORE_THREAD	5
#define THREAD_RSEQ	15
#define RSEQ_SIZE	2

#define TYPE_OF_MAPPING	0xf
#define DROPPABLE	0x8	/* MAP_DROPPABLE */
/* Bits of the status: private anonymous memory; a range of guard pages inside of other mappings */
#define ANON_PRIVATE	(1 << 9)
#define GUARD		(1 << 16)

/* What has been found, and what it is to be reduced to: NULL to change nothing */
struct needs {
	struct images_needs found;
	const struct images_needs *allowed;
};

typedef void look_fn(struct bytes message, struct needs *needs);

/* Has look() see each field of this number that is a message. */
static void look_inside(struct bytes message, uint64_t nr, look_fn *look, struct needs *needs)
{
	struct field field;

	while (next_field(&message, &field) > 0)
		if (field.nr == nr && !field.is_number)
			look(field.inner, needs);
}

static bool find_number(struct bytes message, uint64_t nr, struct field *field)
{
	while (next_field(&message, field) > 0)
		if (field->nr == nr && field->is_number)
			return true;
	return false;
}

/*
 * In as many bytes as before: a smaller number has zeros in front, which protobuf allows. Returns
 * false if that is not enough.
 */
static bool change_number(const struct field *field, uint64_t number)
{
	unsigned char *at = (unsigned char *)field->inner.at;

	for (; at < field->inner.end - 1; at++, number >>= 7)
		*at = 0x80 | (number & 0x7f);
	*at = number & 0x7f;
	return number <= 0x7f;
}

static void look_at_vma(struct bytes vma, struct needs *needs)
{
	struct field flags, status;

	if (find_number(vma, VMA_STATUS, &status) && status.number & GUARD)
		needs->found.guards = true;
	if (!find_number(vma, VMA_FLAGS, &flags) || (flags.number & TYPE_OF_MAPPING) != DROPPABLE)
		return;
	needs->found.droppable = true;
	if (needs->allowed && !needs->allowed->droppable)
		change_number(&flags, flags.number - DROPPABLE + MAP_PRIVATE);
}

static uint32_t count_auxv(struct bytes mm)
{
	struct field field;
	uint32_t nr = 0;

	while (next_field(&mm, &field) > 0)
		nr += field.nr == MM_AUXV && field.is_number;
	return nr;
}

static void look_at_mm(struct bytes mm, struct needs *needs)
{
	uint32_t nr = count_auxv(mm);

	if (nr > needs->found.nr_auxv)
		needs->found.nr_auxv = nr;
	look_inside(mm, MM_VMAS, look_at_vma, needs);
}

static void look_at_rseq(struct bytes rseq, struct needs *needs)
{
	struct field size;

	if (!find_number(rseq, RSEQ_SIZE, &size))
		return;
	if (size.number > needs->found.rseq_size)
		needs->found.rseq_size = size.number;
	if (needs->allowed && size.number > needs->allowed->rseq_size)
		change_number(&size, needs->allowed->rseq_size);
}

static void look_at_thread(struct bytes thread, struct needs *needs)
{
	look_inside(thread, THREAD_RSEQ, look_at_rseq, needs);
}

static void look_at_core(struct bytes core, struct needs *needs)
{
	look_inside(core, CORE_THREAD, look_at_thread, needs);
}

static look_fn *look_for(const char *name)
{
	if (!strncmp(name, "mm-", 3))
		return look_at_mm;
	return !strncmp(name, "core-", 5) ? look_at_core : NULL;
}

/* An image that has one message */
struct image {
	uint32_t *head;	/* two magic numbers, the message's size; then the message */
	size_t size;
};

#define HEAD_SIZE	(3 * sizeof(uint32_t))
/* A range of guard pages takes some 30 bytes, a mapping, of which it makes two more, some 40. */
#define MAX_GROWTH	8

/* Returns 0, or an error: -EBADMSG if that is not what the file has. */
static int read_image(int dir, const char *name, struct image *image)
{
	FILE *file = open_image(dir, name);
	uint32_t head[3];
	int ret = -EBADMSG;

	if (!file)
		return -errno;
	if (fread(head, HEAD_SIZE, 1, file) != 1 || head[0] != COMMON_MAGIC || head[2] > MAX_IMAGE)
		goto out_close;
	image->size = HEAD_SIZE + head[2];
	image->head = malloc(image->size);
	ret = -ENOMEM;
	if (!image->head)
		goto out_close;
	memcpy(image->head, head, HEAD_SIZE);
	ret = fread(image->head + 3, 1, head[2], file) == head[2] ? 0 : -EBADMSG;
	if (ret)
		free(image->head);
out_close:
	fclose(file);
	return ret;
}

static void look_at_image(const struct image *image, look_fn *look, struct needs *needs)
{
	const unsigned char *message = (const unsigned char *)image->head + HEAD_SIZE;

	look((struct bytes){ message, (const unsigned char *)image->head + image->size }, needs);
}

/* A message that is made of parts of another */
struct output {
	unsigned char *at, *end;
};

static int put(struct output *output, struct bytes bytes)
{
	size_t size = bytes.end - bytes.at;

	if (size > (size_t)(output->end - output->at))
		return -EOVERFLOW;
	memcpy(output->at, bytes.at, size);
	output->at += size;
	return 0;
}

/* A copy of a mapping's field, but for these bounds, and without access if it is a guard. */
static int put_vma(struct output *output, struct bytes vma, uint64_t start, uint64_t end,
		   bool guard)
{
	struct bytes copy = { output->at, output->at + (vma.end - vma.at) };
	struct field field, number;

	if (start == end)
		return 0;
	if (put(output, vma))
		return -EOVERFLOW;
	next_field(&copy, &field);
	if (!find_number(field.inner, VMA_START, &number) || !change_number(&number, start) ||
	    !find_number(field.inner, VMA_END, &number) || !change_number(&number, end))
		return -EBADMSG;
	if (guard && (!find_number(field.inner, VMA_PROT, &number) ||
		      !change_number(&number, PROT_NONE)))
		return -EBADMSG;
	return 0;
}

struct vma {
	uint64_t start, end, status;
};

static bool read_vma(struct bytes bytes, struct vma *vma)
{
	struct field start, end, status;

	if (!find_number(bytes, VMA_START, &start) || !find_number(bytes, VMA_END, &end) ||
	    !find_number(bytes, VMA_STATUS, &status))
		return false;
	*vma = (struct vma){ start.number, end.number, status.number };
	return true;
}

/* The first range of guard pages in [start, end) */
static bool find_guard(struct bytes mm, uint64_t start, uint64_t end, struct vma *guard)
{
	struct vma vma, first = { .start = end };
	struct field field;

	while (next_field(&mm, &field) > 0)
		if (field.nr == MM_VMAS && !field.is_number && read_vma(field.inner, &vma) &&
		    vma.status & GUARD && vma.end > start && vma.start < first.start)
			first = vma;
	*guard = first;
	return first.start < end;
}

/* Splits a mapping at its guard pages; whole is its field. */
static int put_parts(struct output *output, struct bytes mm, struct bytes whole, struct vma vma)
{
	struct vma guard;
	int ret = 0;

	while (!ret && vma.start < vma.end && find_guard(mm, vma.start, vma.end, &guard)) {
		/* one that is in several mappings would be read again in the next one */
		if (guard.start < vma.start)
			guard.start = vma.start;
		if (guard.end > vma.end)
			guard.end = vma.end;
		/* of a file, the offset would have to change, too */
		if (!(vma.status & ANON_PRIVATE))
			return -EOPNOTSUPP;
		ret = put_vma(output, whole, vma.start, guard.start, false);
		if (!ret)
			ret = put_vma(output, whole, guard.start, guard.end, true);
		vma.start = guard.end;
	}
	return ret ?: put_vma(output, whole, vma.start, vma.end, false);
}

static int split_all(struct output *output, const struct bytes mm)
{
	struct bytes rest = mm, bytes;
	struct field field;
	struct vma vma;
	int ret;

	for (;;) {
		bytes.at = rest.at;
		ret = next_field(&rest, &field);
		if (ret <= 0)
			return ret;
		bytes.end = rest.at;
		if (field.nr != MM_VMAS || field.is_number)
			ret = put(output, bytes);
		else if (!read_vma(field.inner, &vma))
			ret = -EBADMSG;
		else if (vma.status & GUARD)
			ret = 0;
		else
			ret = put_parts(output, mm, bytes, vma);
		if (ret)
			return ret;
	}
}

/*
 * A kernel without guard pages has mappings without access instead. The message becomes larger:
 * with each range of guard pages, which is left out itself, come two copies of a mapping.
 */
static int split_at_guards(struct image *image)
{
	size_t size = image->size * MAX_GROWTH;
	unsigned char *message = (unsigned char *)image->head + HEAD_SIZE;
	uint32_t *head = malloc(size);
	struct output output;
	int ret;

	if (!head)
		return -ENOMEM;
	memcpy(head, image->head, HEAD_SIZE);
	output = (struct output){ (unsigned char *)head + HEAD_SIZE, (unsigned char *)head + size };
	ret = split_all(&output, (struct bytes){ message, message + image->head[2] });
	if (ret) {
		free(head);
		return ret;
	}
	head[2] = output.at - (unsigned char *)head - HEAD_SIZE;
	free(image->head);
	*image = (struct image){ head, HEAD_SIZE + head[2] };
	return 0;
}

/*
 * Leaves out entries of the auxiliary vector, two words each, before the one that ends it. A kernel
 * has room for all the entries that it knows itself, and new ones come last.
 */
static int cut_auxv(struct image *image, uint32_t allowed)
{
	unsigned char *message = (unsigned char *)image->head + HEAD_SIZE, *to = message;
	struct bytes rest = { message, message + image->head[2] };
	uint32_t nr = count_auxv(rest), i = 0;
	const unsigned char *from;
	struct field field;
	int ret;

	for (;;) {
		from = rest.at;
		ret = next_field(&rest, &field);
		if (ret <= 0)
			break;
		if (field.nr == MM_AUXV && field.is_number && i++ >= allowed - 2 && i <= nr - 2)
			continue;
		memmove(to, from, rest.at - from);
		to += rest.at - from;
	}
	image->head[2] = to - message;
	image->size = HEAD_SIZE + image->head[2];
	return ret;
}

static DIR *open_directory(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory;

	if (fd < 0)
		return NULL;
	directory = fdopendir(fd);
	if (!directory)
		close(fd);
	return directory;
}

int images_read_needs(int dir, struct images_needs *found)
{
	struct needs needs = { 0 };
	DIR *images = open_directory(dir);
	struct dirent *entry;
	struct image image;

	*found = needs.found;
	if (!images)
		return -errno;
	while ((entry = readdir(images))) {
		if (!look_for(entry->d_name) || read_image(dir, entry->d_name, &image))
			continue;
		look_at_image(&image, look_for(entry->d_name), &needs);
		free(image.head);
	}
	closedir(images);
	*found = needs.found;
	return 0;
}

static int write_image(int dir, const char *name, const struct image *image)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t written;

	if (fd < 0)
		return -errno;
	written = write(fd, image->head, image->size);
	if (close(fd) || written < 0)
		return -errno;
	return (size_t)written == image->size ? 0 : -ENOSPC;
}

/* Into the directory below, a changed copy of an image, or a link to what is not to be changed */
static int adapt(int dir, int below, const char *name, struct needs *needs)
{
	char target[sizeof("../") + NAME_MAX];
	struct image image;
	int ret;

	if (!look_for(name)) {
		snprintf(target, sizeof(target), "../%s", name);
		return symlinkat(target, below, name) ? -errno : 0;
	}
	ret = read_image(dir, name, &image);
	if (ret)
		return ret;
	needs->found.guards = false;
	needs->found.nr_auxv = 0;
	look_at_image(&image, look_for(name), needs);
	if (needs->found.guards && !needs->allowed->guards)
		ret = split_at_guards(&image);
	if (!ret && needs->found.nr_auxv > needs->allowed->nr_auxv)
		ret = cut_auxv(&image, needs->allowed->nr_auxv);
	if (!ret)
		ret = write_image(below, name, &image);
	free(image.head);
	return ret;
}

int images_adapt(int dir, const char *name, const struct images_needs *allowed)
{
	struct needs needs = { .allowed = allowed };
	struct dirent *entry;
	int below, ret = 0;
	DIR *images;

	if (mkdirat(dir, name, 0700))
		return -errno;
	below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	images = open_directory(dir);
	if (below < 0 || !images)
		ret = -errno;
	/* what begins with a dot is no image; it may be the directory of another restore */
	while (!ret && (entry = readdir(images)))
		if (entry->d_name[0] != '.')
			ret = adapt(dir, below, entry->d_name, &needs);
	if (images)
		closedir(images);
	if (!ret)
		return below;
	if (below >= 0)
		close(below);
	images_remove(dir, name);
	return ret;
}

/* Whoever can write there must not have other directories emptied by a link of this name. */
int images_remove(int dir, const char *name)
{
	int below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *images = below < 0 ? NULL : fdopendir(below);
	struct dirent *entry;

	if (!images) {
		if (below >= 0)
			close(below);
		return -errno;
	}
	while ((entry = readdir(images)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(below, entry->d_name, 0);
	closedir(images);
	return unlinkat(dir, name, AT_REMOVEDIR) ? -errno : 0;
}
