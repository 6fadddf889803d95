use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::ItemId;
use crate::e2e::Signal;

/// How many descriptions of damage are kept.
const DESCRIPTIONS: usize = 20;

// What is known of an item.
/// The backend has it.
const TAKEN: u8 = 1;
/// The backend has said that it has it, in time.
const ACKNOWLEDGED: u8 = 2;
/// The backend has refused it for good.
const REFUSED: u8 = 4;
/// The backend has answered with success for a request, but not for this item of it.
const REJECTED: u8 = 8;

/// What both ends know of every item of a run.
#[derive(Debug)]
pub struct Ledger {
    started: Instant,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    requests: Vec<Request>,
    damaged: u64,
    descriptions: Vec<String>,
    strangers: u64,
    duplicates: u64,
    duplicates_of_backend: u64,
    /// Of each signal.
    largest_messages: BTreeMap<Signal, u64>,
    last_excused: Option<Duration>,
    begun: u32,
    life: Option<Life>,
    repeats: Vec<Repeat>,
}

#[derive(Debug)]
struct Request {
    signal: Signal,
    /// When the collector answered it with success.
    accepted: Option<Duration>,
    /// When the backend last said to have some of it.
    acknowledged: Duration,
    items: Vec<u8>,
}

/// A process of the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(u32);

/// Why an item that was accepted does not have to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// The backend refused it for good.
    Refused,
    /// The backend rejected it in an answer of success.
    Rejected,
}

/// A request that was answered with success and of which something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its number.
    pub request: u32,
    /// What it carries.
    pub signal: Signal,
    /// Its items.
    pub items: usize,
    /// Those that did not arrive.
    pub missing: usize,
    /// When it was answered, since the start of the run.
    pub accepted: Duration,
}

/// A part of a request that came again though the backend had said to have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Its number.
    pub request: u32,
    /// What it carries.
    pub signal: Signal,
    /// How many items came again.
    pub items: usize,
    /// When the backend had said so, since the start of the run.
    pub acknowledged: Duration,
    /// When they came again.
    pub again: Duration,
}

/// What a run came to, in items where it does not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Balance {
    /// Requests sent.
    pub requests: usize,
    /// Sent.
    pub sent: u64,
    /// In requests that the collector answered with success.
    pub accepted: u64,
    /// Accepted, and arrived.
    pub arrived: u64,
    /// Accepted, never arrived, and excused: the backend refused them for good.
    pub refused: u64,
    /// Accepted, never arrived, and excused: the backend rejected them in an answer of success.
    pub rejected: u64,
    /// Accepted, never arrived, and not excused.
    pub lost: u64,
    /// The requests that `lost` is from.
    pub lost_from: Vec<Missing>,
    /// Arrived though the request was not answered with success: its sender will have sent it again.
    pub unpromised: u64,
    /// Arrivals of what the backend had already said to have.
    pub duplicates: u64,
    /// The requests that `duplicates` is from.
    pub repeats: Vec<Repeat>,
    /// Arrivals of what the backend had, but had not said so in time.
    pub duplicates_of_backend: u64,
    /// The most that the backend took at once, of the three signals together.
    pub largest_messages: u64,
    /// Items and messages that are not what was sent.
    pub damaged: u64,
    /// What is wrong with the first of these.
    pub descriptions: Vec<String>,
    /// Items that nobody sent in this run.
    pub strangers: u64,
}

impl Ledger {
    /// An empty one, from whose making on time is measured.
    pub fn new() -> Self {
        Self { started: Instant::now(), books: Mutex::default() }
    }

    /// The time since the start of the run.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// A process of the collector is started.
    pub fn begins(&self) {
        let mut books = self.books();
        books.begun += 1;
        books.life = Some(Life(books.begun));
    }

    /// It has ended, or is killed now.
    pub fn ends(&self) {
        self.books().life = None;
    }

    /// The process that runs.
    pub fn life(&self) -> Option<Life> {
        self.books().life
    }

    /// A new request with so many items; its number.
    pub fn open(&self, signal: Signal, items: u16) -> u32 {
        let mut books = self.books();
        let number = u32::try_from(books.requests.len()).expect("a run has fewer requests");
        books.requests.push(Request {
            signal,
            accepted: None,
            acknowledged: Duration::ZERO,
            items: vec![0; items.into()],
        });
        number
    }

    /// The collector answered a request with success.
    pub fn accepted(&self, request: u32) {
        let now = self.now();
        self.books().requests[request as usize].accepted = Some(now);
    }

    /// The backend took items.
    pub fn took(&self, signal: Signal, items: &[ItemId]) {
        let now = self.now();
        let mut books = self.books();
        let largest = books.largest_messages.entry(signal).or_default();
        *largest = (*largest).max(items.len() as u64);
        for &id in items {
            let Some(item) = books.item(signal, id) else {
                books.strangers += 1;
                continue;
            };
            let before = *item;
            // Whoever is to blame for this arrival is not for the next, unless it is acknowledged too.
            *item = before & !ACKNOWLEDGED | TAKEN;
            if before & ACKNOWLEDGED != 0 {
                books.repeated(signal, id.request, now);
            } else if before & TAKEN != 0 {
                books.duplicates_of_backend += 1;
            }
        }
    }

    /// The backend says to a process that it took items. If that process can hear it, it is to blame if they come again.
    pub fn acknowledged(&self, signal: Signal, items: &[ItemId], process: Option<Life>) {
        let now = self.now();
        let mut books = self.books();
        if process.is_none() || process != books.life {
            return;
        }
        for &id in items {
            if let Some(item) = books.item(signal, id) {
                *item |= ACKNOWLEDGED;
                books.requests[id.request as usize].acknowledged = now;
            }
        }
    }

    /// The backend did not take items, and does not want them again.
    pub fn excused(&self, signal: Signal, items: &[ItemId], excuse: Excuse) {
        let now = self.now();
        let mut books = self.books();
        books.last_excused = Some(now);
        let flag = match excuse {
            Excuse::Refused => REFUSED,
            Excuse::Rejected => REJECTED,
        };
        for &id in items {
            match books.item(signal, id) {
                Some(item) => *item |= flag,
                None => books.strangers += 1,
            }
        }
    }

    /// When the backend last did not want items.
    pub fn last_excused(&self) -> Option<Duration> {
        self.books().last_excused
    }

    /// Something arrived that is not what was sent.
    pub fn damaged(&self, descriptions: Vec<String>) {
        let mut books = self.books();
        books.damaged += descriptions.len() as u64;
        let room = DESCRIPTIONS - books.descriptions.len();
        books.descriptions.extend(descriptions.into_iter().take(room));
    }

    /// How it stands.
    pub fn balance(&self) -> Balance {
        let books = self.books();
        let mut balance = Balance {
            requests: books.requests.len(),
            duplicates: books.duplicates,
            duplicates_of_backend: books.duplicates_of_backend,
            repeats: books.repeats.clone(),
            largest_messages: books.largest_messages.values().sum(),
            damaged: books.damaged,
            descriptions: books.descriptions.clone(),
            strangers: books.strangers,
            ..Balance::default()
        };
        for (number, request) in (0..).zip(&books.requests) {
            balance.add(number, request);
        }
        balance
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Books {
    /// What is known of an item, if there is such a one.
    fn item(&mut self, signal: Signal, id: ItemId) -> Option<&mut u8> {
        let request = self.requests.get_mut(id.request as usize)?;
        if request.signal == signal { request.items.get_mut(usize::from(id.index)) } else { None }
    }

    /// An item of a request arrived again now.
    fn repeated(&mut self, signal: Signal, request: u32, again: Duration) {
        self.duplicates += 1;
        let repeat =
            self.repeats.iter_mut().rev().find(|repeat| repeat.request == request && repeat.again == again);
        if let Some(repeat) = repeat {
            repeat.items += 1;
        } else {
            let acknowledged = self.requests[request as usize].acknowledged;
            self.repeats.push(Repeat { request, signal, items: 1, acknowledged, again });
        }
    }
}

impl Balance {
    fn add(&mut self, number: u32, request: &Request) {
        self.sent += request.items.len() as u64;
        let taken = request.items.iter().filter(|&&item| item & TAKEN != 0).count() as u64;
        let Some(accepted) = request.accepted else {
            self.unpromised += taken;
            return;
        };
        self.accepted += request.items.len() as u64;
        self.arrived += taken;
        let mut missing = 0;
        for item in request.items.iter().filter(|&&item| item & TAKEN == 0) {
            if item & REFUSED != 0 {
                self.refused += 1;
            } else if item & REJECTED != 0 {
                self.rejected += 1;
            } else {
                missing += 1;
            }
        }
        if missing > 0 {
            self.lost += missing as u64;
            let items = request.items.len();
            self.lost_from.push(Missing {
                request: number,
                signal: request.signal,
                items,
                missing,
                accepted,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNAL: Signal = Signal::Logs;

    fn ids(request: u32, indices: std::ops::Range<u16>) -> Vec<ItemId> {
        indices.map(|index| ItemId { request, index }).collect()
    }

    fn running() -> Ledger {
        let ledger = Ledger::new();
        ledger.begins();
        ledger
    }

    /// The backend takes items and says so at once.
    fn tell(ledger: &Ledger, signal: Signal, items: &[ItemId]) {
        ledger.took(signal, items);
        ledger.acknowledged(signal, items, ledger.life());
    }

    #[test]
    fn what_was_accepted_and_did_not_arrive_is_lost() {
        let ledger = running();
        let (kept, lost, refused) = (ledger.open(SIGNAL, 10), ledger.open(SIGNAL, 5), ledger.open(SIGNAL, 3));
        ledger.accepted(kept);
        ledger.accepted(lost);
        tell(&ledger, SIGNAL, &ids(kept, 0..10));
        tell(&ledger, SIGNAL, &ids(lost, 0..1));
        tell(&ledger, SIGNAL, &ids(refused, 0..1));
        let balance = ledger.balance();
        assert_eq!((balance.sent, balance.accepted, balance.arrived), (18, 15, 11));
        assert_eq!((balance.lost, balance.unpromised), (4, 1));
        let from: Vec<_> =
            balance.lost_from.iter().map(|missing| (missing.request, missing.missing)).collect();
        assert_eq!(from, [(lost, 4)]);
    }

    #[test]
    fn what_the_backend_does_not_want_is_not_lost() {
        let ledger = running();
        let request = ledger.open(SIGNAL, 10);
        ledger.accepted(request);
        ledger.excused(SIGNAL, &ids(request, 0..4), Excuse::Refused);
        ledger.excused(SIGNAL, &ids(request, 4..7), Excuse::Rejected);
        tell(&ledger, SIGNAL, &ids(request, 6..10));
        let balance = ledger.balance();
        assert_eq!((balance.arrived, balance.refused, balance.rejected, balance.lost), (4, 4, 2, 0));
    }

    #[test]
    fn the_backend_is_to_blame_for_what_it_did_not_acknowledge() {
        let ledger = running();
        let request = ledger.open(SIGNAL, 2);
        ledger.accepted(request);
        ledger.took(SIGNAL, &ids(request, 0..2));
        tell(&ledger, SIGNAL, &ids(request, 0..2));
        ledger.took(SIGNAL, &ids(request, 0..1));
        let balance = ledger.balance();
        assert_eq!((balance.duplicates_of_backend, balance.duplicates), (2, 1));
        // The backend did not acknowledge what came again either.
        tell(&ledger, SIGNAL, &ids(request, 0..1));
        let balance = ledger.balance();
        assert_eq!((balance.duplicates_of_backend, balance.duplicates), (3, 1));
    }

    #[test]
    fn an_answer_that_its_receiver_cannot_hear_is_none() {
        let ledger = running();
        let killed = ledger.life();
        let request = ledger.open(SIGNAL, 3);
        ledger.accepted(request);
        ledger.took(SIGNAL, &ids(request, 0..1));
        ledger.acknowledged(SIGNAL, &ids(request, 0..1), killed);
        ledger.ends();
        ledger.took(SIGNAL, &ids(request, 1..2));
        ledger.acknowledged(SIGNAL, &ids(request, 1..2), killed);
        ledger.begins();
        ledger.took(SIGNAL, &ids(request, 2..3));
        ledger.acknowledged(SIGNAL, &ids(request, 2..3), killed);
        tell(&ledger, SIGNAL, &ids(request, 0..3));
        let balance = ledger.balance();
        assert_eq!((balance.duplicates_of_backend, balance.duplicates), (2, 1));
        let of_request: Vec<_> =
            balance.repeats.iter().map(|repeat| (repeat.request, repeat.items)).collect();
        assert_eq!(of_request, [(request, 1)]);
    }

    #[test]
    fn what_nobody_sent_is_a_stranger() {
        let ledger = running();
        let request = ledger.open(SIGNAL, 2);
        tell(&ledger, Signal::Traces, &ids(request, 0..2));
        tell(&ledger, SIGNAL, &ids(request + 1, 0..1));
        assert_eq!(ledger.balance().strangers, 3);
    }
}
