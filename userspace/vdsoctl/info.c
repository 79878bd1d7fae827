// SPDX-License-Identifier: MIT
/* vdsoctl info: what there is to know about the vDSO of a process. */
#include "vdsoctl.h"

#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json.h>
#include <string.h>
#include <unistd.h>

/**
 * struct report - what was found out
 * @pid: about whom
 * @have_module: the module was asked, not only /proc
 * @status: areas and mark
 * @have_runtime, @runtime: the runtime vDSO, parsed
 * @have_image, @image: the image vDSO, parsed
 * @image_range: where it is
 */
struct report {
	pid_t pid;
	bool have_module;
	struct vdso_remap_status status;
	bool have_runtime;
	struct vdso_remap_image runtime;
	bool have_image;
	struct vdso_remap_image image;
	struct vdso_remap_range image_range;
};

/*
 * The image is where the mark says; without a mark, where the program was told
 * its vDSO is, if something else than the runtime vDSO stands there.
 */
static const struct mapping *find_image(const struct report *r, const struct maps *maps,
					uint64_t *addr)
{
	const struct mapping *m;

	*addr = r->status.image;
	if (!r->status.proxied && process_auxv(r->pid, AT_SYSINFO_EHDR, addr))
		return NULL;
	m = maps_at(maps, *addr);
	return m && strcmp(m->name, "[vdso]") ? m : NULL;
}

/* Complains. */
static int collect_image(struct report *r)
{
	const struct mapping *m;
	struct maps maps;
	uint64_t addr;
	int ret;

	ret = maps_read(&maps, r->pid);
	if (ret)
		return complain("can't read /proc/%d/maps: %s", r->pid, strerror(-ret));
	m = find_image(r, &maps, &addr);
	if (m) {
		r->image_range = (struct vdso_remap_range){ addr, m->end };
		ret = image_from_process(&r->image, r->pid, addr, m->end - addr);
		r->have_image = !ret;
	}
	maps_free(&maps);
	return ret;
}

/* Complains. */
static int collect(struct report *r, int fd)
{
	const struct vdso_remap_area *text;
	int ret;

	ret = group_query(fd, r->pid, &r->status);
	if (ret == -EACCES || ret == -EPERM)
		return complain("can't look into process %d: not allowed. Be root, or its owner",
				r->pid);
	if (ret == -ENOENT && fd < 0)
		return complain("there is no process %d", r->pid);
	if (ret)
		return group_complain(ret, "can't look at the vDSO", r->pid, 0);
	text = group_text(&r->status.info);
	if (text) {
		if (image_from_process(&r->runtime, r->pid, text->start, text->size))
			return -1;
		r->have_runtime = true;
	}
	return collect_image(r);
}

static const char *area_name(const struct vdso_remap_area *area)
{
	return area->kind == VDSO_REMAP_AREA_TEXT ? "text" : "data";
}

/* The address as NAME or 0xADDR. */
static void name_target(char *buf, size_t size, const struct report *r, uint64_t target)
{
	const struct vdso_remap_area *text = group_text(&r->status.info);
	uint32_t i;

	for (i = 0; text && r->have_runtime && i < r->runtime.nr_entry_points; i++) {
		const struct vdso_remap_entry_point *ep = &r->runtime.entry_points[i];

		if (text->start + ep->off != target)
			continue;
		snprintf(buf, size, "%s", ep->name);
		return;
	}
	snprintf(buf, size, "0x%" PRIx64, target);
}

/* What a site leads to, "" if nowhere. Returns what it is. */
static enum site_kind describe_site(char *buf, size_t size, const struct report *r,
				    const struct vdso_remap_entry_point *ep)
{
	struct site site = site_decode(&r->image, r->image_range.start, ep);

	switch (site.kind) {
	case SITE_UNTOUCHED:
		buf[0] = '\0';
		break;
	case SITE_STUB:
		snprintf(buf, size, "system call %s", site.call);
		break;
	default:
		name_target(buf, size, r, site.target);
	}
	return site.kind;
}

static void print_symbols(const struct report *r, const struct vdso_remap_image *image, bool sites)
{
	char what[VDSO_REMAP_NAME_MAX];
	uint32_t i;

	printf("  %8s %5s %5s  %s\n", "OFFSET", "SIZE", "ROOM", "SYMBOL");
	for (i = 0; i < image->nr_entry_points; i++) {
		const struct vdso_remap_entry_point *ep = &image->entry_points[i];

		if (!sites) {
			printf("  %#8x %5u %5u  %s\n", ep->off, ep->size, ep->room, ep->name);
			continue;
		}
		printf("  %#8x %5u %5u  %-36s %s", ep->off, ep->size, ep->room, ep->name,
		       site_kind_name(describe_site(what, sizeof(what), r, ep)));
		printf("%s%s\n", *what ? " to " : "", what);
	}
}

static void print_areas(const struct vdso_remap_info *info)
{
	uint32_t i;

	for (i = 0; i < info->nr_areas; i++) {
		const struct vdso_remap_area *area = &info->areas[i];

		printf("  %" PRIx64 "-%" PRIx64 " %s%s%s\n", (uint64_t)area->start,
		       (uint64_t)(area->start + area->size), area_name(area),
		       area->flags & VDSO_REMAP_AREA_SEALED ? " sealed" : "",
		       area->flags & VDSO_REMAP_AREA_PRIVATE ? " private pages" : "");
	}
}

static void print_text(const struct report *r)
{
	const struct vdso_remap_info *info = &r->status.info;
	char id[2 * VDSO_REMAP_BUILD_ID_MAX + 1];

	printf("process %d, from %s\n", r->pid,
	       r->have_module ? "the module" : "/proc only (the module is not loaded)");
	if (r->have_module)
		printf("kernel's pointer 0x%" PRIx64 "\n", (uint64_t)info->vdso);
	if (!info->nr_areas)
		printf("no runtime vDSO\n");
	else if (!(info->state & VDSO_REMAP_STATE_PRESENT))
		printf("remains of a runtime vDSO\n");
	else
		printf("runtime vDSO %s, %s\n",
		       image_build_id(id, r->runtime.build_id, r->runtime.build_id_size),
		       image_abi(&r->runtime));
	print_areas(info);
	if (r->have_runtime)
		print_symbols(r, &r->runtime, false);
	if (r->status.proxied) {
		printf("mark of version %u: image at 0x%" PRIx64, r->status.mark_version,
		       r->status.image);
		if (r->status.image_data != VDSO_REMAP_MARK_NO_ADDR)
			printf(", its data at 0x%" PRIx64, r->status.image_data);
		putchar('\n');
	}
	if (r->have_image) {
		printf("image vDSO %s, %s\n  %" PRIx64 "-%" PRIx64 " text\n",
		       image_build_id(id, r->image.build_id, r->image.build_id_size),
		       image_abi(&r->image), r->image_range.start, r->image_range.end);
		print_symbols(r, &r->image, true);
	}
}

static void add_string(struct json_object *obj, const char *key, const char *val)
{
	json_object_object_add(obj, key, json_object_new_string(val));
}

static void add_number(struct json_object *obj, const char *key, uint64_t val)
{
	json_object_object_add(obj, key, json_object_new_uint64(val));
}

static void add_bool(struct json_object *obj, const char *key, bool val)
{
	json_object_object_add(obj, key, json_object_new_boolean(val));
}

static struct json_object *symbols_to_json(const struct report *r,
					   const struct vdso_remap_image *image, bool sites)
{
	struct json_object *array = json_object_new_array();
	char what[VDSO_REMAP_NAME_MAX];
	uint32_t i;

	for (i = 0; i < image->nr_entry_points; i++) {
		const struct vdso_remap_entry_point *ep = &image->entry_points[i];
		struct json_object *obj = json_object_new_object();

		add_string(obj, "symbol", ep->name);
		add_number(obj, "offset", ep->off);
		add_number(obj, "size", ep->size);
		add_number(obj, "room", ep->room);
		if (sites) {
			add_string(obj, "site",
				   site_kind_name(describe_site(what, sizeof(what), r, ep)));
			add_string(obj, "leads_to", what);
		}
		json_object_array_add(array, obj);
	}
	return array;
}

static struct json_object *areas_to_json(const struct vdso_remap_info *info, bool have_flags)
{
	struct json_object *array = json_object_new_array();
	uint32_t i;

	for (i = 0; i < info->nr_areas; i++) {
		const struct vdso_remap_area *area = &info->areas[i];
		struct json_object *obj = json_object_new_object();

		add_string(obj, "kind", area_name(area));
		add_number(obj, "start", area->start);
		add_number(obj, "size", area->size);
		if (have_flags) {
			add_bool(obj, "sealed", area->flags & VDSO_REMAP_AREA_SEALED);
			add_bool(obj, "private_pages", area->flags & VDSO_REMAP_AREA_PRIVATE);
		}
		json_object_array_add(array, obj);
	}
	return array;
}

static struct json_object *image_to_json(const struct report *r,
					 const struct vdso_remap_image *image, bool sites)
{
	struct json_object *obj = json_object_new_object();
	char id[2 * VDSO_REMAP_BUILD_ID_MAX + 1];

	add_string(obj, "build_id", image_build_id(id, image->build_id, image->build_id_size));
	add_string(obj, "abi", image_abi(image));
	add_number(obj, "bits", image->bits);
	if (sites) {
		add_number(obj, "start", r->image_range.start);
		add_number(obj, "size", r->image_range.end - r->image_range.start);
	}
	json_object_object_add(obj, "symbols", symbols_to_json(r, image, sites));
	return obj;
}

static struct json_object *mark_to_json(const struct vdso_remap_status *status)
{
	struct json_object *obj = json_object_new_object();

	add_number(obj, "version", status->mark_version);
	add_number(obj, "image", status->image);
	if (status->image_data != VDSO_REMAP_MARK_NO_ADDR)
		add_number(obj, "image_data", status->image_data);
	return obj;
}

static void print_json(const struct report *r)
{
	const struct vdso_remap_info *info = &r->status.info;
	struct json_object *obj = json_object_new_object();

	add_number(obj, "pid", r->pid);
	add_string(obj, "source", r->have_module ? "module" : "proc");
	if (r->have_module)
		add_number(obj, "kernel_pointer", info->vdso);
	add_bool(obj, "present", info->state & VDSO_REMAP_STATE_PRESENT);
	json_object_object_add(obj, "areas", areas_to_json(info, r->have_module));
	if (r->have_runtime)
		json_object_object_add(obj, "runtime", image_to_json(r, &r->runtime, false));
	if (r->status.proxied)
		json_object_object_add(obj, "mark", mark_to_json(&r->status));
	if (r->have_image)
		json_object_object_add(obj, "image", image_to_json(r, &r->image, true));
	puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED));
	json_object_put(obj);
}

/* Stops the process only if the module is to be asked about another one; complains. */
static int collect_stopped(struct report *r, int fd)
{
	struct tracees tracees;
	int ret;

	if (fd < 0 || r->pid == getpid())
		return collect(r, fd);
	if (tracees_stop_leader(&tracees, r->pid))
		return -1;
	ret = collect(r, fd);
	tracees_release(&tracees);
	return ret;
}

static int run_info(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	struct report report = { .pid = getpid() };
	bool json = false;
	int opt, fd, ret;

	while ((opt = getopt_long(argc, argv, "p:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			if (!parse_pid(optarg, &report.pid))
				return usage_error(cmd, "'%s' is no process id", optarg);
			break;
		case 'j':
			json = true;
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if (optind < argc)
		return usage_error(cmd, "info takes options only, not '%s'", argv[optind]);

	fd = vdso_remap_open();
	report.have_module = fd >= 0;
	ret = collect_stopped(&report, fd);
	if (fd >= 0)
		close(fd);
	if (ret)
		return STATUS_FAILED;
	if (json)
		print_json(&report);
	else
		print_text(&report);
	return finish_output();
}

const struct command cmd_info = {
	.name = "info",
	.args = "[-p PID] [--json]",
	.summary = "show the vDSO of a process",
	.help = "  -p, --pid PID         of this process; default: vdsoctl itself\n"
		"      --json            for programs\n",
	.usage_status = STATUS_USAGE,
	.run = run_info,
};
