# The collector with its dashboard and a PostgreSQL of its own. `make images` builds it, and so does
#   docker build -f deploy/docker/collector.Dockerfile -t gpufleet-collector .
#
# It runs as user 10001 with a read-only root file system and no capability; it writes to /var/lib/gpufleet alone, and
# with DATABASE_URL not even there. It listens for other machines, and so starts only with TLS and tokens, or when it is
# told to do without. Settings come as environment variables.
ARG BASE_IMAGE=python:3.12-slim-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS dashboard
# `context` takes what `make dashboard` has built, for where there is no image with Node.js.
ARG DASHBOARD=build
WORKDIR /build/dashboard
COPY collector/dashboard/package.json collector/dashboard/package-lock.json ./
RUN [ "$DASHBOARD" = context ] || npm ci --no-audit --no-fund
COPY collector/dashboard ./
COPY collector/gpufleet_collector ../gpufleet_collector
RUN if [ "$DASHBOARD" = context ]; \
    then ls ../gpufleet_collector/web/static/index.html ../gpufleet_collector/web/docs_static/index.html; \
    else npm run --silent build && npm run --silent build:docs; fi

FROM ${BASE_IMAGE} AS build
# `pyarrow` lets /api/v1/export write Parquet too, for half as much again in size.
ARG EXTRA_PACKAGES=
WORKDIR /build
RUN python3 -m venv pip && python3 -m venv --without-pip /opt/gpufleet
COPY constraints.txt ./
# A package index other than the public one is told in a pip.conf that only these steps see (--secret id=pip), with the
# certificates that it needs (--secret id=certificates).
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    pip/bin/python -m pip install --no-cache-dir --disable-pip-version-check -c constraints.txt pip hatchling
COPY proto proto
COPY collector/pyproject.toml collector/
COPY --from=dashboard /build/gpufleet_collector collector/gpufleet_collector
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    pip/bin/python -m pip wheel --no-cache-dir --no-build-isolation --no-deps --wheel-dir wheels ./proto ./collector \
    && pip/bin/python -m pip --python /opt/gpufleet/bin/python install --no-cache-dir -c constraints.txt \
       wheels/*.whl ${EXTRA_PACKAGES:+"$EXTRA_PACKAGES"}
COPY deploy/docker/collector_health.py /opt/gpufleet/

FROM ${BASE_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gpufleet-collector" \
      org.opencontainers.image.description="Stores, serves and shows what every GPU of a fleet does" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# PostgreSQL refuses a user that has no name.
RUN groupadd --gid 10001 gpufleet \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /var/lib/gpufleet \
       --shell /usr/sbin/nologin gpufleet \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/gpufleet
COPY LICENSE /opt/gpufleet/LICENSE
COPY --from=build /opt/gpufleet /opt/gpufleet
ENV PATH=/opt/gpufleet/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    GPUFLEET_DATA_DIR=/var/lib/gpufleet \
    GPUFLEET_HTTP_LISTEN=0.0.0.0:8080 \
    GPUFLEET_GRPC_LISTEN=0.0.0.0:50051
VOLUME /var/lib/gpufleet
EXPOSE 8080 50051
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python3", "-I", "/opt/gpufleet/collector_health.py"]
ENTRYPOINT ["gpufleet-collector"]
CMD ["serve"]
