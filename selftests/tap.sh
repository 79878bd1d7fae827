# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # failed is for who sources this
# TAP for shell tests: source this, print the plan, make claims, leave with $failed.

number=0 failed=0
claim_said=$(mktemp)

# claim NAME COMMAND...: the command must succeed; what it said is shown only if not
claim()
{
	local name=$1
	shift
	number=$((number + 1))
	if "$@" >"$claim_said" 2>&1; then
		echo "ok $number $name"
	else
		sed 's/^/# /' "$claim_said"
		echo "not ok $number $name"
		failed=1
	fi
}

# must_have WHAT: $KERNEL_HAS says, for the kernel that was chosen, that a test must not miss this
must_have()
{
	[[ " ${KERNEL_HAS:-} " = *" $1 "* ]]
}

# skip NAME REASON [WHAT]: WHAT is missing here
skip()
{
	if [ $# -gt 2 ] && must_have "$3"; then
		claim "$1" sh -c "echo \"$2\"; false"
		return
	fi
	number=$((number + 1))
	echo "ok $number $1 # SKIP $2"
}
