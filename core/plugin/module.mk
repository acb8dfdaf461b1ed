core_libleat_a_SOURCES += core/plugin/plugin.h core/plugin/plugin_internal.h core/plugin/registry.c core/plugin/scan.c \
	core/plugin/image.c core/plugin/elf.c core/plugin/adopt.c core/plugin/sanity.c core/plugin/sanity_options.c \
	core/plugin/describe.c
core_libleat_a_CPPFLAGS += -DLEAT_PLUGIN_FOLDER='"$(plugindir)"'
