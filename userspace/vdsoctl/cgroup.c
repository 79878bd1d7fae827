// SPDX-License-Identifier: MIT
/* vdsoctl: a control group, of either version of the interface, and those below it. */
#include "vdsoctl.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* How it is frozen, and how it says that it is. */
static const struct freezer {
	const char *file, *frozen, *thawed;
	const char *state_file, *state;
} freezers[] = {
	{ "cgroup.freeze", "1", "0", "cgroup.events", "frozen 1\n" },
	{ "freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN\n" },
};

static FILE *open_in(const char *dir, const char *file, const char *mode)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return fopen(path, mode);
}

static bool is_frozen(const struct cgroup *cgroup, const char *dir)
{
	FILE *in = open_in(dir, cgroup->freezer->state_file, "re");
	bool frozen = false;
	char line[100];

	while (in && !frozen && fgets(line, sizeof(line), in))
		frozen = !strcmp(line, cgroup->freezer->state);
	if (in)
		fclose(in);
	return frozen;
}

/* Complains. */
static int write_freezer(const struct cgroup *cgroup, const char *text)
{
	FILE *out = open_in(cgroup->dir, cgroup->freezer->file, "we");
	int ret;

	if (!out)
		return complain("can't open %s/%s: %s", cgroup->dir, cgroup->freezer->file,
				strerror(errno));
	ret = fputs(text, out) < 0;
	ret |= fclose(out);
	return ret ? complain("can't write '%s' to %s/%s: %s", text, cgroup->dir,
			      cgroup->freezer->file, strerror(errno)) : 0;
}

/* The processes of one group. Returns -errno; -EPROTO: one is of another pid namespace. */
static int read_procs(struct pids *pids, const char *dir)
{
	FILE *in = open_in(dir, "cgroup.procs", "re");
	char line[32];
	int ret = 0;

	if (!in)
		return -errno;
	errno = 0;
	while (!ret && fgets(line, sizeof(line), in)) {
		pid_t pid = atoi(line);

		ret = pid ? pids_add(pids, pid) : -EPROTO;
	}
	if (!ret && ferror(in))
		ret = -errno;
	fclose(in);
	return ret;
}

static int complain_group(const char *dir, int err)
{
	switch (err) {
	case -EOPNOTSUPP:
		return complain("the control group %s is threaded: it holds threads, not "
				"processes. Name the group above it whose cgroup.type is 'domain threaded'",
				dir);
	case -EPROTO:
		return complain("the control group %s holds a process of another pid namespace, "
				"which can't be stopped from here. Run vdsoctl outside of the "
				"container", dir);
	case -ENOENT:
		return complain("%s is no control group: it has no cgroup.procs", dir);
	default:
		return complain("can't read the control group %s: %s", dir, strerror(-err));
	}
}

/* Called for each of the groups, the topmost one first. Returns 0, or -1 if it complained. */
typedef int for_group(const struct cgroup *cgroup, const char *dir, void *arg);

static int walk(const struct cgroup *cgroup, const char *path, for_group *fn, void *arg)
{
	struct dirent *entry;
	char below[PATH_MAX];
	DIR *dir;
	int ret;

	ret = fn(cgroup, path, arg);
	if (ret)
		return ret;
	dir = opendir(path);
	if (!dir)	/* removed: it was empty */
		return errno == ENOENT ? 0 : complain("can't read %s: %s", path, strerror(errno));
	while (!ret && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >=
		    (int)sizeof(below))
			ret = complain("%s/%s is too long a path", path, entry->d_name);
		else
			ret = walk(cgroup, below, fn, arg);
	}
	closedir(dir);
	return ret;
}

static int check_thawed(const struct cgroup *cgroup, const char *dir,
			void __attribute__((unused)) *arg)
{
	if (!is_frozen(cgroup, dir))
		return 0;
	return complain("the control group %s is frozen already, and frozen threads can't leave "
			"the vDSO. Thaw it, or the group above it that is frozen, with 'echo %s "
			">%s/%s': vdsoctl freezes it when the threads are outside", dir,
			cgroup->freezer->thawed, dir, cgroup->freezer->file);
}

int cgroup_open(struct cgroup *cgroup, const char *dir)
{
	FILE *file;
	size_t i;

	cgroup->dir = dir;
	file = open_in(dir, "cgroup.procs", "re");
	if (!file)
		return complain_group(dir, -errno);
	fclose(file);
	for (i = 0; i < sizeof(freezers) / sizeof(freezers[0]); i++) {
		cgroup->freezer = &freezers[i];
		file = open_in(dir, freezers[i].file, "re");
		if (!file)
			continue;
		fclose(file);
		return walk(cgroup, dir, check_thawed, NULL);
	}
	return complain("%s can't be frozen: it has no cgroup.freeze and no freezer.state. Is it "
			"the topmost group, or of another controller?", dir);
}

static int add_members(const struct cgroup *cgroup, const char *dir, void *pids)
{
	int ret = read_procs(pids, dir);

	/* A group below may be gone, or be threaded: then one above it lists its processes. */
	if (dir != cgroup->dir && (ret == -ENOENT || ret == -ENODEV || ret == -EOPNOTSUPP))
		return 0;
	return ret ? complain_group(dir, ret) : 0;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t pid_a = *(const pid_t *)a, pid_b = *(const pid_t *)b;

	return (pid_a > pid_b) - (pid_a < pid_b);
}

/*
 * Sorted by pid, so that parents mostly come before their children: a parent in the
 * middle of vfork() can be stopped only while its child runs.
 */
int cgroup_members(const struct cgroup *cgroup, struct pids *pids)
{
	if (walk(cgroup, cgroup->dir, add_members, pids))
		return -1;
	if (pids->nr)
		qsort(pids->items, pids->nr, sizeof(*pids->items), compare_pids);
	return 0;
}

int cgroup_freeze(const struct cgroup *cgroup)
{
	return write_freezer(cgroup, cgroup->freezer->frozen);
}

int cgroup_wait_frozen(const struct cgroup *cgroup)
{
	while (!is_frozen(cgroup, cgroup->dir)) {
		if (patience_over())
			return patience_complain("Is a task of it waiting for a disk, or traced?",
						 "the control group %s does not freeze",
						 cgroup->dir);
		patience_report("waiting for the control group %s to freeze", cgroup->dir);
		patience_pause();
	}
	return 0;
}

int cgroup_thaw(const struct cgroup *cgroup)
{
	return write_freezer(cgroup, cgroup->freezer->thawed);
}
