build/host-install-clang/lib/mark.o: mark.c internal.h \
  ../include/vdso_remap.h ../include/uapi/linux/vdso_remap.h

internal.h:

../include/vdso_remap.h:

../include/uapi/linux/vdso_remap.h:
