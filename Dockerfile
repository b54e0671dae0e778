# Runs and reports in a container.
#
#   docker build -t reproduce .                        on processors
#   docker build -t reproduce --build-arg GPU=true .   with NVIDIA's libraries; run it with --gpus all
#   docker run --rm -v "$PWD/results:/results" reproduce experiment=szegedy scale=smoke outputs=/results
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

ARG GPU=false
ENV TF_CPP_MIN_LOG_LEVEL=3
WORKDIR /reproduce
COPY requirements-report.txt requirements-run.txt ./
RUN if [ "$GPU" = true ]; then sed -i 's/^tensorflow==/tensorflow[and-cuda]==/' requirements-run.txt; fi \
    && pip install --no-cache-dir -r requirements-report.txt -r requirements-run.txt
COPY . .
ENTRYPOINT ["python", "run.py"]
CMD ["--help"]
