//! Doing what the command line says.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::arguments::{self, Action, Inputs, Printing};
use super::changes::Changes;
use super::load::{Configuration, loader, with_gates};
use super::report;
use super::signals::{Hangup, Signals};
use crate::component::BuildInfo;
use crate::service::Registry;
use crate::telemetry::with_causes;

/// Runs the command line of this process: the collector until SIGTERM or SIGINT, or one of its other commands.
///
/// A SIGHUP, and with `--watch-config` a change of a file of the configuration, makes the collector read the configuration
/// again and apply it, as [`Service::reload`](crate::service::Service::reload) does.
///
/// The exit code is 1 where something is wrong with the arguments or the configuration, a component did not start or
/// failed for good, or the shutdown dropped anything. A second signal ends the process at once.
pub fn main(registry: &Registry, build_info: BuildInfo) -> ExitCode {
    CommandLine::new(registry, build_info).main()
}

/// As [`main`], with these arguments, the command's name first.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    registry: &Registry,
    build_info: BuildInfo,
) -> ExitCode {
    CommandLine::new(registry, build_info).run(arguments)
}

/// The command line of a collector with more to say than [`main`] knows.
#[derive(Debug)]
pub struct CommandLine<'r> {
    registry: &'r Registry,
    build_info: BuildInfo,
    example: Option<&'static str>,
}

impl<'r> CommandLine<'r> {
    /// The command line of a collector with these components.
    pub fn new(registry: &'r Registry, build_info: BuildInfo) -> Self {
        Self { registry, build_info, example: None }
    }

    /// Shows a configuration that works to whoever starts the collector without one.
    pub fn example(self, yaml: &'static str) -> Self {
        Self { example: Some(yaml), ..self }
    }

    /// Does what the arguments of this process say, as [`main`] does.
    pub fn main(self) -> ExitCode {
        self.run(std::env::args_os())
    }

    /// Does what these arguments say, the command's name first.
    #[expect(clippy::print_stderr, reason = "this is the command line")]
    pub fn run(self, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
        let action = match arguments::parse(arguments, &self.build_info) {
            Ok(action) => action,
            Err(error) => {
                // Where this cannot be printed nobody can be told.
                let _ = error.print();
                return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
            }
        };
        self.act(action).unwrap_or_else(|error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        })
    }

    fn act(self, action: Action) -> Result<ExitCode, String> {
        let BuildInfo { command, version, .. } = &self.build_info;
        match action {
            Action::Version => print(&format!("{command} version {version}\n")),
            Action::Components => print(&report::components(self.registry, &loader(), &self.build_info)),
            Action::Schema => print(&format!("{:#}\n", self.registry.schema())),
            Action::Print(inputs, printing) => print_config(&self.configuration(inputs)?, printing),
            Action::FeatureGates(id, inputs) => {
                let registry = with_gates(self.registry, &inputs.gates).map_err(|error| failed(&error))?;
                let text = report::feature_gates(registry.gates(), id.as_deref());
                print(&text.map_err(|error| failed(&error))?)
            }
            Action::Validate(inputs) => validate(&self.configuration(inputs)?, self.build_info),
            Action::Run(inputs, watch) => collect(self.configuration(inputs)?, watch, self.build_info),
        }
    }

    fn configuration(&self, inputs: Inputs) -> Result<Configuration, String> {
        let none = inputs.uris.is_empty();
        Configuration::new(self.registry, inputs).map_err(|error| {
            let next = if none { next_steps(&self.build_info.command, self.example) } else { String::new() };
            failed(&error) + &next
        })
    }
}

/// What to do for who has no configuration.
fn next_steps(command: &str, example: Option<&str>) -> String {
    let example = example.map_or_else(String::new, |yaml| {
        let lines: String =
            yaml.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect();
        format!(" Save this one as config.yaml to begin with:\n\n{lines}\nThen check it and run it:")
    });
    format!(
        "\n\nA collector needs a configuration.{example}\n
    {command} validate --config config.yaml
    {command} --config config.yaml

What it may use is listed by `{command} components`; `{command} --help` shows the other commands."
    )
}

#[expect(clippy::print_stderr, reason = "this is the command line")]
fn validate(configuration: &Configuration, build_info: BuildInfo) -> Result<ExitCode, String> {
    let collector = configuration.load().map_err(|errors| errors.to_string())?;
    for warning in collector.warnings() {
        eprintln!("{warning}");
    }
    let runtime = runtime()?;
    let _entered = runtime.enter();
    collector.dry_run(build_info).map_err(|error| failure(&error))?;
    Ok(ExitCode::SUCCESS)
}

fn collect(configuration: Configuration, watch: bool, build_info: BuildInfo) -> Result<ExitCode, String> {
    #[cfg(unix)]
    super::open_files::raise_limit();
    let configuration = Arc::new(configuration);
    runtime()?.block_on(async {
        // A signal that comes while the collector starts is heard once it runs.
        let hangup = Hangup::listen().map_err(|error| failure(&error))?;
        let mut changes = Changes::new(hangup, watch.then(|| configuration.files()));
        let collector = configuration.load().map_err(|errors| errors.to_string())?;
        let mut signals = Signals::listen().map_err(|error| failure(&error))?;
        let service = tokio::select! {
            started = collector.start(build_info) => started.map_err(|error| failure(&error))?,
            _ = signals.next() => return Ok(ExitCode::SUCCESS),
        };
        let logger = service.running().telemetry().logger().clone();
        // The shutdown begins only when the first signal has been heard, so that the next one is the second.
        let (stop, stopped) = oneshot::channel();
        let twice = async {
            let signal = signals.next().await;
            logger.info("Received signal from OS").field("signal", signal).emit();
            // Where nobody waits for it the shutdown has begun by itself.
            let _ = stop.send(());
            signals.next().await;
        };
        let stopped = async { stopped.await.unwrap_or_default() };
        let read = async || {
            changes.next().await;
            configuration.load_again().await
        };
        let report = tokio::select! {
            report = service.run_with_reloads(stopped, read) => report,
            () = twice => return Ok(ExitCode::FAILURE),
        };
        Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn print_config(configuration: &Configuration, printing: Printing) -> Result<ExitCode, String> {
    let Printing { secrets, json, validate } = printing;
    let value = configuration.effective(validate).map_err(|errors| errors.to_string())?;
    print(&if json { format!("{:#}\n", value.to_json(secrets)) } else { value.to_yaml(secrets) })
}

/// Writes to the standard output. A reader who has seen enough is no error.
fn print(text: &str) -> Result<ExitCode, String> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(failure(&error)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// One thread where there is only one core to run on: it costs about a tenth less there.
fn runtime() -> Result<Runtime, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = if cores == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build().map_err(|error| failure(&error))
}

/// The error with its causes.
fn failure(error: &dyn Error) -> String {
    failed(&with_causes(error))
}

fn failed(message: &str) -> String {
    format!("Error: {message}")
}
