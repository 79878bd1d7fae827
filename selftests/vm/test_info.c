// SPDX-License-Identifier: GPL-2.0
/* GET_INFO, against what /proc and the vDSO itself say. */
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "arch/test.h"
#include "lib/child.h"
#include "lib/device.h"
#include "lib/maps.h"
#include "lib/memory.h"
#include "lib/state.h"
#include "lib/task.h"
#include "lib/vdso.h"

/*
 * state: what GET_INFO says at the start, and the maps
 * group: what the maps say
 */
FIXTURE(info) {
	int fd;
	struct t_group group;
};

static struct t_state state;
static struct vdso_remap_info info;

FIXTURE_SETUP(info)
{
	self->fd = t_open();
	ASSERT_TRUE(t_state_capture(&state, self->fd, 0));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	memset(&info, 0xcc, sizeof(info));
	info.size = sizeof(info);
	info.flags = 0;
	info.pid = 0;
}

FIXTURE_TEARDOWN(info)
{
	close(self->fd);
}

TEST_F(info, areas_are_those_of_maps)
{
	unsigned int i, nr = 0;

	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_GET_INFO, &info));
	for (i = 0; i < state.maps.nr; i++) {
		const struct t_vma *vma = &state.maps.vma[i];

		if (!t_is_special(vma))
			continue;
		ASSERT_LT(nr, info.nr_areas);
		EXPECT_EQ(vma->start, info.areas[nr].start);
		EXPECT_EQ(vma->end - vma->start, info.areas[nr].size);
		EXPECT_EQ(strcmp(vma->name, "[vdso]") ? VDSO_REMAP_AREA_DATA : VDSO_REMAP_AREA_TEXT,
			  info.areas[nr].kind);
		EXPECT_EQ(0, info.areas[nr].flags);
		nr++;
	}
	EXPECT_EQ(nr, info.nr_areas);
}

static uint64_t expected_features(void)
{
	int fd = open("/sys/module/vdso_remap/parameters/allow_unseal", O_RDONLY | O_CLOEXEC);
	char allow_unseal = 'N';

	if (fd < 0 || read(fd, &allow_unseal, 1) != 1)
		exit(1);
	close(fd);
	return VDSO_REMAP_FEATURE_MARK | (T_HAS_COMPAT ? VDSO_REMAP_FEATURE_COMPAT : 0) |
	       (allow_unseal == 'Y' ? VDSO_REMAP_FEATURE_UNSEAL : 0);
}

TEST_F(info, fields_are_right_and_unused_ones_zero)
{
	static const struct vdso_remap_area unused;
	unsigned int i;

	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(0, info.pid);
	EXPECT_EQ(VDSO_REMAP_VERSION, info.version);
	EXPECT_EQ(expected_features(), info.features);
	EXPECT_EQ(self->group.text, info.vdso);
	EXPECT_EQ(VDSO_REMAP_STATE_PRESENT, info.state);
	EXPECT_EQ(T_MACHINE, info.machine);
	for (i = info.nr_areas; i < VDSO_REMAP_MAX_AREAS; i++)
		EXPECT_EQ(0, memcmp(&unused, &info.areas[i], sizeof(unused)));
}

/* By the program headers: the module goes by the section headers. Notes have one class. */
static const Elf32_Nhdr *find_build_id(const uint8_t *image)
{
	const ElfW(Ehdr) *ehdr = (const void *)image;
	const ElfW(Phdr) *phdr = (const void *)(image + ehdr->e_phoff);
	unsigned int i;

	for (i = 0; i < ehdr->e_phnum; i++) {
		const uint8_t *note = image + phdr[i].p_offset, *end = note + phdr[i].p_filesz;

		while (phdr[i].p_type == PT_NOTE && note < end) {
			const Elf32_Nhdr *nhdr = (const void *)note;

			if (nhdr->n_type == NT_GNU_BUILD_ID && nhdr->n_namesz == 4 &&
			    !memcmp(nhdr + 1, "GNU", 4))
				return nhdr;
			note += sizeof(*nhdr) + ((nhdr->n_namesz + 3) & ~3U) +
				((nhdr->n_descsz + 3) & ~3U);
		}
	}
	return NULL;
}

TEST_F(info, build_id_is_the_note_of_the_vdso)
{
	static const uint8_t unused[VDSO_REMAP_BUILD_ID_MAX];
	const Elf32_Nhdr *note;
	size_t size;

	note = find_build_id(t_vdso_image(&size));
	ASSERT_NE(NULL, note);
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_GET_INFO, &info));
	ASSERT_EQ(note->n_descsz, info.build_id_size);
	EXPECT_EQ(0, memcmp((const char *)(note + 1) + 4, info.build_id, note->n_descsz));
	EXPECT_EQ(0, memcmp(unused, info.build_id + note->n_descsz,
			    sizeof(unused) - note->n_descsz));
}

TEST_F(info, private_is_set_by_the_first_private_page)
{
	uint64_t last = self->group.end - 1;
	uint32_t text = state.info.nr_areas - 1;
	uint8_t byte;

	EXPECT_FALSE(t_page_is_private(last));
	ASSERT_TRUE(t_mem_read(0, last, &byte, 1));
	ASSERT_TRUE(t_mem_write(0, last, &byte, 1));
	EXPECT_TRUE(t_page_is_private(last));

	state.info.state |= VDSO_REMAP_AREA_PRIVATE;
	state.info.areas[text].flags = VDSO_REMAP_AREA_PRIVATE;
	EXPECT_TRUE(t_state_is(&state));
}

/* An anon_vma that a fork leaves behind is not a private page. */
TEST_F(info, private_is_not_set_by_fork)
{
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	EXPECT_TRUE(t_state_is(&state));
	t_child_end(&child);
}

TEST_F(info, process_without_vdso_has_no_areas)
{
	ASSERT_EQ(0, munmap((void *)self->group.start, self->group.end - self->group.start));
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(0, info.state);
	EXPECT_EQ(0, info.nr_areas);
	EXPECT_EQ(self->group.text, info.vdso);
	EXPECT_EQ(T_MACHINE, info.machine);
	EXPECT_EQ(0, memcmp(state.info.build_id, info.build_id, sizeof(info.build_id)));
}

TEST_F(info, data_without_text_is_listed_but_not_present)
{
	unsigned int i, nr = state.info.nr_areas - 1;

	ASSERT_EQ(0, munmap((void *)self->group.text, self->group.end - self->group.text));
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(0, info.state);
	ASSERT_EQ(nr, info.nr_areas);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(0, memcmp(&state.info.areas[i], &info.areas[i], sizeof(info.areas[i])));
}

TEST_F(info, text_without_data_is_listed_but_not_present)
{
	ASSERT_EQ(0, munmap((void *)self->group.start, self->group.text - self->group.start));
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(0, info.state);
	ASSERT_EQ(1, info.nr_areas);
	EXPECT_EQ(self->group.text, info.areas[0].start);
	EXPECT_EQ(VDSO_REMAP_AREA_TEXT, info.areas[0].kind);
}

TEST_F(info, text_without_its_data_beside_it_is_not_present)
{
	size_t size = self->group.end - self->group.text;
	uint64_t place = t_hole(size);

	ASSERT_EQ((void *)place, mremap((void *)self->group.text, size, size,
					MREMAP_MAYMOVE | MREMAP_FIXED, place));
	ASSERT_EQ(0, t_ioctl(self->fd, VDSO_REMAP_GET_INFO, &info));
	EXPECT_EQ(0, info.state);
	EXPECT_EQ(state.info.nr_areas, info.nr_areas);
	EXPECT_EQ(place, info.vdso);
}

TEST_F(info, group_that_was_moved_with_mremap_is_present)
{
	uint64_t by = t_group_hole() - self->group.text;
	unsigned int i;

	for (i = 0; i < state.maps.nr; i++) {
		const struct t_vma *vma = &state.maps.vma[i];
		size_t size = vma->end - vma->start;

		if (t_is_special(vma))
			ASSERT_EQ((void *)(vma->start + by),
				  mremap((void *)vma->start, size, size,
					 MREMAP_MAYMOVE | MREMAP_FIXED, vma->start + by));
	}
	t_state_move(&state, self->group.text + by);
	EXPECT_TRUE(t_state_is(&state));
}

TEST_F(info, of_another_process_is_its_own)
{
	uint64_t place = t_group_hole();
	struct t_child child;

	ASSERT_TRUE(t_child_start(&child));
	ASSERT_EQ(0, t_child_call(&child, t_move_own, place));
	ASSERT_TRUE(t_seize_and_stop(child.pid));

	state.pid = child.pid;
	state.info.pid = child.pid;
	t_state_move(&state, place);
	ASSERT_TRUE(t_maps_read(&state.maps, child.pid));
	ASSERT_TRUE(t_group_find(&self->group, &state.maps));
	EXPECT_EQ(place, self->group.text);
	EXPECT_TRUE(t_state_is(&state));
	t_child_end(&child);
}

TEST_HARNESS_MAIN
