build/host-install/pie/remap.o: remap.c ../arch/x86/vdso_abi.h \
 ../include/uapi/linux/vdso_remap.h internal.h ../include/vdso_remap.h \
 syscall.h ../arch/x86/syscall.h
../arch/x86/vdso_abi.h:
../include/uapi/linux/vdso_remap.h:
internal.h:
../include/vdso_remap.h:
syscall.h:
../arch/x86/syscall.h:
