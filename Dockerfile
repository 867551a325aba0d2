# syntax=docker/dockerfile:1
# The container image of clipveil. The base has no default: a tag can be moved, so name the digest that you have checked:
#
#   docker build --build-arg PYTHON_DIGEST=sha256:... --tag clipveil .
#
# Python packages come from LOCK, each checked against its hash. That of requirements.lock is PyTorch with CUDA, which
# runs without a GPU too, and makes the image several GB large. The variant for CPUs only, which `make lock-cpu` locks:
#
#   docker build --build-arg PYTHON_DIGEST=sha256:... --build-arg LOCK=requirements-cpu.lock \
#                --build-arg INDEX=https://download.pytorch.org/whl/cpu --tag clipveil:cpu .
ARG PYTHON_DIGEST

FROM docker.io/library/python:3.11-slim-bookworm@${PYTHON_DIGEST} AS build
WORKDIR /build
ARG LOCK=requirements.lock
# Another place to look for packages; nothing comes from there whose hash is not locked.
ARG INDEX=
COPY ${LOCK} requirements-dev.lock ./
RUN python -m venv --without-pip /opt/clipveil \
 && pip --python /opt/clipveil/bin/python install --no-cache-dir --require-hashes ${INDEX:+"--extra-index-url=${INDEX}"} -r "${LOCK}"
# What builds the wheel is pinned by hash too, and stays in this stage.
RUN awk '/^[a-zA-Z]/ {keep = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/} keep' \
      requirements-dev.lock > requirements-build.lock \
 && pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY stream stream
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir wheels . \
 && pip --python /opt/clipveil/bin/python install --no-cache-dir --no-deps --no-index wheels/clipveil-*.whl
# The licence texts of all that was installed, and the cards of the models; a package without a text fails here.
COPY container container
RUN python container/licences.py /opt/clipveil/lib/python3.11/site-packages container/licences /licences

FROM docker.io/library/python:3.11-slim-bookworm@${PYTHON_DIGEST}
LABEL org.opencontainers.image.title="clipveil" \
      org.opencontainers.image.description="De-identifies voice-assistant clips on Kafka before a human hears them" \
      org.opencontainers.image.licenses="Apache-2.0"
# Nothing that installs is left for an intruder to use, nor the copy from which Python would restore it.
RUN python -m pip uninstall --yes --root-user-action=ignore setuptools wheel pip \
 && find / -xdev -type d -name ensurepip -prune -exec rm -r {} +
# PyTorch asks what the user is called, and will not go on where nobody knows.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin clipveil
COPY --from=build /licences /usr/share/licenses
COPY --from=build /opt/clipveil /opt/clipveil
# One thread a process, no telemetry, no downloads, no files beside those in /tmp; a name also for other user ids.
ENV PATH=/opt/clipveil/bin:$PATH \
    USER=clipveil \
    OMP_NUM_THREADS=1 \
    PYANNOTE_METRICS_ENABLED=0 \
    HF_HUB_OFFLINE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
USER 10001:10001
WORKDIR /tmp
# A command that can't be imported fails here, not in the cluster.
RUN ["clipveil", "run", "--help"]
EXPOSE 8080
HEALTHCHECK --start-period=5m --interval=30s --timeout=5s --retries=3 \
  CMD ["python", "-I", "-c", "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ.get('CLIPVEIL_HTTP__PORT', 8080)), timeout=4); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["clipveil"]
CMD ["run"]
