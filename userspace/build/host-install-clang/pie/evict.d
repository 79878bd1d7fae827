build/host-install-clang/pie/evict.o: evict.c ../arch/x86/vdso_abi.h \
  ../include/uapi/linux/vdso_remap.h internal.h ../include/vdso_remap.h \
  syscall.h ../arch/x86/syscall.h

../arch/x86/vdso_abi.h:

../include/uapi/linux/vdso_remap.h:

internal.h:

../include/vdso_remap.h:

syscall.h:

../arch/x86/syscall.h:
