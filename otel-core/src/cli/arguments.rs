//! What a user may write behind the command.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::component::BuildInfo;
use crate::config::Secrets;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// With whether the files of the configuration are watched.
    Run(Inputs, bool),
    Validate(Inputs),
    Components,
    Print(Inputs, Printing),
    Schema,
    FeatureGates(Option<String>, Inputs),
    Version,
}

/// What a configuration is made of, in the order in which it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inputs {
    /// Locations of configurations.
    pub(super) uris: Vec<String>,
    /// `key.key=value`, after everything else.
    pub(super) sets: Vec<String>,
    /// Lists of feature gates.
    pub(super) gates: Vec<String>,
}

/// How a configuration is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Printing {
    pub(super) secrets: Secrets,
    pub(super) json: bool,
    /// Whether the rules of components are checked first.
    pub(super) validate: bool,
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
    let (name, inner) = matches.subcommand().map_or(("", None), |(name, inner)| (name, Some(inner)));
    let inputs = Inputs::read([Some(&matches), inner].into_iter().flatten());
    if inputs.sets.iter().any(|set| !set.contains('=')) {
        return Err(
            command.error(ErrorKind::ValueValidation, "invalid argument for --set: missing equal sign")
        );
    }
    let one = |name: &str| inner.and_then(|inner| inner.get_one::<String>(name)).cloned();
    Ok(match name {
        "validate" => Action::Validate(inputs),
        "components" => Action::Components,
        "schema" => Action::Schema,
        "print-config" => {
            let is = |name, value| one(name).as_deref() == Some(value);
            let secrets = if is("mode", "unredacted") { Secrets::Shown } else { Secrets::Redacted };
            let printing = Printing { secrets, json: is("format", "json"), validate: is("validate", "true") };
            Action::Print(inputs, printing)
        }
        "featuregate" => Action::FeatureGates(one("id"), inputs),
        _ => Action::Run(inputs, matches.get_flag("watch-config")),
    })
}

impl Inputs {
    fn read<'m>(matches: impl Iterator<Item = &'m ArgMatches>) -> Self {
        let mut inputs = Self::default();
        for matches in matches {
            let values = |name: &str| {
                matches.try_get_many::<String>(name).ok().flatten().into_iter().flatten().cloned()
            };
            inputs.uris.extend(values("config"));
            inputs.sets.extend(values("set"));
            inputs.gates.extend(values("feature-gates"));
        }
        inputs
    }
}

fn command(build_info: &BuildInfo) -> Command {
    let arg = |name: &'static str| Arg::new(name).long(name);
    Command::new(build_info.command.clone())
        .about(build_info.description.clone())
        .disable_version_flag(true)
        .args(shared())
        .arg(
            arg("watch-config")
                .action(ArgAction::SetTrue)
                .help("Applies the configuration again whenever one of its files changes"),
        )
        .arg(arg("version").short('v').action(ArgAction::SetTrue).help("Prints the version"))
        .subcommand(
            Command::new("validate")
                .about("Checks the configuration without running the collector")
                .args(shared()),
        )
        .subcommand(print_config())
        .subcommand(
            Command::new("schema").about(
                "Prints the JSON Schema of configurations, with which editors complete and check them",
            ),
        )
        .subcommand(Command::new("components").about("Lists the components of this collector"))
        .subcommand(
            Command::new("featuregate")
                .about("Lists feature gates, or says everything of one")
                .arg(Arg::new("id").help("The feature gate"))
                .arg(gates()),
        )
}

fn print_config() -> Command {
    let arg = |name: &'static str, values: [&'static str; 2], help: &'static str| {
        Arg::new(name).long(name).value_parser(values).default_value(values[0]).help(help)
    };
    Command::new("print-config")
        .alias("print-initial-config")
        .about("Prints the configuration with everything merged and expanded, and with its defaults")
        .args(shared())
        .arg(arg("mode", ["redacted", "unredacted"], "Whether secrets are printed"))
        .arg(arg("format", ["yaml", "json"], "How it is written"))
        .arg(
            arg("validate", ["true", "false"], "Whether it is checked first")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
        )
}

fn shared() -> [Arg; 3] {
    [
        Arg::new("config").long("config").value_name("URI").action(ArgAction::Append).help(
            "Location of a configuration: a path, or file:, env:, yaml:, http: or https: with what \
             follows it. Several are merged in their order",
        ),
        Arg::new("set")
            .long("set")
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .help("Sets one key after everything else, such as --set=processors.batch.timeout=2s"),
        gates(),
    ]
}

fn gates() -> Arg {
    Arg::new("feature-gates")
        .long("feature-gates")
        .value_name("GATES")
        .allow_hyphen_values(true)
        .action(ArgAction::Append)
        .help("Names with commas between them; -name disables a feature gate, name or +name enables it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Action, String> {
        let arguments = line.split(' ').map(OsString::from);
        parse(arguments, &BuildInfo::default()).map_err(|error| error.to_string())
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn configurations_and_single_keys_keep_their_order() {
        let expected = Inputs {
            uris: strings(&["a.yaml", "env:B"]),
            sets: strings(&["processors.batch.timeout=2s"]),
            gates: strings(&["-a.b,c"]),
        };
        let flags = "--config=a.yaml --set=processors.batch.timeout=2s --config env:B --feature-gates -a.b,c";
        assert_eq!(read(&format!("otelcol {flags}")), Ok(Action::Run(expected.clone(), false)));
        assert_eq!(read(&format!("otelcol validate {flags}")), Ok(Action::Validate(expected.clone())));
        let printing = |secrets, json, validate| {
            Ok(Action::Print(expected.clone(), Printing { secrets, json, validate }))
        };
        assert_eq!(read(&format!("otelcol print-config {flags}")), printing(Secrets::Redacted, false, true));
        let more = "--mode=unredacted --format json --validate=false";
        assert_eq!(
            read(&format!("otelcol print-initial-config {flags} {more}")),
            printing(Secrets::Shown, true, false)
        );
        assert!(read("otelcol print-config --mode open").unwrap_err().contains("[possible values: redacted"));
        let watching = read("otelcol --watch-config").unwrap();
        assert_eq!(watching, Action::Run(Inputs::default(), true));
        assert_eq!(read("otelcol -v"), Ok(Action::Version));
        assert!(read("otelcol --set x").unwrap_err().contains("missing equal sign"));
        assert!(read("otelcol --confg x").unwrap_err().contains("--config"));
        assert!(read("otelcol validat").unwrap_err().contains("validate"));
    }
}
