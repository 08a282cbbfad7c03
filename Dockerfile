# PostgreSQL 15 with pg_cron and the extensions. The base image takes PostgreSQL from the PGDG repository, so pg_cron is newer
# here than Debian's. The same commands work on a bare Debian 12 that has its own postgresql-15; docs/docker.md says what of
# this file has been run.
#
#   docker build -t pg_medallion .

FROM postgres:15-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        gcc libc6-dev make postgresql-server-dev-15 libmariadb-dev librdkafka-dev libcurl4-openssl-dev libs3-dev libzstd-dev zlib1g-dev
COPY . /src
RUN make -C /src clean && make -C /src && make -C /src install DESTDIR=/out

FROM postgres:15-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        postgresql-15-cron ca-certificates libmariadb3 librdkafka1 libcurl4 libs3-2 libzstd1 zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /
