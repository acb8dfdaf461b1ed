core_libleat_a_SOURCES += core/config/config.h core/config/config_internal.h core/config/finding.c core/config/codes.c \
	core/config/yaml.c core/config/correct.c core/config/resolve.c core/config/option.c core/config/options.c \
	core/config/schema.c
