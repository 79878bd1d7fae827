# SPDX-License-Identifier: GPL-2.0
# How tests are compiled for arm. The vDSO's older functions have seconds of 32 bits, and so must
# the tests that call them, also where the compiler would choose 64. Pointers are cut from
# addresses, which have 64 bits.
arm_cflags := -U_TIME_BITS -D_FILE_OFFSET_BITS=64 -Wno-int-to-pointer-cast
