//! Kills a collector under load, again and again, and says whether everything that it answered with success arrived.

use std::{
    env,
    error::Error,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, ExitCode},
};

use clap::Parser;
use otel_benches::{
    crash::{self, Options, Scenario},
    e2e::Candidate,
    exit_code,
};

/// Set for the process that runs in a mount namespace of its own.
const INSIDE: &str = "CRASH_MOUNT_NAMESPACE";

#[derive(Debug, Parser)]
#[command(args_override_self = true)]
struct Arguments {
    /// A collector, as `name=[VARIABLE=value …] program [argument …]`; an argument with `{config}` is repeated for each
    /// YAML file.
    #[arg(long, default_value = "otelcol=target/debug/otelcol --config={config}")]
    candidate: Candidate,

    /// How it is configured, each a run.
    #[arg(long = "scenario", value_enum, value_delimiter = ',', default_value = "batch")]
    scenarios: Vec<Scenario>,

    /// How often it is killed in a run.
    #[arg(long, default_value_t = 20)]
    kills: usize,

    /// Items a second, about.
    #[arg(long, default_value_t = 20_000.0)]
    rate: f64,

    /// What decides [default: any].
    #[arg(long)]
    seed: Option<u64>,

    /// Ask it to end (SIGTERM) and to read its configuration again (SIGHUP) too.
    #[arg(long)]
    signals: bool,

    /// Cut or flip a bit of a file that it stores, after each kill.
    #[arg(long)]
    damage: bool,

    /// Have it store on a disk of so many MiB, which is full now and then. Mounts it in a namespace of its own.
    #[arg(long, value_name = "MIB")]
    disk: Option<u32>,

    /// Where the logs and the storage are.
    #[arg(long, default_value = "target/crash")]
    directory: PathBuf,
}

fn main() -> ExitCode {
    exit_code(run(Arguments::parse()))
}

/// Whether all went well.
fn run(arguments: Arguments) -> Result<bool, Box<dyn Error>> {
    if arguments.disk.is_some() && env::var_os(INSIDE).is_none() {
        return Err(enter_namespace().into());
    }
    let seed = arguments.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut well = true;
    for scenario in arguments.scenarios {
        let options = Options {
            candidate: arguments.candidate.clone(),
            scenario,
            kills: arguments.kills,
            items_per_second: arguments.rate,
            seed,
            signals: arguments.signals,
            damage: arguments.damage,
            disk: arguments.disk,
            directory: arguments.directory.join(format!("{}-{scenario}", arguments.candidate.name)),
        };
        let report = runtime.block_on(crash::run(&options))?;
        print!("{report}");
        well &= report.violations().is_empty();
    }
    Ok(well)
}

/// Goes on in a mount namespace of its own, in which anybody may mount; the error if that cannot be.
fn enter_namespace() -> std::io::Error {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let this = match env::current_exe() {
        Ok(this) => this,
        Err(error) => return error,
    };
    command.arg("--mount").arg(this).args(env::args_os().skip(1)).env(INSIDE, "1").exec()
}
