use std::net::SocketAddr;
use std::sync::Arc;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::config::TelemetryConfig;
use super::export::{Outlets, encode_logs};
use super::logs::{Output, Tee};
use super::metrics::{MetricsOut, sdk_resource};
use super::traces;
use crate::component::{BuildInfo, ProxySettings};
use crate::net::Surroundings;
use crate::service::run::ServiceError;
use crate::telemetry::{Clock, Logger, SystemClock, Telemetry, Tracer};

/// What carries own telemetry out. Dropping it ends that.
pub(in crate::service) struct OwnTelemetry {
    metrics: Option<MetricsOut>,
    /// Held, because without its provider a tracer does nothing.
    _spans: Option<SdkTracerProvider>,
    /// They send what is put into outlets.
    senders: JoinSet<()>,
    /// Lets them send what waits, and end.
    stop: watch::Sender<bool>,
}

/// Opens outputs, binds servers, starts what sends.
pub(in crate::service) async fn set_up(
    config: &TelemetryConfig,
    build_info: &BuildInfo,
    proxies: &ProxySettings,
) -> Result<(Telemetry, OwnTelemetry), ServiceError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let resource = Arc::new(config.resource.resolve(build_info));
    let output = Arc::new(Output::open(&config.logs, &resource, Arc::clone(&clock))?);
    // What goes wrong with telemetry is not sent as telemetry.
    let local = Logger::new(output.clone());
    let surroundings = Surroundings::behind(proxies.clone());
    let (metrics, metrics_out) = MetricsOut::start(&config.metrics, &resource, &local, &surroundings).await?;
    let mut senders = JoinSet::new();
    let (stop, stopped) = watch::channel(false);
    let outlets = Outlets {
        logger: local.clone(),
        metrics: metrics.clone(),
        resource: Arc::clone(&resource),
        surroundings,
        stopped,
    };
    let records = config.logs.processors.iter().map(|to| outlets.open(to, &mut senders, encode_logs));
    let records: Vec<_> = records.collect::<Result<_, _>>()?;
    let logger = if records.is_empty() { local } else { Logger::new(Arc::new(Tee::new(output, records))) };
    let traces = traces::start(&config.traces, &outlets, sdk_resource(&resource), &mut senders)?;
    let (tracer, spans) =
        traces.map_or((Tracer::none(), None), |(tracer, provider)| (tracer, Some(provider)));
    let telemetry = Telemetry::new(logger, metrics, clock).with_tracer(tracer);
    Ok((telemetry, OwnTelemetry { metrics: metrics_out, _spans: spans, senders, stop }))
}

impl OwnTelemetry {
    /// Where metrics can be fetched.
    pub(in crate::service) fn addresses(&self) -> Vec<SocketAddr> {
        self.metrics.as_ref().map(MetricsOut::addresses).unwrap_or_default()
    }

    /// Gives up its addresses to others.
    pub(in crate::service) async fn suspend(&mut self) {
        if let Some(metrics) = &mut self.metrics {
            metrics.suspend().await;
        }
    }

    /// Takes back the addresses that it gave up.
    pub(in crate::service) async fn resume(&mut self) -> Result<(), ServiceError> {
        match &mut self.metrics {
            Some(metrics) => metrics.resume().await,
            None => Ok(()),
        }
    }

    /// Sends what has not left, and ends, at the deadline at the latest.
    pub(in crate::service) async fn shutdown(mut self, deadline: Instant) {
        self.stop.send_replace(true);
        let sent = async { while self.senders.join_next().await.is_some() {} };
        if timeout_at(deadline, sent).await.is_err() {
            self.senders.shutdown().await;
        }
        if let Some(metrics) = self.metrics {
            metrics.shutdown(deadline).await;
        }
    }
}
