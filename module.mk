# What every module's Makefile shares. A module sets MODULE_big, EXTENSION, DATA, OWN (its own sources) and COMMON (the
# sources that it takes from common/), then includes this file.
#
# Each module compiles common/ into objects of its own: shared objects would be built twice at once under make -j.
# Bitcode is off because the LLVM rule cannot follow sources out of the module's folder.

PG_CONFIG ?= pg_config
PG_CPPFLAGS += -I..
# Not the compiler's visibility flag: on PostgreSQL 15 it hides the magic block too. The headers do it.
PG_CFLAGS += -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
OBJS = $(OWN:.c=.o) $(COMMON:%.c=common_%.o)
EXTRA_CLEAN += $(COMMON:%.c=common_%.o) $(wildcard *.bc)

PGXS := $(shell $(PG_CONFIG) --pgxs)
override with_llvm = no
include $(PGXS)

common_%.o: ../common/%.c $(wildcard ../common/*.h)
	$(COMPILE.c) -o $@ $<

$(OWN:.c=.o): $(wildcard *.h ../common/*.h)
