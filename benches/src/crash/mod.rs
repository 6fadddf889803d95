//! The crash harness: does what a collector answered with success arrive, whatever happens to the collector?
//!
//! A collector runs under load from [`Senders`], is killed at random moments and started again on the same storage, while
//! its [`Backend`] fails, stalls, resets connections and takes halves. A [`Ledger`] has both ends' knowledge of every single
//! item, and a [`Balance`] is drawn when all has calmed down. Any collector takes part that is started by a command line
//! and YAML files.
//!
//! Chance comes from a seed, which is printed. It decides what happens and when; how that interleaves with what the
//! collector does is the machine's to decide, so that a seed makes a failure likely to happen again, not certain.

mod backend;
mod disk;
mod items;
mod ledger;
mod mood;
mod port;
mod report;
mod run;
mod scenario;
mod senders;
mod subject;

pub use backend::Backend;
pub use disk::{Damage, SmallDisk};
pub use items::ItemId;
pub use ledger::{Balance, Excuse, Ledger, Life, Missing, Repeat};
pub use mood::{Behaviour, Mood};
pub use port::Port;
pub use report::Report;
pub use run::{CrashError, Options, run};
pub use scenario::Scenario;
pub use senders::{Outcome, Senders};
