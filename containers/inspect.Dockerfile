# Inspects pictures: small, no TensorFlow.
#
#   docker build -f containers/inspect.Dockerfile -t elasticache-police .
#   docker run --rm --read-only --network none -v "$PWD:/pictures:ro" elasticache-police inspect /pictures
#
# As an ECS task of a collection its command is `ecs work`.
# PYTHON may name a digest: --build-arg PYTHON=python:3.12-slim-bookworm@sha256:...
ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv --without-pip /opt/police && python -m venv /opt/build
COPY containers/requirements-build.txt containers/requirements-inspect.txt ./
RUN /opt/build/bin/python -m pip --python /opt/police/bin/python install --require-hashes -r requirements-inspect.txt
RUN /opt/build/bin/python -m pip install --require-hashes -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
ENV SOURCE_DATE_EPOCH=1735689600
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/build/bin/python -m pip --python /opt/police/bin/python install --no-deps --no-index /wheel/*.whl
RUN /opt/police/bin/elasticache-police --version

FROM ${PYTHON}
COPY --from=build /opt/police /opt/police
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin police
ENV PATH=/opt/police/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp TMPDIR=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.title="elasticache-police" \
      org.opencontainers.image.description="Finds misspelled product names in images" \
      org.opencontainers.image.licenses="Apache-2.0"
ARG REVISION=unknown
LABEL org.opencontainers.image.revision=${REVISION}
USER 10001
WORKDIR /tmp
VOLUME ["/tmp"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["elasticache-police"]
CMD ["--help"]
