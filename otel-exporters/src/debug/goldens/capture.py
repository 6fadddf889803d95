#!/usr/bin/env python3
"""Has the Go collector print the telemetry of this directory with its debug exporter, and keeps what it prints.

Usage: capture.py [COLLECTOR]    (default: target/peers/otelcol-go, made by benches/scripts/build-go-collector.sh)
"""

import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ENDPOINT = "127.0.0.1:43418"
CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "{endpoint}"}}}}}}}}
exporters: {{debug: {{verbosity: {verbosity}, use_internal_logger: false}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{{signal}: {{receivers: [otlp], exporters: [debug]}}}}
"""


def send(signal: str) -> None:
    body = (HERE / f"{signal}.json").read_bytes()
    request = urllib.request.Request(
        f"http://{ENDPOINT}/v1/{signal}", body, {"Content-Type": "application/json"}
    )
    for _ in range(100):
        try:
            urllib.request.urlopen(request).read()
            return
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            time.sleep(0.1)
    raise SystemExit("the collector does not listen")


def capture(collector: str, signal: str, verbosity: str) -> None:
    config = CONFIG.format(endpoint=ENDPOINT, signal=signal, verbosity=verbosity)
    process = subprocess.Popen(
        [collector, "--config", f"yaml:{config}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        send(signal)
    finally:
        process.terminate()
    printed, _ = process.communicate()
    (HERE / f"{signal}-{verbosity}.txt").write_bytes(printed)


def main() -> None:
    collector = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[3] / "target/peers/otelcol-go")
    for signal in ("traces", "metrics", "logs"):
        for verbosity in ("basic", "normal", "detailed"):
            capture(collector, signal, verbosity)


main()
