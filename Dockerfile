# Layerwise in a container. On the CPU:        docker build -t layerwise .
# On NVIDIA GPUs (drivers on the host only):   docker build -t layerwise:cuda --build-arg DEVICE=cuda .
FROM python:3.11-slim-bookworm AS environment
ARG DEVICE=cpu
ARG UV_VERSION=0.13.8
WORKDIR /layerwise
RUN pip install --no-cache-dir --root-user-action=ignore "uv==${UV_VERSION}"
COPY requirements.txt constraints.txt ./
# The same versions as everywhere; only the kind of TensorFlow differs.
RUN python -m venv .venv \
 && case "$DEVICE" in \
      cpu) cp requirements.txt wanted.txt ;; \
      cuda) sed 's/^tensorflow==/tensorflow[and-cuda]==/' requirements.txt > wanted.txt ;; \
      *) echo "DEVICE is '$DEVICE', but must be cpu or cuda." >&2; exit 1 ;; \
    esac \
 && uv pip install --no-cache --python .venv/bin/python --compile-bytecode -c constraints.txt -r wanted.txt \
 && rm wanted.txt

FROM python:3.11-slim-bookworm
# An account without rights; the number is fixed so that the owner of a mounted folder can be set to it.
RUN groupadd --gid 10001 layerwise \
 && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin layerwise \
 && install -d -o layerwise -g layerwise /workspace
WORKDIR /layerwise
COPY --from=environment /layerwise/.venv .venv
COPY . .
RUN python -m compileall -q app.py asgi.py builders datasets evaluation exporters pages recipes records training ui
ENV PATH=/layerwise/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LAYERWISE_WORKSPACE=/workspace
USER 10001:10001
VOLUME /workspace
EXPOSE 8501
# Ready: the server answers, a supervisor lives, the database answers, the disk has room.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/api/health', timeout=8)"]
# SIGTERM ends the web server alone; the workers of a stopped container go on from their checkpoints at its next start.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "ui.serve", "--address", "0.0.0.0", "--port", "8501"]
