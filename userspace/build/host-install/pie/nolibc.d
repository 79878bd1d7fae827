build/host-install/pie/nolibc.o: nolibc.c
