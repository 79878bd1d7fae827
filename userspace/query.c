// SPDX-License-Identifier: MIT
/* Asks which vDSO a process has, and whether it is proxied: what a checkpoint wants to know. */
#include <errno.h>

#include "internal.h"
#include "syscall.h"

/* The pieces of an area that was split, by mprotect(2) for instance, are joined here. */
static void add_area(struct vdso_remap_info *info, const struct vrl_mapping *mapping, bool joins)
{
	struct vdso_remap_area *area = &info->areas[info->nr_areas - joins];

	if (joins) {
		area->size += mapping->end - mapping->start;
		return;
	}
	*area = (struct vdso_remap_area){
		.start = mapping->start,
		.size = mapping->end - mapping->start,
		.kind = vdso_name_equals(mapping->name, "[vdso]") ? VDSO_REMAP_AREA_TEXT :
								    VDSO_REMAP_AREA_DATA,
	};
	info->nr_areas++;
}

/* Areas as /proc lists them. */
static int read_areas(struct vdso_remap_info *info, int32_t pid)
{
	struct vrl_lines maps = { .fd = vrl_open_proc(pid, "/maps") };
	struct vrl_mapping mapping, last = { 0 };
	bool joins;
	int ret;

	if (maps.fd < 0)
		return maps.fd;
	while ((ret = vrl_next_mapping(&maps, &mapping)) > 0) {
		if (!vdso_name_equals(mapping.name, "[vdso]") &&
		    !vdso_name_equals(mapping.name, "[vvar]") &&
		    !vdso_name_equals(mapping.name, "[vvar_vclock]"))
			continue;
		joins = last.end == mapping.start && vdso_name_equals(last.name, mapping.name);
		if (!joins && info->nr_areas == VDSO_REMAP_MAX_AREAS)
			break;
		add_area(info, &mapping, joins);
		last = mapping;
	}
	sys_close(maps.fd);
	return ret < 0 ? ret : 0;
}

/* What can be known without the module. */
static int read_info(struct vdso_remap_info *info, int32_t pid)
{
	struct vdso_remap_image runtime = VDSO_REMAP_INIT(runtime);
	const struct vdso_remap_area *text;
	int ret;

	ret = read_areas(info, pid);
	text = vrl_text_area(info);
	if (ret || !text)
		return ret;
	info->state = VDSO_REMAP_STATE_PRESENT;
	if (!vrl_copy_vdso(&runtime, pid, text->start, text->size))
		info->machine = runtime.machine;
	vrl_drop_copy(&runtime);
	return 0;
}

/* The data pages of an image: from where the mark says to the text, or to the mapping's end. */
static int find_data(struct vdso_remap_status *status, uint64_t addr)
{
	struct vrl_lines maps = { .fd = vrl_open_proc(status->pid, "/maps") };
	struct vdso_remap_range *data = &status->image_data;
	struct vrl_mapping mapping;
	int ret;

	*data = (struct vdso_remap_range){ addr, addr };
	if (maps.fd < 0)
		return maps.fd;
	while ((ret = vrl_next_mapping(&maps, &mapping)) > 0) {
		if (addr < mapping.start || addr >= mapping.end)
			continue;
		data->end = mapping.end;
		if (addr < status->image.start && data->end > status->image.start)
			data->end = status->image.start;
		break;
	}
	sys_close(maps.fd);
	return ret < 0 ? ret : 0;
}

static int read_mark(struct vdso_remap_status *status)
{
	struct vdso_remap_mark raw;
	struct vrl_mark mark;
	int ret;

	/* Not a plain read, also at home: the pages may have been protected. */
	ret = vrl_read(status->pid, status->runtime.start, &raw, sizeof(raw));
	if (ret)	/* What can't be read is not marked: CRIU looks at readable memory only. */
		return ret == -EFAULT ? 0 : ret;
	if (!vrl_read_mark(&mark, &raw, sizeof(raw)))
		return 0;
	status->flags |= VDSO_REMAP_STATUS_MARKED;
	status->mark_version = mark.version;
	ret = vdso_remap_find_image(status->pid, mark.image, &status->image);
	if (ret)	/* The process can write marks, too. */
		return 0;
	status->flags |= VDSO_REMAP_STATUS_PROXIED;
	return mark.image_data == VDSO_REMAP_MARK_NO_ADDR ? 0 : find_data(status, mark.image_data);
}

static void find_ranges(struct vdso_remap_status *status)
{
	const struct vdso_remap_info *info = &status->info;
	const struct vdso_remap_area *area;
	struct vdso_remap_range run = { 0 };
	uint32_t i;

	for (i = 0; i < info->nr_areas; i++) {
		area = &info->areas[i];
		if (area->start != run.end)
			run.start = area->start;
		run.end = area->start + area->size;
		if (area->kind == VDSO_REMAP_AREA_TEXT) {
			if (!status->runtime.end)	/* of several, if it was split */
				status->runtime.start = area->start;
			status->runtime.end = run.end;
		}
		/* Those that touch the text, and no other memory in between. */
		if (run.start <= status->runtime.start && status->runtime.start < run.end)
			status->group = run;
	}
}

public_api int vdso_remap_query(int fd, int32_t pid, struct vdso_remap_status *status)
{
	int ret = vrl_check_size(&status->size, sizeof(*status));

	if (ret)
		return ret;
	*status = (struct vdso_remap_status){ .size = status->size, .pid = pid };
	if (fd < 0) {
		status->flags = VDSO_REMAP_STATUS_NO_MODULE;
		ret = read_info(&status->info, pid);
	} else {
		ret = vrl_get_info(fd, pid, &status->info);
		/* Of a group that was split the module lists the pieces, as many as have room. */
		if (!ret && status->info.nr_areas &&
		    !(status->info.state & VDSO_REMAP_STATE_PRESENT)) {
			status->info.nr_areas = 0;
			ret = read_areas(&status->info, pid);
		}
	}
	if (ret)
		return ret;
	find_ranges(status);
	return status->runtime.end ? read_mark(status) : 0;
}
