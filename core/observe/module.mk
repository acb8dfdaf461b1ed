core_libleat_a_SOURCES += core/observe/observe.h core/observe/figures.c
