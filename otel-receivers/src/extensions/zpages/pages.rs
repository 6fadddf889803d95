//! What there is to see.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use otel_core::ComponentId;
use otel_core::component::{ComponentKind, Host, Overview, PipelineOverview, StatusEvent};
use otel_core::net::{Handler, Peer, Reply};

use super::html::{Cell, Page};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PAGES: [(&str, &str); 3] =
    [("Pipelines", "/debug/pipelinez"), ("Extensions", "/debug/extensionz"), ("Features", "/debug/featurez")];

/// What pages are made of.
#[derive(Debug)]
pub(super) struct State {
    host: Host,
    overview: OnceLock<Arc<dyn Overview>>,
    created: SystemTime,
}

/// Answers with pages.
#[derive(Clone)]
pub(super) struct Pages(pub(super) Arc<State>);

impl Handler for Pages {
    async fn handle(&self, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        let page = self.0.page(request.uri().path(), request.uri().query().unwrap_or_default());
        let code = if page.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let page = page.unwrap_or_else(|| {
            let mut page = Page::new("404 page not found");
            page.paragraph("The pages begin at /debug/servicez");
            page.finish()
        });
        let response = Response::builder().status(code).header(header::CONTENT_TYPE, HTML);
        response.body(Reply::new(page)).expect("the headers are constants")
    }
}

impl State {
    pub(super) fn new(host: &Host) -> Self {
        Self { host: host.clone(), overview: OnceLock::new(), created: host.telemetry().now() }
    }

    pub(super) fn attach(&self, overview: &Arc<dyn Overview>) {
        // The engine does this once; a second time would change nothing.
        let _ = self.overview.set(Arc::clone(overview));
    }

    fn page(&self, path: &str, query: &str) -> Option<String> {
        let overview = &**self.overview.get()?;
        match path {
            "/debug/servicez" => Some(self.service(overview)),
            "/debug/pipelinez" => pipelines(overview, query),
            "/debug/extensionz" => Some(extensions(overview)),
            "/debug/featurez" => Some(features(overview)),
            _ => None,
        }
    }

    fn service(&self, overview: &dyn Overview) -> String {
        let build = self.host.build_info();
        let mut page = Page::new(&build.command);
        let properties = |page: &mut Page, rows: &[(&str, String)]| {
            page.table(
                &["Property", "Value"],
                rows.iter().map(|(name, value)| vec![Cell::text(name), Cell::text(value)]),
            );
        };
        if let Some(error) = overview.failed_reload() {
            page.heading("The last configuration was not applied");
            page.paragraph(&error);
        }
        page.heading("Build Info");
        properties(
            &mut page,
            &[
                ("Command", build.command.clone()),
                ("Description", build.description.clone()),
                ("Version", build.version.clone()),
            ],
        );
        page.heading("Runtime Info");
        let started = jiff::Timestamp::try_from(self.created).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        properties(
            &mut page,
            &[
                ("StartTimestamp", started.to_string()),
                ("OS", std::env::consts::OS.to_owned()),
                ("Arch", std::env::consts::ARCH.to_owned()),
                ("NumCPU", cores.to_string()),
            ],
        );
        page.heading("Pages");
        page.table(&["Page"], PAGES.map(|(name, to)| vec![Cell::link(&name, &to)]));
        page.finish()
    }
}

fn pipelines(overview: &dyn Overview, query: &str) -> Option<String> {
    let pipelines = overview.pipelines();
    let named = query.split('&').find_map(|pair| pair.strip_prefix("pipelinename="));
    if let Some(name) = named {
        let name = name.replace("%2F", "/").replace("%2f", "/");
        return pipelines.iter().find(|one| one.id.to_string() == name).map(|one| pipeline(overview, one));
    }
    let mut page = Page::new("Pipelines");
    page.table(
        &["FullName", "InputType", "Receivers", "Processors", "Exporters"],
        pipelines.iter().map(|pipeline| {
            let name = pipeline.id.to_string();
            let to = format!("/debug/pipelinez?pipelinename={}", name.replace('/', "%2F"));
            let all = |ids: &[ComponentId]| Cell::All(ids.iter().map(Cell::text).collect());
            vec![
                Cell::link(&name, &to),
                Cell::text(&pipeline.signal),
                all(&pipeline.receivers),
                all(&pipeline.processors),
                all(&pipeline.exporters),
            ]
        }),
    );
    Some(page.finish())
}

fn pipeline(overview: &dyn Overview, pipeline: &PipelineOverview) -> String {
    use ComponentKind::{Connector, Exporter, Processor, Receiver};
    let statuses = overview.statuses();
    let name = pipeline.id.to_string();
    let mut rows = Vec::new();
    for (ids, kinds) in [
        (&pipeline.receivers, [Receiver, Connector]),
        (&pipeline.processors, [Processor, Processor]),
        (&pipeline.exporters, [Exporter, Connector]),
    ] {
        for id in ids {
            let belongs = |event: &&StatusEvent| {
                event.id == *id
                    && kinds.contains(&event.kind)
                    && event.pipeline.as_ref().is_none_or(|of| *of == name)
                    && (event.kind == Connector
                        || event.signal.is_none_or(|signal| signal == pipeline.signal))
            };
            rows.extend(
                statuses
                    .iter()
                    .filter(belongs)
                    .map(|event| vec![Cell::text(&event.kind), Cell::text(id), Cell::text(&event.status)]),
            );
        }
    }
    let mut page = Page::new(&format!("Pipeline {name}"));
    page.table(&["Kind", "FullName", "Status"], rows);
    page.finish()
}

fn extensions(overview: &dyn Overview) -> String {
    let statuses = overview.statuses();
    let mut page = Page::new("Extensions");
    page.table(
        &["FullName", "Status"],
        overview.extensions().iter().map(|id| {
            let of = |event: &&StatusEvent| event.kind == ComponentKind::Extension && event.id == *id;
            let status = statuses.iter().find(of).map_or_else(String::new, |event| event.status.to_string());
            vec![Cell::text(id), Cell::text(&status)]
        }),
    );
    page.finish()
}

fn features(overview: &dyn Overview) -> String {
    let mut page = Page::new("Feature Gates");
    page.table(
        &["ID", "Enabled", "Description", "Stage", "From version", "To version"],
        overview.feature_gates().into_iter().map(|gate| {
            let to = gate.to_version.unwrap_or_default();
            [gate.id, gate.enabled.to_string(), gate.description, gate.stage, gate.from_version, to]
                .map(Cell::Text)
                .into()
        }),
    );
    page.finish()
}
