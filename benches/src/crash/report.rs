use std::{collections::BTreeMap, fmt, time::Duration};

use super::{Balance, Behaviour, Damage, Missing, Options, Outcome, Repeat};

/// The part of the accepted items that a collector may send again of its own making.
const MOST_DUPLICATES: f64 = 0.001;
/// No item takes less.
const LEAST_BYTES_OF_AN_ITEM: u64 = 60;
const REQUESTS_SHOWN: usize = 20;
/// A start, or a recovery from a full disk, that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a run came to.
#[derive(Debug)]
pub struct Report {
    title: String,
    durable: bool,
    largest_record: u64,
    damaging: bool,
    /// The items.
    pub balance: Balance,
    /// How many requests were answered how.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How many messages the backend treated how.
    pub behaviours: BTreeMap<Behaviour, u64>,
    /// When the collector was killed, since the start of the run.
    pub kills: Vec<Duration>,
    /// How often it was told to read its configuration again.
    pub reloads: usize,
    /// What it did that nobody asked for: it ended, or did not begin to listen.
    pub failures: Vec<String>,
    /// How often it was asked to end, before the very end.
    pub ends: usize,
    /// What it said when it was asked to end and did so with an error, though the backend wanted all that it got.
    pub failed_ends: Vec<String>,
    /// What was done to what it stored.
    pub damages: Vec<Damage>,
    /// Lines in its logs that tell of damage.
    pub told: usize,
    /// What it counted as lost to damage: items, or records where nobody knows what they held. It forgets what it counted when it is
    /// killed.
    pub counted: u64,
    /// How long it took from when the disk had room again to the next answer of success.
    pub recovery: Option<Duration>,
    longest_start: Duration,
}

impl Report {
    pub(super) fn new(options: &Options) -> Self {
        let Options { candidate, scenario, seed, .. } = options;
        Self {
            title: format!("{}, {scenario}, seed {seed}", candidate.name),
            durable: scenario.is_durable(),
            largest_record: scenario.largest_record(),
            damaging: options.damage,
            balance: Balance::default(),
            outcomes: BTreeMap::new(),
            behaviours: BTreeMap::new(),
            kills: Vec::new(),
            reloads: 0,
            failures: Vec::new(),
            ends: 0,
            failed_ends: Vec::new(),
            damages: Vec::new(),
            told: 0,
            counted: 0,
            recovery: None,
            longest_start: Duration::ZERO,
        }
    }

    pub(super) fn add_start(&mut self, took: Duration) {
        self.longest_start = self.longest_start.max(took);
    }

    /// The most items that what was damaged can have cost.
    fn losable(&self) -> u64 {
        let of = |damage: &Damage| damage.bytes() / LEAST_BYTES_OF_AN_ITEM + self.largest_record;
        self.damages.iter().map(of).sum()
    }

    /// A time, and how long before a kill it was.
    fn before_kill(&self, time: Duration) -> String {
        let next = self.kills.iter().position(|&kill| kill >= time);
        let when = next.map_or("after the last kill".to_owned(), |next| {
            let before = self.kills[next].saturating_sub(time);
            format!("{:.4} s before kill {}", before.as_secs_f64(), next + 1)
        });
        format!("at {:.3} s, {when}", time.as_secs_f64())
    }

    /// What must not be; nothing if all is well.
    pub fn violations(&self) -> Vec<String> {
        let balance = &self.balance;
        let mut violations = Vec::new();
        let mut demand = |holds: bool, violation: String| {
            if !holds {
                violations.push(violation);
            }
        };
        demand(balance.accepted > 0, "nothing was answered with success".into());
        let losable = self.losable();
        demand(balance.lost <= losable, format!("{} items lost, {losable} excused", balance.lost));
        demand(
            !self.damaging || balance.lost == 0 || self.told > 0,
            "nothing told of what was damaged".into(),
        );
        demand(balance.damaged == 0, format!("{} items or messages damaged", balance.damaged));
        demand(balance.strangers == 0, format!("{} items that nobody sent", balance.strangers));
        // In a short run what a single kill can cost is more than that part: a message of each signal, as `batch` sends them at
        // the same time.
        let repeatable = (balance.accepted as f64 * MOST_DUPLICATES) as u64 + balance.largest_messages;
        let repeated = format!("{} items sent again without need, {repeatable} bearable", balance.duplicates);
        // What says what was done with may be what was damaged.
        demand(self.damaging || balance.duplicates <= repeatable, repeated);
        let start = format!("a start took {:.1} s", self.longest_start.as_secs_f64());
        demand(self.longest_start < PATIENCE, start);
        let recovery = self.recovery.unwrap_or_default();
        let recovered = format!("nothing accepted {:.1} s after the disk had room", recovery.as_secs_f64());
        demand(recovery < PATIENCE, recovered);
        demand(self.failures.is_empty(), format!("failed {} times by itself", self.failures.len()));
        for (outcome, count) in &self.outcomes {
            // Without a queue that takes responsibility the backend's own refusals are passed on.
            let passed_on = !self.durable
                && matches!(outcome, Outcome::Permanent(status) if status == "gRPC status 3" || status == "HTTP status 400");
            let permanent = matches!(outcome, Outcome::Permanent(_) | Outcome::Partial);
            demand(!permanent || passed_on, format!("{count} requests answered with {outcome}"));
        }
        if self.durable {
            violations.extend(self.failed_ends.iter().map(|end| format!("after SIGTERM {end}")));
        }
        violations
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let balance = &self.balance;
        let last_kill = self.kills.last().copied().unwrap_or_default().as_secs_f64();
        writeln!(f, "\n{}: {} kills in {last_kill:.0} s", self.title, self.kills.len())?;
        writeln!(
            f,
            "  also             ended {} times, reloaded {} times; the longest start took {:.2} s",
            self.ends,
            self.reloads,
            self.longest_start.as_secs_f64()
        )?;
        let outcomes: Vec<String> =
            self.outcomes.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
        writeln!(f, "  requests         {}: {}", balance.requests, outcomes.join(", "))?;
        let behaviours: Vec<String> =
            self.behaviours.iter().map(|(behaviour, count)| format!("{behaviour:?} {count}")).collect();
        writeln!(f, "  the backend      {}", behaviours.join(", "))?;
        writeln!(f, "  items sent       {}", balance.sent)?;
        writeln!(f, "  accepted         {}", balance.accepted)?;
        let mut line = |name: &str, count: u64, of: &str| {
            let part = count as f64 * 100.0 / balance.accepted.max(1) as f64;
            writeln!(f, "  {name:<16} {count:<10} {part:.4} % of the accepted{of}")
        };
        line("arrived", balance.arrived, "")?;
        line("refused for good", balance.refused, "")?;
        line("rejected", balance.rejected, ", in partial success")?;
        line("lost", balance.lost, "")?;
        line("twice", balance.duplicates, ", though the backend had said to have them")?;
        line("twice, excused", balance.duplicates_of_backend, ", the backend had not said so in time")?;
        writeln!(f, "  unpromised       {} arrived without having been accepted", balance.unpromised)?;
        writeln!(f, "  damaged          {}", balance.damaged)?;
        for description in &balance.descriptions {
            writeln!(f, "    {description}")?;
        }
        for damage in &self.damages {
            writeln!(f, "  damage done      {damage}")?;
        }
        if self.damaging {
            writeln!(f, "  damage told      {} lines of the logs, {} counted", self.told, self.counted)?;
        }
        if let Some(recovery) = self.recovery {
            writeln!(f, "  recovery         {:.2} s after the disk had room", recovery.as_secs_f64())?;
        }
        for lost in balance.lost_from.iter().take(REQUESTS_SHOWN) {
            let Missing { request, signal, items, missing, accepted } = lost;
            let when = self.before_kill(*accepted);
            writeln!(
                f,
                "    request {request} with {signal}: {missing} of {items} items lost, accepted {when}"
            )?;
        }
        for repeat in balance.repeats.iter().take(REQUESTS_SHOWN) {
            let Repeat { request, signal, items, acknowledged, again } = repeat;
            let (when, again) = (self.before_kill(*acknowledged), again.as_secs_f64());
            writeln!(
                f,
                "    request {request} with {signal}: {items} items twice, first {when}, again at {again:.3} s"
            )?;
        }
        for failure in &self.failures {
            writeln!(f, "  failure          {failure}")?;
        }
        for violation in self.violations() {
            writeln!(f, "  VIOLATION        {violation}")?;
        }
        Ok(())
    }
}
