build/host-install-clang/pie/nolibc.o: nolibc.c
