# VOS Lab's dashboard on port 8501, as a user without privileges. State, data and masks live in the volume /work.
#   docker build -t vos-lab . && docker run --gpus all -p 8501:8501 -v "$PWD/work:/work" vos-lab
FROM python:3.12-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends git make tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 11042 voslab \
    && useradd --uid 11042 --gid 11042 --create-home voslab \
    && mkdir -p /opt/vos-lab /work \
    && chown voslab:voslab /opt/vos-lab /work

WORKDIR /opt/vos-lab
USER voslab

# The environment first: it changes seldom, and the CUDA build of torch is several GB.
COPY --chown=voslab:voslab Makefile requirements.txt ./
RUN make install && .venv/bin/python -m pip cache purge

COPY --chown=voslab:voslab . .

ENV VOSLAB_HOME=/work \
    PYTHONUNBUFFERED=1
VOLUME /work
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD [".venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD [".venv/bin/streamlit", "run", "app.py", "--server.port", "8501", "--server.address", "0.0.0.0"]
