# dltui with PyTorch: `docker build -t dltui .` for CPUs; for NVIDIA devices a base with CUDA and its PyTorch:
#   docker build -t dltui --build-arg BASE=pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime --build-arg EXTRAS= .
# Runs, settings and data are kept in a volume:
#   docker run -it -v dltui:/data dltui
ARG BASE=python:3.12-slim
FROM ${BASE}

# Extras of the package that are installed. The base for NVIDIA devices has PyTorch already.
ARG EXTRAS=[torch]
ARG INDEX=https://download.pytorch.org/whl/cpu
COPY pyproject.toml README.md LICENSE /source/
COPY docs/dltui.1 /source/docs/
COPY dltui /source/dltui
RUN pip install --no-cache-dir --extra-index-url "${INDEX}" "/source${EXTRAS}" && rm -rf /source

RUN useradd --create-home trainer && mkdir /data && chown trainer /data
USER trainer
WORKDIR /data
ENV DLTUI_HOME=/data/dltui LANG=C.UTF-8
VOLUME /data
# Signals reach the worker of a run in the foreground: `docker stop` saves a checkpoint.
ENTRYPOINT ["dltui"]
