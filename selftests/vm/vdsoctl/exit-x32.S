/* SPDX-License-Identifier: GPL-2.0 */
/* An x32 program that exits with 9. */
	.globl	_start
_start:
	mov	$0x4000003c, %eax	/* exit() of x32 */
	mov	$9, %edi
	syscall
