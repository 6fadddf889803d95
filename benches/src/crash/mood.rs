use std::time::Duration;

use rand::{RngExt as _, rngs::StdRng};

/// How a backend is for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Takes everything.
    Healthy,
    /// Does anything.
    Moody,
    /// Takes nothing.
    Failing,
    /// Does not listen.
    Down,
}

/// What a backend does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// Takes it and says so.
    Take,
    /// The same, but not at once.
    TakeSlowly,
    /// Takes a half, and says that it rejects the other.
    TakePartially,
    /// Does not take it and answers UNAVAILABLE.
    Unavailable,
    /// Does not take it and answers RESOURCE_EXHAUSTED with a delay.
    Exhausted,
    /// Does not take it and answers INVALID_ARGUMENT.
    RefuseForGood,
    /// Does not take it, and answers when nobody waits any more.
    Stall,
    /// Does not take it and closes the connection, with all that is in flight on it.
    Reset,
    /// Takes it and answers UNAVAILABLE.
    TakeAndFail,
    /// Takes it, and says so when nobody waits any more.
    TakeAndStall,
    /// Takes it and closes the connection instead of answering.
    TakeAndReset,
    /// Takes it and closes the connection in the middle of the answer.
    TakeAndBreakOff,
}

/// In a moody backend, of a hundred messages.
const WEIGHTS: [(u32, Behaviour); 12] = [
    (56, Behaviour::Take),
    (10, Behaviour::TakeSlowly),
    (4, Behaviour::TakePartially),
    (10, Behaviour::Unavailable),
    (7, Behaviour::Exhausted),
    (2, Behaviour::RefuseForGood),
    (2, Behaviour::Stall),
    (3, Behaviour::Reset),
    (2, Behaviour::TakeAndFail),
    (1, Behaviour::TakeAndStall),
    (2, Behaviour::TakeAndReset),
    (1, Behaviour::TakeAndBreakOff),
];

impl Mood {
    /// The next mood, and how long it lasts.
    pub(super) fn draw(chance: &mut StdRng) -> (Self, Duration) {
        let (mood, longest) = match chance.random_range(0..10) {
            0..4 => (Self::Healthy, 2_000),
            4..8 => (Self::Moody, 2_500),
            8 => (Self::Failing, 1_500),
            _ => (Self::Down, 1_500),
        };
        (mood, Duration::from_millis(chance.random_range(200..longest)))
    }

    /// What is done with a message in this mood.
    pub(super) fn behaviour(self, chance: &mut StdRng) -> Behaviour {
        match self {
            Self::Healthy => Behaviour::Take,
            Self::Failing | Self::Down => Behaviour::Unavailable,
            Self::Moody => {
                let mut drawn = chance.random_range(0..100);
                for (weight, behaviour) in WEIGHTS {
                    if drawn < weight {
                        return behaviour;
                    }
                    drawn -= weight;
                }
                Behaviour::Take
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_are_parts_of_a_hundred() {
        assert_eq!(WEIGHTS.iter().map(|(weight, _)| weight).sum::<u32>(), 100);
    }
}
