//! Errors of the contract.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The longest delay that is believed: servers may name any, and what waits holds its place in a queue.
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a consumer did not take the data. Carries no data.
///
/// Permanent: the same data will be refused again. Retryable: it may be taken later. Both travel back to the
/// client unchanged. Cloning is a reference count.
#[derive(Clone)]
pub struct ConsumeError(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    permanent: bool,
    message: String,
    reason: &'static str,
    retry_after: Option<Duration>,
    code: Option<Code>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ConsumeError {
    /// The same data will be refused again.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(true, "permanent", message.into())
    }

    /// The data may be taken later.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(false, "retryable", message.into())
    }

    fn new(permanent: bool, reason: &'static str, message: String) -> Self {
        Self(Arc::new(Inner { permanent, message, reason, retry_after: None, code: None, source: None }))
    }

    /// The same with a reason: a short constant by which drops are counted, such as `queue_full`.
    pub fn with_reason(self, reason: &'static str) -> Self {
        self.with(|inner| inner.reason = reason)
    }

    /// The same with a delay before which a retry is pointless. More than a day counts as a day.
    pub fn with_retry_after(self, delay: Duration) -> Self {
        self.with(|inner| inner.retry_after = Some(delay.min(LONGEST_DELAY)))
    }

    /// The same with a gRPC status code, which reaches the client.
    pub fn with_code(self, code: Code) -> Self {
        self.with(|inner| inner.code = Some(code))
    }

    /// The same with a cause.
    pub fn with_source(self, source: impl Error + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.source = Some(Arc::new(source)))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Whether the same data will be refused again.
    pub fn is_permanent(&self) -> bool {
        self.0.permanent
    }

    /// Whether the data may be taken later.
    pub fn is_retryable(&self) -> bool {
        !self.0.permanent
    }

    /// The delay before which a retry is pointless, where the refusing side named one.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The gRPC status, where one was given.
    pub fn code(&self) -> Option<Code> {
        self.0.code
    }

    /// The short constant by which a drop for this error is counted.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// What to answer where several branches failed: retryable before permanent, and the longest delay.
    pub fn worse(self, other: Self) -> Self {
        let delay = self.retry_after().max(other.retry_after());
        let chosen = if self.is_permanent() && other.is_retryable() { other } else { self };
        if chosen.retry_after() == delay { chosen } else { chosen.with(|inner| inner.retry_after = delay) }
    }
}

impl fmt::Display for ConsumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for ConsumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for ConsumeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// A component that could not start: the whole start fails.
#[derive(Debug)]
pub struct StartError {
    message: String,
    in_use: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StartError {
    /// An error with its text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), in_use: false, source: None }
    }

    /// The same for something that only one can have at a time, such as the lock of a directory. If a predecessor that
    /// is to be stopped has it, the engine stops that first and starts again.
    pub fn in_use(mut self) -> Self {
        self.in_use = true;
        self
    }

    /// Whether what is needed may only be taken: by [`StartError::in_use`], or because a cause says that an address is.
    pub fn is_in_use(&self) -> bool {
        let mut cause = self.source();
        while let Some(error) = cause {
            let io = error.downcast_ref::<std::io::Error>();
            if io.is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse) {
                return true;
            }
            cause = error.source();
        }
        self.in_use
    }

    /// The same with a cause.
    pub fn with_source(self, source: impl Error + Send + Sync + 'static) -> Self {
        self.with_boxed_source(Box::new(source))
    }

    pub(super) fn with_boxed_source(mut self, source: Box<dyn Error + Send + Sync>) -> Self {
        self.source = Some(source);
        self
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// `codes!` becomes [`Code`] with its numbers and names.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// Status codes of gRPC, which errors carry through a pipeline whatever the protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum Code { $($(#[$doc])* $name = $number,)* }

        impl Code {
            /// The code of that number; unassigned numbers are [`Code::Unknown`].
            pub const fn from_number(number: i32) -> Self {
                match number { $($number => Code::$name,)* _ => Code::Unknown }
            }

            /// The name, such as `Unavailable`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => stringify!($name),)* }
            }
        }
    };
}

codes! {
    /// Success.
    Ok = 0,
    /// The caller gave up.
    Canceled = 1,
    /// Anything else.
    Unknown = 2,
    /// The request itself is wrong.
    InvalidArgument = 3,
    /// Too late.
    DeadlineExceeded = 4,
    /// No such thing.
    NotFound = 5,
    /// There is one already.
    AlreadyExists = 6,
    /// The caller may not.
    PermissionDenied = 7,
    /// A quota or a size is used up.
    ResourceExhausted = 8,
    /// The system is not in the state that this needs.
    FailedPrecondition = 9,
    /// Aborted, as by a conflict.
    Aborted = 10,
    /// Past the valid range.
    OutOfRange = 11,
    /// Not offered here.
    Unimplemented = 12,
    /// Broken.
    Internal = 13,
    /// Not now.
    Unavailable = 14,
    /// Unrecoverable loss.
    DataLoss = 15,
    /// No valid credentials.
    Unauthenticated = 16,
}

impl Code {
    /// The number on the wire.
    pub const fn number(self) -> i32 {
        self as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_failures_the_retryable_one_is_answered_with_the_longest_delay() {
        let permanent = ConsumeError::permanent("no").with_retry_after(Duration::from_secs(9));
        let retryable = ConsumeError::retryable("later").with_retry_after(Duration::from_secs(2));
        for both in [permanent.clone().worse(retryable.clone()), retryable.worse(permanent)] {
            assert!(both.is_retryable());
            assert_eq!(both.to_string(), "later");
            assert_eq!(both.retry_after(), Some(Duration::from_secs(9)));
        }
    }
}
