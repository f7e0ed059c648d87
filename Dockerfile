# VOS Lab's dashboard on port 8501, as a user without privileges. State, data and masks live in the volume /work.
#   docker build -t vos-lab --build-arg CODE_VERSION="$(git describe --always --dirty)" .
#   docker run --gpus all -p 8501:8501 -v "$PWD/work:/work" -e VOSLAB_PASSWORD=... vos-lab
# No CUDA base image: torch's wheels bring CUDA, the container's engine brings the driver.
FROM python:3.12-slim-bookworm

# Versions are not pinned: Debian takes replaced ones off its mirrors, and a stable release only mends.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends make tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 11042 voslab \
    && useradd --uid 11042 --gid 11042 --create-home voslab \
    && mkdir -p /opt/vos-lab /work \
    && chown voslab:voslab /opt/vos-lab /work

WORKDIR /opt/vos-lab
# By number: Kubernetes (and so UCloud) cannot tell from a name that it is not root.
USER 11042:11042

# The environment first: it changes seldom, and the CUDA build of torch is several GB.
# For a GPU with an older driver: --build-arg TORCH=torch==2.13.0+cu126
# --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126
ARG TORCH=""
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1
COPY --chown=11042:11042 Makefile requirements.txt ./
RUN make install TORCH="$TORCH" TORCH_INDEX="$TORCH_INDEX"

COPY --chown=11042:11042 . .

# What a run's provenance calls the code: .git stays outside.
ARG CODE_VERSION=""
ENV VOSLAB_CODE_VERSION="$CODE_VERSION" \
    VOSLAB_HOME=/work \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    PYTHONUNBUFFERED=1
VOLUME /work
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD [".venv/bin/python", "deploy/healthy.py"]
# tini reaps what dispatchers and workers leave, and passes a stop on to the app.
ENTRYPOINT ["tini", "--"]
CMD [".venv/bin/python", "-m", "streamlit", "run", "app.py"]
