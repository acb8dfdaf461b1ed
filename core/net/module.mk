core_libleat_a_SOURCES += core/net/net.h core/net/net_internal.h core/net/loop.c core/net/client.c core/net/listener.c \
	core/net/server.c
