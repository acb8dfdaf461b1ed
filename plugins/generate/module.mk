GENERATE_MODEL = plugins/generate/company.c plugins/generate/company.h plugins/generate/parts.h plugins/generate/catalogue.c \
	plugins/generate/trade.c plugins/generate/supply.c plugins/generate/haulage.c plugins/generate/record.c plugins/generate/record.h \
	plugins/generate/synthetic.c plugins/generate/synthetic.h plugins/generate/books.c plugins/generate/books.h \
	plugins/generate/snapshot.c plugins/generate/snapshot.h
plugin_PROGRAMS += plugins/generate.so
plugins_generate_so_SOURCES = plugins/generate/source.c $(GENERATE_MODEL)
plugins_generate_so_CPPFLAGS = $(SO_CPPFLAGS)
plugins_generate_so_CFLAGS = $(SO_CFLAGS)
plugins_generate_so_LDFLAGS = $(SO_LINK)
