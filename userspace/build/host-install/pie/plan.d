build/host-install/pie/plan.o: plan.c ../arch/x86/vdso_abi.h \
 ../include/uapi/linux/vdso_remap.h ../arch/x86/vdso_encode.h internal.h \
 ../include/vdso_remap.h
../arch/x86/vdso_abi.h:
../include/uapi/linux/vdso_remap.h:
../arch/x86/vdso_encode.h:
internal.h:
../include/vdso_remap.h:
