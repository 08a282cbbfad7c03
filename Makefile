# pg_medallion: foreign data wrappers, and the extension that runs pipelines over them.
#
#   make, make install, make clean    PGXS, against the PostgreSQL that PG_CONFIG names
#   make demo                         a private stack, RetailDB, and both pipelines, retail and weather
#   make report                       the dashboards as one HTML page (REPORT=file), from the running stack
#   make metabase METABASE_JAR=path   a real Metabase with the same dashboards, beside the running stack
#   make test                         every test, in a stack of its own (.stack/test)
#   make test-pg18                    those of sql/ and specs/ on PostgreSQL 18, in a chroot
#   make fuzz                         the JSON scanner under mutations, FUZZ_SECONDS long
#   make docker-check                 whether docker-compose takes compose.yaml (docs/docker.md)
#   make bench                        figures beside those of other tools (bench/README.md)

MODULES  = fdw_mysql fdw_kafka fdw_s3 extension
PG_CONFIG ?= pg_config
export PG_CONFIG

all: $(MODULES:%=%/all)
install: $(MODULES:%=%/install)
uninstall: $(MODULES:%=%/uninstall)
clean: $(MODULES:%=%/clean)

# fdw_mysql/all runs "make all" in fdw_mysql, and so on.
$(foreach m,$(MODULES),$(m)/all $(m)/install $(m)/uninstall $(m)/clean):
	+$(MAKE) -C $(@D) $(@F)

# The scripts install what they need first: a bare machine has no pg_config yet.
demo:
	@RETAIL_DUMP='$(RETAIL_DUMP)' SCALE='$(SCALE)' stack/demo

# Charts from the running stack, for people without Metabase.
report:
	@stack/report $(REPORT)

# A real Metabase beside the stack, with the same dashboards.
metabase:
	@METABASE_JAR='$(METABASE_JAR)' stack/metabase

test:
	@RETAIL_DUMP='$(RETAIL_DUMP)' stack/test

test-pg18:
	@stack/test-pg18

# The regression tests against the server that libpq's variables name.
installcheck:
	@stack/test --installcheck

bench:
	@bench/run

# Needs docker-compose, or the plugin of docker; no engine.
COMPOSE = $(if $(shell command -v docker-compose),docker-compose,docker compose)
docker-check:
	$(COMPOSE) --env-file .env.example config >/dev/null
	! $(COMPOSE) --env-file /dev/null config >/dev/null 2>&1

# The JSON scanner under mutations and sanitizers, for longer than "make test" does it.
fuzz:
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-300} FUZZ_SEED=$${FUZZ_SEED:-$$$$} stack/test json_fuzz

.PHONY: all install uninstall clean demo report metabase test test-pg18 installcheck docker-check bench fuzz \
	$(foreach m,$(MODULES),$(m)/all $(m)/install $(m)/uninstall $(m)/clean)
