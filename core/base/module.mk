core_libleat_a_SOURCES += core/base/base.h core/base/memory.c core/base/err.c core/base/text.c core/base/map.c \
	core/base/hash.c core/base/units.c core/base/log.c core/base/files.c core/base/closest.c core/base/secret.c
