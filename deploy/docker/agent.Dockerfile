# The agent: reads the GPUs of its host and streams them to a collector. `make images` builds it, and so does
#   docker build -f deploy/docker/agent.Dockerfile -t gpufleet-agent .
#
# It runs as user 10001 with a read-only root file system and no capability; it writes to /var/lib/gpufleet alone, where
# readings wait while no collector answers. Settings come as environment variables.
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
WORKDIR /build
RUN python3 -m venv pip && python3 -m venv --without-pip /opt/gpufleet
COPY constraints.txt ./
# A package index other than the public one is told in a pip.conf that only these steps see (--secret id=pip), with the
# certificates that it needs (--secret id=certificates).
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    pip/bin/python -m pip install --no-cache-dir --disable-pip-version-check -c constraints.txt pip hatchling
COPY proto proto
COPY agent agent
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    pip/bin/python -m pip wheel --no-cache-dir --no-build-isolation --no-deps --wheel-dir wheels ./proto ./agent \
    && pip/bin/python -m pip --python /opt/gpufleet/bin/python install --no-cache-dir -c constraints.txt wheels/*.whl

FROM ${BASE_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gpufleet-agent" \
      org.opencontainers.image.description="Samples the NVIDIA GPUs of one host and streams them to a gpufleet collector" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 gpufleet \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /var/lib/gpufleet \
       --shell /usr/sbin/nologin gpufleet \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/gpufleet
COPY LICENSE /opt/gpufleet/LICENSE
COPY --from=build /opt/gpufleet /opt/gpufleet
# The last two let NVIDIA's container runtime bring NVML and nvidia-smi in.
ENV PATH=/opt/gpufleet/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    GPUFLEET_DATA_DIR=/var/lib/gpufleet \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=utility
VOLUME /var/lib/gpufleet
USER 10001:10001
STOPSIGNAL SIGTERM
# A running agent writes its status every 5 s. One that simulates has none: run it with --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["sh", "-c", "find \"$GPUFLEET_DATA_DIR/agent\" -name 'status-*.json' -mmin -1 | grep -q ."]
ENTRYPOINT ["gpufleet-agent"]
CMD ["run"]
