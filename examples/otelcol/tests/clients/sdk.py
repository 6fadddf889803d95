"""Sends spans, metrics and logs with the OpenTelemetry SDK for Python, and prints the same as the SDK itself encodes it.

Usage: sdk.py grpc|http/protobuf, with the endpoint and the compression in the environment, as OTLP's specification
names them. Prints {"traces": […], "metrics": […], "logs": […]}: export requests in base64. Fails if the SDK
considers an export as failed.
"""

import base64
import json
import logging
import sys

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

if sys.argv[1] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

sent = {"traces": [], "metrics": [], "logs": []}
failures = []


def noted(exporter, signal, encode):
    """Notes what an exporter is given, and what comes of it."""
    export = exporter.export

    def noting(batch, *args, **kwargs):
        sent[signal].append(base64.b64encode(encode(batch).SerializeToString()).decode())
        result = export(batch, *args, **kwargs)
        if result.name != "SUCCESS":
            failures.append(f"{signal}: {result}")
        return result

    exporter.export = noting
    return exporter


def send_spans(provider):
    tracer = provider.get_tracer("shop.checkout", "1.2.3", "https://shop.test/schema", {"scope.key": "scope value"})
    for order in range(20):
        with tracer.start_as_current_span("checkout", kind=SpanKind.SERVER) as parent:
            parent.set_attributes({
                "order.id": order,
                "order.total": order * 1.25,
                "order.express": order % 2 == 0,
                "order.items": ["tea", "crème brûlée", "🍵"],
                "order.quantities": [1, -2, 1 << 62],
                "order.note": "",
            })
            parent.add_event("validated", {"rules": 3, "duration": 0.5})
            link = Link(parent.get_span_context(), {"reason": "retry"})
            with tracer.start_as_current_span("charge", kind=SpanKind.CLIENT, links=[link]) as child:
                if order % 5 == 0:
                    child.record_exception(ValueError("the card was refused"))
                    child.set_status(Status(StatusCode.ERROR, "refused"))
                else:
                    child.set_status(Status(StatusCode.OK))


def record_metrics(provider, tracer):
    meter = provider.get_meter("shop.checkout", "1.2.3")
    orders = meter.create_counter("orders", unit="{order}", description="Orders taken")
    carts = meter.create_up_down_counter("carts")
    durations = meter.create_histogram("duration", unit="s")
    sizes = meter.create_histogram("size", unit="By")
    meter.create_gauge("temperature", unit="Cel").set(-3.5, {"room": "cellar"})
    # Within a span, so that there are exemplars.
    with tracer.start_as_current_span("measured"):
        for index in range(50):
            orders.add(index, {"country": ["de", "fr", "jp"][index % 3]})
            carts.add(-index if index % 2 else index)
            durations.record(index / 7, {"route": "/checkout"})
            sizes.record(index * 1000)


def write_logs(provider, tracer):
    log = logging.getLogger("shop")
    log.setLevel(logging.DEBUG)
    log.propagate = False
    log.addHandler(LoggingHandler(logger_provider=provider))
    with tracer.start_as_current_span("logged"):
        for index in range(20):
            log.info("order %d was taken, für 5 €", index, extra={"order.id": index})
    log.error("the card was refused", extra={"card.vendor": "none", "retry": True})
    body = {"text": "nested", "bytes": b"\x00\xff", "list": [1, 2.5, None, {"deep": True}], "empty": {}}
    logger = provider.get_logger("shop.events", "0.1")
    logger.emit(event_name="order.lost", severity_number=SeverityNumber.FATAL4, severity_text="lost", body=body)


def main():
    spans = noted(OTLPSpanExporter(), "traces", encode_spans)
    metrics = noted(OTLPMetricExporter(), "metrics", encode_metrics)
    logs = noted(OTLPLogExporter(), "logs", encode_logs)
    resource = Resource.create({"service.name": "shop", "service.instance.id": "shop-1", "answer": 42})

    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans, max_export_batch_size=16))
    exponential = View(instrument_name="size", aggregation=ExponentialBucketHistogramAggregation())
    reader = PeriodicExportingMetricReader(metrics, export_interval_millis=float("inf"))
    meters = MeterProvider([reader], resource=resource, views=[exponential])
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(logs, max_export_batch_size=16))

    tracer = tracers.get_tracer("shop.background")
    send_spans(tracers)
    record_metrics(meters, tracer)
    write_logs(loggers, tracer)
    for provider in (tracers, meters, loggers):
        assert provider.force_flush()
        provider.shutdown()
    json.dump(sent, sys.stdout)
    if failures:
        sys.exit("\n".join(failures))


main()
