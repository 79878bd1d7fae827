// SPDX-License-Identifier: GPL-2.0
/*
 * The layout of the contract, for ever. Compiled for 64 and for 32 bits: a
 * difference does not build.
 */
#include <stddef.h>

#include <linux/vdso_remap.h>

#define at(type, field, off, bytes)						\
	_Static_assert(offsetof(struct type, field) == (off) &&			\
		       sizeof(((struct type *)0)->field) == (bytes), #type "." #field)
/* No implicit padding: the last field ends where the structure does. */
#define ends(type, bytes)							\
	_Static_assert(sizeof(struct type) == (bytes) && _Alignof(struct type) <= 8, #type)

at(vdso_remap_area, start, 0, 8);
at(vdso_remap_area, size, 8, 8);
at(vdso_remap_area, kind, 16, 4);
at(vdso_remap_area, flags, 20, 4);
ends(vdso_remap_area, 24);

at(vdso_remap_info, size, 0, 4);
at(vdso_remap_info, flags, 4, 4);
at(vdso_remap_info, pid, 8, 4);
at(vdso_remap_info, version, 12, 4);
at(vdso_remap_info, features, 16, 8);
at(vdso_remap_info, vdso, 24, 8);
at(vdso_remap_info, state, 32, 4);
at(vdso_remap_info, nr_areas, 36, 4);
at(vdso_remap_info, machine, 40, 4);
at(vdso_remap_info, build_id_size, 44, 4);
at(vdso_remap_info, build_id, 48, 32);
at(vdso_remap_info, areas, 80, 192);
ends(vdso_remap_info, 272);
_Static_assert(VDSO_REMAP_INFO_SIZE_VER0 == 272, "info ver0");

at(vdso_remap_move, size, 0, 4);
at(vdso_remap_move, flags, 4, 4);
at(vdso_remap_move, pid, 8, 4);
at(vdso_remap_move, busy_tid, 12, 4);
at(vdso_remap_move, addr, 16, 8);
ends(vdso_remap_move, 24);
_Static_assert(VDSO_REMAP_MOVE_SIZE_VER0 == 24, "move ver0");

at(vdso_remap_map, size, 0, 4);
at(vdso_remap_map, flags, 4, 4);
at(vdso_remap_map, pid, 8, 4);
at(vdso_remap_map, reserved, 12, 4);
at(vdso_remap_map, addr, 16, 8);
ends(vdso_remap_map, 24);
_Static_assert(VDSO_REMAP_MAP_SIZE_VER0 == 24, "map ver0");

at(vdso_remap_site, off, 0, 4);
at(vdso_remap_site, room, 4, 4);
at(vdso_remap_site, kind, 8, 4);
at(vdso_remap_site, target, 12, 4);
ends(vdso_remap_site, 16);

at(vdso_remap_proxy, size, 0, 4);
at(vdso_remap_proxy, flags, 4, 4);
at(vdso_remap_proxy, pid, 8, 4);
at(vdso_remap_proxy, nr_sites, 12, 4);
at(vdso_remap_proxy, sites, 16, 8);
at(vdso_remap_proxy, image, 24, 8);
at(vdso_remap_proxy, image_size, 32, 8);
at(vdso_remap_proxy, addr, 40, 8);
at(vdso_remap_proxy, image_data, 48, 8);
at(vdso_remap_proxy, busy_tid, 56, 4);
at(vdso_remap_proxy, bad_site, 60, 4);
ends(vdso_remap_proxy, 64);
_Static_assert(VDSO_REMAP_PROXY_SIZE_VER0 == 64, "proxy ver0");

at(vdso_remap_mark, signature, 0, 8);
at(vdso_remap_mark, image, 8, 8);
at(vdso_remap_mark, version, 16, 8);
at(vdso_remap_mark, image_data, 24, 8);
at(vdso_remap_mark, runtime_data, 32, 8);
ends(vdso_remap_mark, 40);

_Static_assert(VDSO_REMAP_GET_INFO == 0xd500 && VDSO_REMAP_MOVE == 0xd501 &&
	       VDSO_REMAP_MAP == 0xd502 && VDSO_REMAP_PROXY == 0xd503, "commands");
