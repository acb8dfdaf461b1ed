core_libleat_a_SOURCES += core/store/store.h core/store/store_internal.h core/store/store.c core/store/log.c \
	core/store/body.c core/store/state.c core/store/dead.c
