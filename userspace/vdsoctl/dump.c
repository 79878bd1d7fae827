// SPDX-License-Identifier: MIT
/* vdsoctl dump-image: the bytes of a runtime vDSO, to a file. Needs no module. */
#include "vdsoctl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/program.h"

#define MAX_LINKS	40	/* as the kernel */

/* The text of the vDSO as it is, to be freed; complains. */
static void *read_text(pid_t pid, size_t *size)
{
	struct vdso_remap_status status;
	void *data;
	int ret;

	if (group_look(-1, pid, &status))
		return NULL;
	if (!status.runtime.end) {
		complain("process %d has no vDSO: /proc/%d/maps shows no [vdso]", pid, pid);
		return NULL;
	}
	if (status.flags & VDSO_REMAP_STATUS_MARKED) {
		complain("the vDSO of process %d has a mark where its ELF header was: it is "
			 "proxied. Take the vDSO of a process that is not", pid);
		return NULL;
	}
	*size = status.runtime.end - status.runtime.start;
	data = *size <= VDSO_REMAP_MAX_IMAGE_SIZE ? malloc(*size) : NULL;
	ret = data ? process_read(pid, status.runtime.start, data, *size) : -ENOMEM;
	if (ret == -EFAULT || ret == -EIO)
		complain("can't read all of the vDSO of process %d: a part of it is unmapped or "
			 "protected. Take the vDSO of another process, or use --machine", pid);
	else if (ret)
		complain("can't read the vDSO of process %d: %s", pid, strerror(-ret));
	if (!ret)
		return data;
	free(data);
	return NULL;
}

/* The same, of the vDSO that the running kernel gives to programs of this ABI. */
static void *read_fresh_text(enum vdso_abi abi, size_t *size)
{
	pid_t pid = abi == VDSO_ABI_NATIVE ? getpid() : fresh_start(abi);
	void *data;

	if (pid < 0)
		return NULL;
	data = read_text(pid, size);
	if (pid != getpid())
		fresh_end(pid);
	return data;
}

/* The ABI of this name, or VDSO_ABI_UNKNOWN. */
static enum vdso_abi find_abi(const char *name)
{
	unsigned int abi;

	for (abi = 1; abi < VDSO_NR_ABIS; abi++)
		if (!strcmp(name, vdso_remap_abi_name(abi)))
			return abi;
	return VDSO_ABI_UNKNOWN;
}

/* Returns -errno. */
static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0)
			return -errno;
		data += n;
		size -= n;
	}
	return 0;
}

/* Whoever looks at the file sees the old one or all of the new one; complains. */
static int replace_file(const char *path, const char *data, size_t size)
{
	mode_t mask = umask(0);
	int fd, ret;
	char *tmp;

	umask(mask);
	if (asprintf(&tmp, "%s.XXXXXX", path) < 0)
		return complain("out of memory");
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		ret = complain("can't create %s: %s", tmp, strerror(errno));
		goto out_free;
	}
	ret = write_all(fd, data, size);
	if (!ret && fchmod(fd, 0666 & ~mask))
		ret = -errno;
	if (!ret && fsync(fd))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && rename(tmp, path))
		ret = -errno;
	if (ret) {
		unlink(tmp);
		ret = complain("can't write %s: %s", path, strerror(-ret));
	}
out_free:
	free(tmp);
	return ret;
}

/* Complains. */
static int write_to(int fd, const char *name, const char *data, size_t size)
{
	int ret;

	if (isatty(fd))
		return complain("%s is a terminal, and these are binary bytes. Say where to with "
				"-o FILE, or use a pipe", name);
	ret = write_all(fd, data, size);
	return ret ? complain("can't write to %s: %s", name, strerror(-ret)) : 0;
}

static int write_stdout(const char *data, size_t size)
{
	return write_to(STDOUT_FILENO, "standard output", data, size);
}

/* For a device or a pipe, which must not be replaced by a file; complains. */
static int write_into(const char *path, const char *data, size_t size)
{
	int fd, ret;

	fd = open(path, O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return complain("can't open %s: %s", path, strerror(errno));
	ret = write_to(fd, path, data, size);
	if (close(fd) && !ret)
		ret = complain("can't write to %s: %s", path, strerror(errno));
	return ret;
}

/* The name that symbolic links lead to, which need not exist; to be freed, or NULL. */
static char *follow_links(const char *path)
{
	char *name = strdup(path), *next, *dir_end;
	char target[PATH_MAX];
	int i, dir_len;
	ssize_t len;

	for (i = 0; name && i < MAX_LINKS; i++) {
		len = readlink(name, target, sizeof(target));
		if (len < 0)
			return name;
		dir_end = target[0] != '/' ? strrchr(name, '/') : NULL;
		dir_len = dir_end ? dir_end + 1 - name : 0;
		if (asprintf(&next, "%.*s%.*s", dir_len, name, (int)len, target) < 0)
			next = NULL;
		free(name);
		name = next;
	}
	free(name);
	return NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * A regular file is created or replaced in one step; symbolic links to it stay.
 * Anything else is written to. Complains.
 */
static int write_file(const char *path, const char *data, size_t size)
{
	struct stat there, out, end;
	bool exists = !stat(path, &there);
	char *name;
	int ret;

	if (!exists && errno != ENOENT)
		return complain("can't look at %s: %s", path, strerror(errno));
	if (exists && !fstat(STDOUT_FILENO, &out) && same_file(&there, &out))
		return write_stdout(data, size);
	if (exists && !S_ISREG(there.st_mode))
		return write_into(path, data, size);
	name = follow_links(path);
	if (!name)
		return complain("can't follow the symbolic links of %s", path);
	/* A link in /proc leads to an open file, which may have another name by now, or none. */
	if (exists && (stat(name, &end) || !same_file(&there, &end)))
		ret = write_into(path, data, size);
	else
		ret = replace_file(name, data, size);
	free(name);
	return ret;
}

static int run_dump_image(const struct command *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "pid", required_argument, NULL, 'p' },
		{ "machine", required_argument, NULL, 'm' },
		OPTION_HELP,
		OPTION_VERSION,
		{ }
	};
	enum vdso_abi abi = VDSO_ABI_UNKNOWN;
	const char *path = "-";
	pid_t pid = 0;
	int opt, ret;
	size_t size;
	void *data;

	while ((opt = getopt_long(argc, argv, "o:p:m:hV", options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			path = optarg;
			break;
		case 'p':
			if (!parse_pid(optarg, &pid))
				return usage_error(cmd, "'%s' is no process id", optarg);
			break;
		case 'm':
			abi = find_abi(optarg);
			if (abi == VDSO_ABI_UNKNOWN)
				return usage_error(cmd, "--machine takes one of %s, not '%s'",
						   image_abi_names(), optarg);
			break;
		default:
			return common_option(cmd, opt);
		}
	}
	if (optind < argc)
		return usage_error(cmd, "dump-image takes options only, not '%s'", argv[optind]);
	if (pid && abi != VDSO_ABI_UNKNOWN)
		return usage_error(cmd, "a process has the vDSO of its own ABI: give --pid or "
				   "--machine, not both");

	data = pid ? read_text(pid, &size) :
		     read_fresh_text(abi == VDSO_ABI_UNKNOWN ? VDSO_ABI_NATIVE : abi, &size);
	if (!data)
		return STATUS_FAILED;
	ret = strcmp(path, "-") ? write_file(path, data, size) : write_stdout(data, size);
	free(data);
	return ret ? STATUS_FAILED : STATUS_OK;
}

const struct command cmd_dump_image = {
	.name = "dump-image",
	.args = "[-o FILE] [-p PID | --machine ABI]",
	.summary = "write the text of the runtime vDSO to a file",
	.help = "  -o, --output FILE     where to; -, the default: standard output\n"
		"  -p, --pid PID         of this process; default: vdsoctl itself\n"
		"  -m, --machine ABI     the one that programs of this ABI get\n",
	.usage_status = STATUS_USAGE,
	.run = run_dump_image,
};
