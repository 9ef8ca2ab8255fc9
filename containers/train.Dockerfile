# Trains a model: fonts and TensorFlow inside, checkpoints and the model go where the environment says.
#
#   docker build -f containers/train.Dockerfile -t elasticache-police-train .
#   docker run --rm -v "$PWD/out:/out" elasticache-police-train --out /out/model.tar.gz
#
# For NVIDIA GPUs (x86_64; TensorFlow's own CUDA libraries, so the host needs a driver and its container toolkit only):
#
#   docker build -f containers/train.Dockerfile --build-arg REQUIREMENTS=requirements-train-gpu.txt \
#     -t elasticache-police-train:gpu .
#   docker run --rm --gpus all -v "$PWD/out:/out" elasticache-police-train:gpu --out /out/model.tar.gz
#
# PYTHON may name a digest: --build-arg PYTHON=python:3.12-slim-bookworm@sha256:...
ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/police
# What changes rarely comes first: a change of the code leaves these layers alone.
ARG REQUIREMENTS=requirements-train.txt
COPY containers/requirements-build.txt containers/${REQUIREMENTS} ./
RUN /opt/police/bin/python -m pip install --require-hashes -r ${REQUIREMENTS}
RUN python -m venv /opt/build && /opt/build/bin/python -m pip install --require-hashes -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
# The wheel is the same for the same source: hatchling takes its times from here.
ENV SOURCE_DATE_EPOCH=1735689600
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/police/bin/python -m pip install --no-deps --no-index /wheel/*.whl
# Headers for building TensorFlow operations, 240 MB: nothing here does.
RUN rm -rf /opt/police/lib/python3*/site-packages/tensorflow/include && /opt/police/bin/elasticache-police --version

FROM ${PYTHON}
# Fonts under free licences: sans, serif, mono, felt pens and brushes, Latin and Japanese hands. Of Yozfont's 117 files
# (1.1 GB) eight stay: the others differ in their kana.
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      fonts-aoyagi-kouzan-t fonts-averia-sans-gwf fonts-averia-serif-gwf fonts-crosextra-caladea \
      fonts-crosextra-carlito fonts-dejavu-core fonts-freefont-ttf fonts-go fonts-hack-ttf fonts-humor-sans \
      fonts-ipaexfont-gothic fonts-junicode fonts-kiloji fonts-liberation2 fonts-linuxlibertine fonts-mplus \
      fonts-nanum fonts-oldstandard fonts-opendyslexic fonts-oxygen fonts-paratype fonts-roboto-slab fonts-seto \
      fonts-stix fonts-takao-gothic fonts-ubuntu-title fonts-vlgothic fonts-wqy-microhei fonts-yozvox-yozfont-standard-kana \
 && find /usr/share/fonts/truetype/yozvox-yozfont -type f ! -name 'YOz?S_*.ttf' -delete \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
COPY --from=build /opt/police /opt/police
RUN useradd --uid 10001 --create-home --home-dir /home/police --shell /usr/sbin/nologin police \
 && mkdir /work /out && chown police:police /work /out
ENV PATH=/opt/police/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp KERAS_HOME=/tmp/keras TMPDIR=/tmp \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=2 \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    POLICE_IMAGE_FONTS=/usr/share/fonts POLICE_WORK=/work
LABEL org.opencontainers.image.title="elasticache-police training" \
      org.opencontainers.image.description="Trains a model that finds misspelled product names in images" \
      org.opencontainers.image.licenses="Apache-2.0"
ARG REVISION=unknown
ARG REQUIREMENTS=requirements-train.txt
LABEL org.opencontainers.image.revision=${REVISION} \
      elasticache-police.requirements=${REQUIREMENTS}
USER 10001
WORKDIR /work
# The only places it writes to; the root file system may be read-only.
VOLUME ["/work", "/tmp"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "elasticache_police.ecs_anywhere.training_job"]
