# SPDX-License-Identifier: GPL-2.0 OR MIT
# CROSS_COMPILE=PREFIX- chooses the tools, as in the kernel's build: for Makefiles of programs, which
# include this file first. The compiler says which port is meant; no ARCH is needed for programs.

ifneq ($(CROSS_COMPILE),)
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
ifeq ($(origin AR),default)
AR := $(CROSS_COMPILE)ar
endif
endif
