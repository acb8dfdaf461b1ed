core_libleat_a_SOURCES += core/expr/expr.h core/expr/expr_internal.h core/expr/parse_internal.h core/expr/run_internal.h \
	core/expr/columns_internal.h core/expr/bits.h core/expr/kernels.h \
	core/expr/lex.c core/expr/parse.c core/expr/primary.c core/expr/check.c core/expr/share.c core/expr/expr.c core/expr/aggregate.c core/expr/explain.c \
	core/expr/value.c core/expr/cast.c core/expr/pattern.c core/expr/rows.c core/expr/functions.c core/expr/fn_number.c \
	core/expr/fn_text.c core/expr/fn_json.c core/expr/fn_time.c core/expr/civil.c core/expr/time_pattern.c core/expr/eval.c \
	core/expr/out.c core/expr/columns_number.c core/expr/columns_logic.c core/expr/columns_text.c core/expr/columns_call.c \
	core/expr/kernels.c
