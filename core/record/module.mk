core_libleat_a_SOURCES += core/record/record.h core/record/record_internal.h core/record/decoder_internal.h \
	core/record/paths.c core/record/pool.c core/record/utf8.c core/record/json.c core/record/json_walk.c \
	core/record/decimal.c core/record/column.c core/record/cells.c core/record/making.h core/record/convert.c core/record/batch.c core/record/compact.c core/record/write.c \
	core/record/read.c core/record/meta.c core/record/whole.c core/record/whole.h core/record/splice.c core/record/inflate.c core/record/decoder.c \
	core/record/decode_messages.c core/record/decode_lines.c core/record/decode_json.c core/record/shape.c core/record/shape.h core/record/scan.h core/record/decode_csv.c core/record/encoder.c
