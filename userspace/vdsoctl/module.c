// SPDX-License-Identifier: MIT
/* vdsoctl load, unload: the kernel module, by libkmod. */
#include "vdsoctl.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <libkmod.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MODULE_NAME	"vdso_remap"

static int complain_load(int err, const char *what)
{
	struct utsname uts;

	uname(&uts);
	switch (err) {
	case -ENOENT:
		return complain("%s is not installed for the running kernel, %s. Run 'dkms "
				"install' or 'make modules_install', or name a file: vdsoctl load "
				"./" MODULE_NAME ".ko", what, uts.release);
	case -EPERM:
		return complain("can't load %s: not allowed. Be root; if you are, is the kernel "
				"locked down?", what);
	case -EKEYREJECTED:
	case -ENOKEY:
		return complain("can't load %s: its signature is missing or not trusted by this "
				"kernel (secure boot)", what);
	case -ENOEXEC:
		return complain("can't load %s: it is no module for the running kernel, %s, or "
				"refused it. dmesg says which; build it against these headers",
				what, uts.release);
	case -EINVAL:
		return complain("can't load %s: wrong parameter value. dmesg says which", what);
	default:
		return complain("can't load %s: %s. dmesg may say more", what, strerror(-err));
	}
}

/* PARAM=VALUE words as one string, to be freed. NULL: out of memory. */
static char *join_params(char **words)
{
	char *params = strdup("");

	while (params && *words) {
		char *longer;

		if (asprintf(&longer, "%s%s%s", params, *params ? " " : "", *words) < 0)
			longer = NULL;
		free(params);
		params = longer;
		words++;
	}
	return params;
}

/* By name, through the modules directory. */
static int load_installed(struct kmod_ctx *ctx, const char *params)
{
	struct kmod_list *list = NULL, *item;
	int ret;

	ret = kmod_module_new_from_lookup(ctx, MODULE_NAME, &list);
	if (!ret && !list)
		ret = -ENOENT;
	kmod_list_foreach(item, list) {
		struct kmod_module *mod = kmod_module_get_module(item);

		ret = kmod_module_probe_insert_module(mod, 0, params, NULL, NULL, NULL);
		kmod_module_unref(mod);
		if (ret)
			break;
	}
	kmod_module_unref_list(list);
	return ret;
}

static int load_file(struct kmod_ctx *ctx, const char *path, const char *params)
{
	struct kmod_module *mod;
	int ret;

	ret = kmod_module_new_from_path(ctx, path, &mod);
	if (ret)
		return ret;
	ret = kmod_module_insert_module(mod, 0, params);
	kmod_module_unref(mod);
	return ret;
}

static bool is_loaded(struct kmod_ctx *ctx)
{
	struct kmod_module *mod;
	bool loaded;

	if (kmod_module_new_from_name(ctx, MODULE_NAME, &mod))
		return false;
	loaded = kmod_module_get_initstate(mod) == KMOD_MODULE_LIVE;
	kmod_module_unref(mod);
	return loaded;
}

/* NULL, or a context that leaves it to us to say what went wrong; complains. */
static struct kmod_ctx *new_context(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	if (ctx)
		kmod_set_log_priority(ctx, 0);
	else
		complain("can't use libkmod: out of memory?");
	return ctx;
}

/* Complains. */
static int load(struct kmod_ctx *ctx, const char *path, const char *params)
{
	int ret;

	if (is_loaded(ctx) && *params)
		return complain(MODULE_NAME " is loaded already, so %s would have no effect. Try: "
				"vdsoctl unload", params);
	if (is_loaded(ctx)) {
		printf(MODULE_NAME " is loaded already\n");
		return 0;
	}
	if (path && access(path, R_OK))
		return complain("can't read %s: %s", path, strerror(errno));
	ret = path ? load_file(ctx, path, params) : load_installed(ctx, params);
	return ret ? complain_load(ret, path ? path : MODULE_NAME) : 0;
}

/* Options only. -1: there are none, else the exit status. */
static int run_options(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = { OPTION_HELP, OPTION_VERSION, { } };
	int opt = getopt_long(argc, argv, "hV", options, NULL);

	return opt == -1 ? -1 : common_option(cmd, opt);
}

static int run_load(const struct command *cmd, int argc, char **argv)
{
	const char *path = NULL;
	struct kmod_ctx *ctx;
	char *params;
	int i, ret;

	ret = run_options(cmd, argc, argv);
	if (ret >= 0)
		return ret;
	if (optind < argc && !strchr(argv[optind], '='))
		path = argv[optind++];
	for (i = optind; i < argc; i++)
		if (!strchr(argv[i], '='))
			return usage_error(cmd, "'%s' is no PARAM=VALUE", argv[i]);

	ctx = new_context();
	params = join_params(argv + optind);
	if (ctx && params)
		ret = load(ctx, path, params);
	else if (ctx)
		ret = complain("out of memory");
	free(params);
	kmod_unref(ctx);
	return ret ? STATUS_FAILED : finish_output();
}

static bool has_device_open(const char *pid)
{
	char path[300], target[64];
	struct dirent *entry;
	bool found = false;
	ssize_t len;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		found = !strcmp(target, VDSO_REMAP_DEVICE);
	}
	closedir(dir);
	return found;
}

/* Complains, and names those who hold the device. */
static int complain_in_use(void)
{
	char users[256] = "";
	struct dirent *entry;
	size_t len = 0;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && (entry = readdir(dir))) {
		if (atoi(entry->d_name) <= 0 || !has_device_open(entry->d_name))
			continue;
		if (len + 16 < sizeof(users))
			len += snprintf(users + len, sizeof(users) - len, " %s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (!len)
		return complain("can't unload " MODULE_NAME ": it is in use, but no process that "
				"is seen here has " VDSO_REMAP_DEVICE " open. Outside of this "
				"container, if it is one, 'lsof " VDSO_REMAP_DEVICE "' shows who; "
				"else try again");
	return complain("can't unload " MODULE_NAME ": " VDSO_REMAP_DEVICE " is open in process%s. "
			"Close it there first", users);
}

static int complain_unload(int err)
{
	switch (err) {
	case -ENOENT:
		return complain(MODULE_NAME " is not loaded");
	case -EPERM:
		return complain("can't unload " MODULE_NAME ": not allowed. Be root");
	case -EBUSY:
	case -EWOULDBLOCK:
		return complain_in_use();
	case -ENOSYS:
		return complain("can't unload " MODULE_NAME ": this kernel can't unload modules");
	default:
		return complain("can't unload " MODULE_NAME ": %s", strerror(-err));
	}
}

static int run_unload(const struct command *cmd, int argc, char **argv)
{
	struct kmod_module *mod;
	struct kmod_ctx *ctx;
	int ret;

	ret = run_options(cmd, argc, argv);
	if (ret >= 0)
		return ret;
	if (optind < argc)
		return usage_error(cmd, "unload takes no arguments");

	ctx = new_context();
	if (!ctx)
		return STATUS_FAILED;
	ret = kmod_module_new_from_name(ctx, MODULE_NAME, &mod);
	if (!ret) {
		ret = kmod_module_remove_module(mod, 0);
		kmod_module_unref(mod);
	}
	kmod_unref(ctx);
	if (!ret)
		return STATUS_OK;
	complain_unload(ret);
	return STATUS_FAILED;
}

const struct command cmd_load = {
	.name = "load",
	.args = "[FILE] [PARAM=VALUE]...",
	.summary = "load the kernel module",
	.help = "  FILE                  a module file; default: the installed one\n"
		"  PARAM=VALUE           a module parameter, see: modinfo " MODULE_NAME "\n",
	.usage_status = STATUS_USAGE,
	.run = run_load,
};

const struct command cmd_unload = {
	.name = "unload",
	.args = "",
	.summary = "unload the kernel module",
	.help = "",
	.usage_status = STATUS_USAGE,
	.run = run_unload,
};
