//! What a user may write behind the command.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::component::BuildInfo;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Run(Vec<String>),
    Validate(Vec<String>),
    Version,
}

/// Reads the arguments, the command's name first.
pub(super) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    build_info: &BuildInfo,
) -> Result<Action, clap::Error> {
    let mut command = command(build_info);
    let matches = command.try_get_matches_from_mut(arguments)?;
    if matches.get_flag("version") {
        return Ok(Action::Version);
    }
    match matches.subcommand() {
        Some(("validate", inner)) => {
            let (mut uris, mut sets) = (values(&matches, "config"), values(&matches, "set"));
            uris.extend(values(inner, "config"));
            sets.extend(values(inner, "set"));
            locators(uris, sets, &mut command).map(Action::Validate)
        }
        _ => locators(values(&matches, "config"), values(&matches, "set"), &mut command).map(Action::Run),
    }
}

fn command(build_info: &BuildInfo) -> Command {
    Command::new(build_info.command.clone())
        .about(build_info.description.clone())
        .disable_version_flag(true)
        .args(shared())
        .arg(
            Arg::new("version")
                .short('v')
                .long("version")
                .action(ArgAction::SetTrue)
                .help("Prints the version"),
        )
        .subcommand(
            Command::new("validate")
                .about("Checks the configuration without running the collector")
                .args(shared()),
        )
}

fn shared() -> [Arg; 2] {
    [
        Arg::new("config").long("config").value_name("URI").action(ArgAction::Append).help(
            "Location of a configuration: a path, or file:, env: or yaml: with what follows it. Several are merged \
             in their order",
        ),
        Arg::new("set")
            .long("set")
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .help("Sets one key after everything else, such as --set=processors.batch.timeout=2s"),
    ]
}

fn values(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
}

/// The locations to load, in their order: `--set` becomes YAML behind everything else.
fn locators(
    mut uris: Vec<String>,
    sets: Vec<String>,
    command: &mut Command,
) -> Result<Vec<String>, clap::Error> {
    for set in sets {
        let Some((key, value)) = set.split_once('=') else {
            return Err(command.error(clap::error::ErrorKind::ValueValidation, "missing equal sign"));
        };
        uris.push(format!("yaml:{}: {value}", key.trim().replace('.', "::")));
    }
    Ok(uris)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Action, String> {
        let arguments = line.split(' ').map(OsString::from);
        parse(arguments, &BuildInfo::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn configurations_and_single_keys_are_merged_in_order() {
        let uris = |uris: &[&str]| uris.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            read("otelcol --config=a.yaml --set=processors.batch.timeout=2s --config env:B"),
            Ok(Action::Run(uris(&["a.yaml", "env:B", "yaml:processors::batch::timeout: 2s"])))
        );
        assert_eq!(read("otelcol validate --config a"), Ok(Action::Validate(uris(&["a"]))));
        assert_eq!(read("otelcol -v"), Ok(Action::Version));
        assert!(read("otelcol --set x").unwrap_err().contains("missing equal sign"));
        assert!(read("otelcol --confg x").unwrap_err().contains("--config"));
    }
}
