# SPDX-License-Identifier: GPL-2.0
# Sets arch to the directory of this machine, for the Makefiles one level up. gcc -m32 says
# x86_64, which is as good.
arch := $(patsubst i%86,x86,$(patsubst x86_64,x86,$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))))
