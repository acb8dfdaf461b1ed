core_libleat_a_SOURCES += core/run/run.h core/run/run_internal.h core/run/run.c core/run/lane.c core/run/instance.c \
	core/run/host.c core/run/call.c core/run/deliver.c core/run/sink.c core/run/source.c core/run/reject.c core/run/fit.c core/run/drain.c core/run/watch.c \
	core/run/service.c core/run/worker.c
core_libleat_a_SOURCES += core/run/check.c core/run/check_host.c core/run/check_internal.h
