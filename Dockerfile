# The API, without solvers: runs are handed to Modal. docs/deploy.md tells how it is built and run.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS build

# `supabase,solver` makes an image that works on runs itself (POURPLAN_WORKERS), without Modal.
ARG EXTRAS=supabase,modal

WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY supabase/migrations supabase/migrations
COPY solver_jobs solver_jobs
COPY api api
RUN python -m venv /opt/pourplan \
    && /opt/pourplan/bin/pip install --no-cache-dir --constraint constraints.txt pip \
    && /opt/pourplan/bin/pip install --no-cache-dir --compile \
        --constraint constraints.txt --build-constraint constraints.txt ".[${EXTRAS}]" \
    && /opt/pourplan/bin/pip uninstall --yes pip

FROM python:${PYTHON}-slim-bookworm

LABEL org.opencontainers.image.title="Pourplan" \
      org.opencontainers.image.description="Production planning for steel plants and foundries: the GraphQL API" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin pourplan \
    && install --directory --owner=pourplan --group=pourplan --mode=0700 /data
COPY --from=build /opt/pourplan /opt/pourplan

ENV PATH="/opt/pourplan/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    POURPLAN_DATA=/data \
    POURPLAN_LOG_FORMAT=json \
    PORT=8000

USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM

# Whether the process lives: what it lives on, /health/ready tells, and no restart would mend that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health/live\", timeout=4)"]

ENTRYPOINT ["pourplan"]
CMD ["serve", "--host", "0.0.0.0"]
