// Sends spans, metrics and logs with the OpenTelemetry SDK for JavaScript, and prints the same as the SDK itself encodes
// it in protobuf, however it sends it.
//
// Usage: sdk.cjs grpc|http/protobuf|http/json, with the endpoint and the compression in the environment, as OTLP's
// specification names them. Prints {"traces": […], "metrics": […], "logs": […]}: export requests in base64. Fails if
// the SDK considers an export as failed.

const { trace, ROOT_CONTEXT, SeverityNumber, SpanKind, SpanStatusCode, ValueType } = require('@opentelemetry/api');
const transformer = require('@opentelemetry/otlp-transformer');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs');
const { AggregationType, MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { BatchSpanProcessor, TracerProvider } = require('@opentelemetry/sdk-trace');

const kind = { grpc: 'grpc', 'http/protobuf': 'proto', 'http/json': 'http' }[process.argv[2]];
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);
const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${kind}`);
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${kind}`);

const sent = { traces: [], metrics: [], logs: [] };
const failures = [];

/** Notes what an exporter is given, and what comes of it. */
function noted(exporter, signal, serializer) {
  const send = exporter.export.bind(exporter);
  exporter.export = (batch, done) => {
    sent[signal].push(Buffer.from(serializer.serializeRequest(batch)).toString('base64'));
    send(batch, (result) => {
      if (result.code !== 0) failures.push(`${signal}: ${result.error}`);
      done(result);
    });
  };
  return exporter;
}

function sendSpans(provider) {
  const tracer = provider.getTracer('shop.checkout', '1.2.3', { schemaUrl: 'https://shop.test/schema' });
  for (let order = 0; order < 20; order++) {
    const parent = tracer.startSpan('checkout', { kind: SpanKind.SERVER }, ROOT_CONTEXT);
    parent.setAttributes({
      'order.id': order,
      'order.total': order * 1.25,
      'order.express': order % 2 === 0,
      'order.items': ['tea', 'crème brûlée', '🍵'],
      'order.quantities': [1, -2, 2 ** 40],
      'order.note': '',
    });
    parent.addEvent('validated', { rules: 3, duration: 0.5 });
    const links = [{ context: parent.spanContext(), attributes: { reason: 'retry' } }];
    const within = trace.setSpan(ROOT_CONTEXT, parent);
    const child = tracer.startSpan('charge', { kind: SpanKind.CLIENT, links }, within);
    if (order % 5 === 0) {
      child.recordException(new Error('the card was refused'));
      child.setStatus({ code: SpanStatusCode.ERROR, message: 'refused' });
    } else {
      child.setStatus({ code: SpanStatusCode.OK });
    }
    child.end();
    parent.end();
  }
}

function recordMetrics(provider) {
  const meter = provider.getMeter('shop.checkout', '1.2.3');
  const orders = meter.createCounter('orders', { unit: '{order}', description: 'Orders taken', valueType: ValueType.INT });
  const carts = meter.createUpDownCounter('carts', { valueType: ValueType.INT });
  const durations = meter.createHistogram('duration', { unit: 's' });
  const sizes = meter.createHistogram('size', { unit: 'By' });
  meter.createGauge('temperature', { unit: 'Cel' }).record(-3.5, { room: 'cellar' });
  for (let index = 0; index < 50; index++) {
    orders.add(index, { country: ['de', 'fr', 'jp'][index % 3] });
    carts.add(index % 2 ? -index : index);
    durations.record(index / 7, { route: '/checkout' });
    sizes.record(index * 1000);
  }
}

function writeLogs(provider, span) {
  const logger = provider.getLogger('shop.events', '0.1');
  for (let index = 0; index < 20; index++) {
    logger.emit({
      severityNumber: SeverityNumber.INFO,
      severityText: 'info',
      body: `order ${index} was taken, für 5 €`,
      attributes: { 'order.id': index },
      context: trace.setSpan(ROOT_CONTEXT, span),
    });
  }
  logger.emit({
    eventName: 'order.lost',
    severityNumber: SeverityNumber.FATAL4,
    body: { text: 'nested', bytes: new Uint8Array([0, 255]), list: [1, 2.5, null, { deep: true }], empty: {} },
    attributes: { vendor: { name: 'none', codes: [4, 5] } },
  });
}

async function main() {
  const spans = noted(new OTLPTraceExporter(), 'traces', transformer.ProtobufTraceSerializer);
  const metrics = noted(new OTLPMetricExporter(), 'metrics', transformer.ProtobufMetricsSerializer);
  const logs = noted(new OTLPLogExporter(), 'logs', transformer.ProtobufLogsSerializer);
  const resource = resourceFromAttributes({ 'service.name': 'shop', 'service.instance.id': 'shop-1', answer: 42 });

  const tracers = new TracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor({ exporter: spans, maxExportBatchSize: 16 })],
  });
  const meters = new MeterProvider({
    resource,
    readers: [new PeriodicExportingMetricReader({ exporter: metrics })],
    views: [{ instrumentName: 'size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  });
  const loggers = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter: logs, maxExportBatchSize: 16 })],
  });

  const span = tracers.getTracer('shop.background').startSpan('logged');
  sendSpans(tracers);
  recordMetrics(meters);
  writeLogs(loggers, span);
  span.end();
  for (const provider of [tracers, meters, loggers]) {
    await provider.forceFlush();
    await provider.shutdown();
  }
  process.stdout.write(JSON.stringify(sent));
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

main();
