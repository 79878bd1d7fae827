build/host-install-clang/pie/parse.o: parse.c ../arch/x86/vdso_abi.h \
  ../include/uapi/linux/vdso_remap.h internal.h ../include/vdso_remap.h

../arch/x86/vdso_abi.h:

../include/uapi/linux/vdso_remap.h:

internal.h:

../include/vdso_remap.h:
