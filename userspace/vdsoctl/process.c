// SPDX-License-Identifier: MIT
/* vdsoctl: what /proc says about a process: its mappings, memory, auxiliary vector. */
#include "vdsoctl.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_proc(pid_t pid, const char *file, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int append_mapping(struct maps *maps, const char *line)
{
	struct mapping *items, *m;

	items = reallocarray(maps->items, maps->nr + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	maps->items = items;
	m = &items[maps->nr];
	m->name[0] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %31[^\n]", &m->start, &m->end,
		   m->perms, m->name) < 3)
		return -EIO;
	maps->nr++;
	return 0;
}

int maps_read(struct maps *maps, pid_t pid)
{
	char *line = NULL;
	size_t size = 0;
	int fd, ret = 0;
	FILE *file;

	memset(maps, 0, sizeof(*maps));
	fd = open_proc(pid, "maps", O_RDONLY);
	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	while (!ret && getline(&line, &size, file) >= 0)
		ret = append_mapping(maps, line);
	if (!ret && ferror(file))
		ret = -EIO;
	free(line);
	fclose(file);
	if (ret)
		maps_free(maps);
	return ret;
}

void maps_free(struct maps *maps)
{
	free(maps->items);
	memset(maps, 0, sizeof(*maps));
}

const struct mapping *maps_at(const struct maps *maps, uint64_t addr)
{
	size_t i;

	for (i = 0; i < maps->nr; i++)
		if (addr >= maps->items[i].start && addr < maps->items[i].end)
			return &maps->items[i];
	return NULL;
}

const struct mapping *maps_named(const struct maps *maps, const char *name)
{
	size_t i;

	for (i = 0; i < maps->nr; i++)
		if (!strcmp(maps->items[i].name, name))
			return &maps->items[i];
	return NULL;
}

/* What pread() or pwrite() of /proc/PID/mem has said. */
static int close_mem(int fd, ssize_t done, size_t size)
{
	int ret = (size_t)done == size ? 0 : -EFAULT;

	if (done < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int process_read(pid_t pid, uint64_t addr, void *buf, size_t size)
{
	int fd = open_proc(pid, "mem", O_RDONLY);

	return fd < 0 ? fd : close_mem(fd, pread(fd, buf, size, addr), size);
}

int process_write(pid_t pid, uint64_t addr, const void *buf, size_t size)
{
	int fd = open_proc(pid, "mem", O_WRONLY);

	return fd < 0 ? fd : close_mem(fd, pwrite(fd, buf, size, addr), size);
}

static int find_aux64(const Elf64_auxv_t *aux, size_t nr, uint64_t type, uint64_t *value)
{
	for (; nr && aux->a_type != AT_NULL; aux++, nr--) {
		if (aux->a_type != type)
			continue;
		*value = aux->a_un.a_val;
		return 0;
	}
	return -ENOENT;
}

static int find_aux32(const Elf32_auxv_t *aux, size_t nr, uint32_t type, uint64_t *value)
{
	for (; nr && aux->a_type != AT_NULL; aux++, nr--) {
		if (aux->a_type != type)
			continue;
		*value = aux->a_un.a_val;
		return 0;
	}
	return -ENOENT;
}

int process_auxv(pid_t pid, unsigned long type, uint64_t *value)
{
	union {
		Elf64_auxv_t aux64[64];
		Elf32_auxv_t aux32[128];
	} auxv;
	ssize_t size;
	int fd;

	fd = open_proc(pid, "auxv", O_RDONLY);
	if (fd < 0)
		return fd;
	size = read(fd, &auxv, sizeof(auxv));
	close(fd);
	if (size < (ssize_t)sizeof(auxv.aux64[0]))
		return size < 0 ? -EIO : -ENOENT;
	/* A 32-bit program's first value would be the upper half of a type. */
	if (auxv.aux64[0].a_type >> 32)
		return find_aux32(auxv.aux32, size / sizeof(auxv.aux32[0]), type, value);
	return find_aux64(auxv.aux64, size / sizeof(auxv.aux64[0]), type, value);
}

long thread_status(pid_t pid, pid_t tid, const char *field)
{
	size_t field_len = strlen(field);
	char path[64], line[256];
	long ret = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (ret < 0 && fgets(line, sizeof(line), file)) {
		if (strncmp(line, field, field_len) || line[field_len] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (line[field_len + 2] >= 'A')
			ret = line[field_len + 2];
		else
			ret = strtol(line + field_len + 1, NULL, 10);
	}
	fclose(file);
	return ret;
}

int pids_add(struct pids *pids, pid_t pid)
{
	pid_t *items = reallocarray(pids->items, pids->nr + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	pids->items = items;
	items[pids->nr++] = pid;
	return 0;
}

void pids_free(struct pids *pids)
{
	free(pids->items);
	memset(pids, 0, sizeof(*pids));
}

int process_children(struct pids *children, bool (*is_parent)(const void *arg, pid_t pid),
		     const void *arg)
{
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	dir = opendir("/proc");
	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && is_parent(arg, thread_status(pid, pid, "PPid")))
			ret = pids_add(children, pid);
	}
	closedir(dir);
	return ret;
}

bool process_has_ended(pid_t pid)
{
	long state = thread_status(pid, pid, "State");

	return state < 0 || ((state == 'Z' || state == 'X') &&
			     thread_status(pid, pid, "Threads") <= 1);
}
