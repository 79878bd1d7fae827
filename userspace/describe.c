// SPDX-License-Identifier: MIT
/* ABIs and a plan's decisions in words, for people. */
#include "internal.h"

public_api const char *vdso_remap_abi_name(unsigned int abi)
{
	return vdso_abi_row(abi)->name;
}

public_api const char *vdso_remap_action_name(int action)
{
	static const char names[][8] = {
		[0] = "unknown",
		[VDSO_REMAP_ACTION_JUMP] = "jump",
		[VDSO_REMAP_ACTION_STUB] = "stub",
		[VDSO_REMAP_ACTION_LEAVE] = "leave",
		[VDSO_REMAP_ACTION_ALIAS] = "alias",
	};

	if (action < 0 || action > VDSO_REMAP_ACTION_ALIAS)
		action = 0;
	return names[action];
}

public_api const char *vdso_remap_reason_text(int reason)
{
	static const char texts[][48] = {
		[0] = "unknown reason",
		[VDSO_REMAP_REASON_NAMESAKE] = "the runtime vDSO has it",
		[VDSO_REMAP_REASON_MISSING] = "the runtime vDSO lacks it",
		[VDSO_REMAP_REASON_STATE] = "its state is of another boot",
		[VDSO_REMAP_REASON_TRAMPOLINE] = "a trampoline, works as it is",
		[VDSO_REMAP_REASON_NO_DATA] = "needs no data page, works as it is",
		[VDSO_REMAP_REASON_ALIAS] = "same place as the one before",
		[VDSO_REMAP_REASON_UNKNOWN] = "nothing is known of it, left as allowed",
		[VDSO_REMAP_REASON_OVERWRITTEN] = "a trampoline that was overwritten",
	};

	if (reason < 0 || reason > VDSO_REMAP_REASON_OVERWRITTEN)
		reason = 0;
	return texts[reason];
}
