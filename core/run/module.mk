core_libleat_a_SOURCES +=
