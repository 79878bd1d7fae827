// SPDX-License-Identifier: GPL-2.0
/* A process of so many threads that do nothing, for CRIU to dump and restore. */
#include <stdlib.h>
#include <unistd.h>

#include "threads.h"

static void sleep_on(unsigned int number)
{
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	threads_have(argc > 1 ? atoi(argv[1]) : 1, sleep_on);
	sleep_on(0);
}
