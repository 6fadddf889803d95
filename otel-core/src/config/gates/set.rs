use std::collections::BTreeMap;
use std::fmt;

use super::known::{GATES, REMOVED};
use crate::config::suggest;

/// A switch for behaviour that is new, or that will go. Components may have their own: make it a constant, ask
/// [`FeatureGates::is_enabled`], and register it so that users can set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    id: &'static str,
    stage: Stage,
    description: &'static str,
    from: &'static str,
    to: Option<&'static str>,
    /// Why setting it changes nothing here; `None` for a gate that works.
    without_effect: Option<&'static str>,
}

/// How settled a gate's behaviour is, which decides whether it is on and whether that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Off unless it is enabled.
    Alpha,
    /// On unless it is disabled.
    Beta,
    /// On for good.
    Stable,
    /// Off for good.
    Deprecated,
}

/// The gates that a collector knows, and what its user set.
///
/// ```
/// use otel_core::config::gates::{ALLOW_NO_PIPELINES, FeatureGates};
///
/// let mut gates = FeatureGates::default();
/// assert!(!gates.is_enabled(&ALLOW_NO_PIPELINES));
/// gates.set("service.AllowNoPipelines,-component.UseLocalHostAsDefaultHost")?;
/// assert!(gates.is_enabled(&ALLOW_NO_PIPELINES));
/// assert!(gates.set("service.AlowNoPipelines").is_err());
/// # Ok::<(), otel_core::config::gates::GateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeatureGates {
    known: BTreeMap<&'static str, Gate>,
    set: BTreeMap<&'static str, bool>,
    warnings: Vec<String>,
}

/// A gate that can't be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// Nobody has a gate of that name.
    #[error("no such feature gate {id:?}{hint}. valid gates: [{valid}]", hint = hint(*nearest))]
    Unknown {
        /// The name as it was written.
        id: String,
        /// The gate that was probably meant.
        nearest: Option<&'static str>,
        /// All there are, with spaces between them.
        valid: String,
    },
    /// Two commas with nothing between them, or one at an end.
    #[error("empty feature gate identifier at index {0}")]
    Empty(usize),
    /// A stable gate is on for good.
    #[error("feature gate {0:?} is stable, can not be disabled")]
    Stable(&'static str),
    /// A deprecated gate is off for good.
    #[error("feature gate {0:?} is deprecated, can not be enabled")]
    Deprecated(&'static str),
    /// Several of these.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<GateError>),
}

// === impl Gate ===

impl Gate {
    /// A gate that works, and the release (such as `v0.120.0`) it came with.
    pub const fn new(id: &'static str, stage: Stage, from: &'static str, description: &'static str) -> Self {
        Self { id, stage, description, from, to: None, without_effect: None }
    }

    /// The release it goes with.
    pub const fn until(self, to: &'static str) -> Self {
        Self { to: Some(to), ..self }
    }

    /// Setting it changes nothing here, which a warning says: "feature gate x has no effect: why".
    pub const fn without_effect(self, why: &'static str) -> Self {
        Self { without_effect: Some(why), ..self }
    }

    /// Its name, words with points between them.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Its stage.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// What it switches.
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// The release it came with.
    pub fn from_version(&self) -> &'static str {
        self.from
    }

    /// The release it goes with, if that is known.
    pub fn to_version(&self) -> Option<&'static str> {
        self.to
    }

    fn default_state(&self) -> bool {
        matches!(self.stage, Stage::Beta | Stage::Stable)
    }
}

// === impl FeatureGates ===

/// The gates of the Go collector, none set.
impl Default for FeatureGates {
    fn default() -> Self {
        let known = GATES.iter().map(|gate| (gate.id, *gate)).collect();
        Self { known, set: BTreeMap::new(), warnings: Vec::new() }
    }
}

impl FeatureGates {
    /// Adds a gate that users can set, in the place of an earlier one of its name.
    pub fn register(&mut self, gate: Gate) {
        self.known.insert(gate.id, gate);
    }

    /// Sets gates by a list as it is written on command lines: `name` or `+name` enables, `-name` disables, commas between
    /// them. Those that can be set are, even if others can't.
    pub fn set(&mut self, list: &str) -> Result<(), GateError> {
        if list.is_empty() {
            return Ok(());
        }
        let mut errors = Vec::new();
        for (index, item) in list.split(',').enumerate() {
            let (id, enable) = match item.strip_prefix('-') {
                Some(id) => (id, false),
                None => (item.strip_prefix('+').unwrap_or(item), true),
            };
            let result = if id.is_empty() { Err(GateError::Empty(index)) } else { self.set_one(id, enable) };
            errors.extend(result.err());
        }
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(GateError::Several(errors)),
        }
    }

    /// Whether a gate is on. One that was not registered is as its stage says.
    pub fn is_enabled(&self, gate: &Gate) -> bool {
        self.set.get(gate.id).copied().unwrap_or_else(|| gate.default_state())
    }

    /// The gate of that name.
    pub fn find(&self, id: &str) -> Option<&Gate> {
        self.known.get(id)
    }

    /// All gates by name.
    pub fn iter(&self) -> impl Iterator<Item = &Gate> {
        self.known.values()
    }

    /// What should be said of the gates that were set.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn set_one(&mut self, id: &str, enable: bool) -> Result<(), GateError> {
        let Some(gate) = self.known.get(id) else { return self.unknown(id) };
        if gate.stage == Stage::Stable && !enable {
            return Err(GateError::Stable(gate.id));
        }
        if gate.stage == Stage::Deprecated && enable {
            return Err(GateError::Deprecated(gate.id));
        }
        let state = if enable { "enabled" } else { "disabled" };
        if matches!(gate.stage, Stage::Stable | Stage::Deprecated) {
            let stage = gate.stage.to_string().to_lowercase();
            self.warnings.push(format!("feature gate {id:?} is {stage} and already {state}; leave it out"));
        } else if let Some(why) = gate.without_effect
            && enable != gate.default_state()
        {
            self.warnings.push(format!("feature gate {id:?} has no effect: {why}"));
        }
        self.set.insert(gate.id, enable);
        Ok(())
    }

    /// A gate that was, or one of a component that is not here: what it changes is not here either. What is no gate's name, or
    /// nearly that of one that is here, is wrong.
    fn unknown(&mut self, id: &str) -> Result<(), GateError> {
        if REMOVED.contains(&id) {
            self.warnings.push(format!("feature gate {id:?} has no effect: it is gone; leave it out"));
            return Ok(());
        }
        let ids: Vec<&'static str> = self.known.keys().copied().collect();
        let nearest = suggest::nearest(id, ids.iter().copied());
        if nearest.is_none() && is_name(id) {
            self.warnings.push(format!("feature gate {id:?} has no effect: nothing here has it"));
            return Ok(());
        }
        Err(GateError::Unknown { id: id.to_owned(), nearest, valid: ids.join(" ") })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Alpha => "Alpha",
            Self::Beta => "Beta",
            Self::Stable => "Stable",
            Self::Deprecated => "Deprecated",
        })
    }
}

/// Whether a name is made like those of gates: words with points between them, such as `receiver.kubeletstats.x`.
fn is_name(id: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-/".contains(&b))
    };
    id.contains('.') && id.split('.').all(word)
}

fn hint(nearest: Option<&'static str>) -> String {
    nearest.map(|id| format!(", did you mean {id:?}?")).unwrap_or_default()
}
