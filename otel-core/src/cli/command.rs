//! Doing what the command line says.

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

use super::arguments::{self, Action};
use super::signals::Signals;
use crate::component::{BuildInfo, ProxySettings};
use crate::config::{ConfigErrors, Diagnostics, EnvProvider, Loader};
use crate::service::{Collector, Registry};

/// What to do about a missing configuration.
const NO_CONFIG: &str = "Error: at least one config flag must be provided

Name a configuration, such as --config config.yaml; --help tells what else there is";

/// Runs the command line of this process: the collector until SIGTERM or SIGINT, or one of its other commands.
///
/// The exit code is 1 where something is wrong with the configuration, a component did not start or failed for good,
/// or the shutdown dropped anything. A second signal ends the process at once.
pub fn main(registry: &Registry, build_info: BuildInfo) -> ExitCode {
    run(std::env::args_os(), registry, build_info)
}

/// As [`main`], with these arguments, the command's name first.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the command line")]
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    registry: &Registry,
    build_info: BuildInfo,
) -> ExitCode {
    let action = match arguments::parse(arguments, &build_info) {
        Ok(action) => action,
        Err(error) => {
            // Where this cannot be printed nobody can be told.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let done = match action {
        Action::Version => {
            println!("{} version {}", build_info.command, build_info.version);
            Ok(ExitCode::SUCCESS)
        }
        Action::Validate(uris) => validate(&uris, registry, build_info),
        Action::Run(uris) => collect(&uris, registry, build_info),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn validate(uris: &[String], registry: &Registry, build_info: BuildInfo) -> Result<ExitCode, String> {
    let collector = load(uris, registry)?;
    let runtime = runtime()?;
    let _entered = runtime.enter();
    collector.dry_run(build_info).map_err(|error| failure(&error))?;
    Ok(ExitCode::SUCCESS)
}

fn collect(uris: &[String], registry: &Registry, build_info: BuildInfo) -> Result<ExitCode, String> {
    let collector = load(uris, registry)?;
    runtime()?.block_on(async {
        let listen = || Signals::listen().map_err(|error| failure(&error));
        let (mut first, mut second) = (listen()?, listen()?);
        let service = tokio::select! {
            started = collector.start(build_info) => started.map_err(|error| failure(&error))?,
            () = first.next() => return Ok(ExitCode::SUCCESS),
        };
        let report = tokio::select! {
            report = service.run_until(first.next()) => report,
            () = async { second.next().await; second.next().await } => return Ok(ExitCode::FAILURE),
        };
        Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn load(uris: &[String], registry: &Registry) -> Result<Collector, String> {
    if uris.is_empty() {
        return Err(NO_CONFIG.to_owned());
    }
    let mut diagnostics = Diagnostics::new();
    let root = Loader::default().with(EnvProvider::process()).load(uris, &mut diagnostics);
    let collector = match root {
        Some(root) => Collector::from_node(registry, &root, diagnostics),
        None => Err(ConfigErrors::from(diagnostics)),
    };
    let proxies = ProxySettings::from_variables(|name| std::env::var(name).ok());
    collector.map(|collector| collector.with_proxies(proxies)).map_err(|errors| errors.to_string())
}

/// One thread where there is only one core to run on: it costs about a tenth less there.
fn runtime() -> Result<Runtime, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = if cores == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build().map_err(|error| failure(&error))
}

/// The error with its causes.
fn failure(error: &dyn Error) -> String {
    let mut text = format!("Error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
