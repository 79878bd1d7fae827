// SPDX-License-Identifier: MIT
/*
 * The functions that a compiler may call on its own, also when it is told that
 * there is no libc. Only in libvdsoremap_pie.a; weak, so that a restorer's own
 * ones win.
 */
#include <stddef.h>

#pragma weak memcpy
#pragma weak memmove
#pragma weak memset
#pragma weak memcmp

/* Keeps the compiler from seeing a loop as the very function that it is in. */
static inline void barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

void *memcpy(void *to, const void *from, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
		barrier();
	}
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	size_t i;

	if (to <= from)
		return memcpy(to, from, size);
	for (i = size; i-- > 0;) {
		((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
		barrier();
	}
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		((unsigned char *)to)[i] = byte;
		barrier();
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;
	size_t i;

	for (i = 0; i < size; i++) {
		if (x[i] != y[i])
			return x[i] - y[i];
		barrier();
	}
	return 0;
}
