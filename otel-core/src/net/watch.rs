//! When connections end for what their clients do not do.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::HEADERS;
use super::stream::Stream;

/// Bounds on the phases of a connection; zero for none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    /// Until the first byte.
    pub(super) first_byte: Duration,
    /// From the first byte of an HTTP/1 request, or from the start of the connection, to the end of its headers.
    pub(super) head: Duration,
    /// Without a request.
    pub(super) idle: Duration,
    /// At all.
    pub(super) age: Duration,
}

/// How a connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At once.
    Cut,
    /// After the requests that it has.
    Drain,
}

/// What happens on a connection.
#[derive(Debug)]
pub(super) struct Activity {
    bounds: Bounds,
    began: Instant,
    state: Mutex<State>,
    /// Whether the next byte that comes changes the phase, so that others cost nothing.
    awaits_byte: AtomicBool,
    /// Whether what comes are the headers of a request over HTTP/1.
    in_head: AtomicBool,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    requests: usize,
    http2: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Silent,
    Head,
    Busy,
    Idle,
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub(super) struct Request(Arc<Activity>);

impl Activity {
    /// A connection that begins, of which it may be known that it is HTTP/2.
    pub(super) fn new(bounds: Bounds, http2: bool) -> Arc<Self> {
        let began = Instant::now();
        let state = State { phase: Phase::Silent, since: began, requests: 0, http2 };
        let (awaits_byte, in_head) = (AtomicBool::new(true), AtomicBool::new(false));
        Arc::new(Self { bounds, began, state: Mutex::new(state), awaits_byte, in_head })
    }

    /// A request has come with its headers.
    pub(super) fn begin(self: &Arc<Self>, http2: bool) -> Request {
        let mut state = self.state();
        state.requests += 1;
        state.phase = Phase::Busy;
        state.http2 = http2;
        self.awaits_byte.store(false, Ordering::Relaxed);
        self.in_head.store(false, Ordering::Relaxed);
        Request(Arc::clone(self))
    }

    /// Waits until no request is being answered, looking once in that time.
    pub(super) async fn quiet(&self, time: Duration) {
        loop {
            sleep(time).await;
            if self.state().requests == 0 {
                return;
            }
        }
    }

    /// Waits until the connection has to end.
    pub(super) async fn expired(&self) -> End {
        loop {
            let Some((at, end)) = self.next() else { return std::future::pending().await };
            sleep_until(at).await;
            // A phase that began meanwhile has a later end.
            if let (Some(end), Some((still, _))) = (end, self.next())
                && still <= at
            {
                return end;
            }
        }
    }

    /// When the connection ends as things are, and how, or when to look again; nothing where nothing ends it.
    fn next(&self) -> Option<(Instant, Option<End>)> {
        let Bounds { first_byte, head, idle, age } = self.bounds;
        let set = |bound: Duration| Some(bound).filter(|bound| !bound.is_zero());
        let state = self.state();
        let phase = match state.phase {
            Phase::Silent if state.http2 => set(first_byte).map(|bound| (bound, End::Cut)),
            Phase::Silent => {
                set(first_byte).into_iter().chain(set(head)).min().map(|bound| (bound, End::Cut))
            }
            Phase::Head => set(head).map(|bound| (bound, End::Cut)),
            Phase::Idle => set(idle).map(|bound| (bound, End::Drain)),
            Phase::Busy => None,
        };
        let phase = phase.map(|(bound, end)| (state.since + bound, Some(end)));
        let old = set(age).map(|age| (self.began + age, Some(End::Drain)));
        // No phase that begins from now on ends before this.
        let shortest = set(head).into_iter().chain(set(idle)).min();
        let look = shortest.map(|bound| (Instant::now() + bound, None));
        phase.into_iter().chain(old).chain(look).min_by_key(|(at, _)| *at)
    }

    /// A byte has come.
    fn heard(&self) {
        let mut state = self.state();
        state.phase = match state.phase {
            Phase::Silent | Phase::Idle if state.http2 => Phase::Idle,
            Phase::Silent => Phase::Head,
            Phase::Idle => {
                state.since = Instant::now();
                Phase::Head
            }
            other => other,
        };
        self.in_head.store(state.phase == Phase::Head, Ordering::Relaxed);
        self.awaits_byte.store(false, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        if state.requests == 0 {
            state.phase = Phase::Idle;
            state.since = Instant::now();
            self.0.awaits_byte.store(!state.http2, Ordering::Relaxed);
        }
    }
}

/// A stream that tells when bytes come, and ends where too many come before a request is complete.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    activity: Arc<Activity>,
    head: Head,
}

/// What has come of the headers of a request.
#[derive(Debug, Default)]
struct Head {
    bytes: usize,
    start: [u8; 3],
}

impl Watched {
    pub(super) fn new(stream: Stream, activity: Arc<Activity>) -> Self {
        Self { stream, activity, head: Head::default() }
    }
}

impl Head {
    fn see(&mut self, more: &[u8]) {
        for (to, from) in self.start.iter_mut().skip(self.bytes).zip(more) {
            *to = *from;
        }
        self.bytes += more.len();
    }

    /// HTTP/2, which begins with `PRI`, has bounds of its own.
    fn is_too_long(&self) -> bool {
        self.bytes > HEADERS as usize && self.start != *b"PRI"
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever reads on in the headers has not found their end in what there is.
        if self.head.is_too_long() && self.activity.in_head.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the headers are too long")));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let read = &buffer.filled()[before..];
        if !read.is_empty() {
            if self.activity.awaits_byte.load(Ordering::Relaxed) {
                self.head = Head::default();
                self.activity.heard();
            }
            if self.activity.in_head.load(Ordering::Relaxed) {
                self.head.see(read);
            }
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn bounds(first_byte: u32, head: u32, idle: u32, age: u32) -> Bounds {
        Bounds {
            first_byte: SECOND * first_byte,
            head: SECOND * head,
            idle: SECOND * idle,
            age: SECOND * age,
        }
    }

    /// How the connection ended, and after how many seconds.
    async fn end(activity: &Activity) -> (End, u64) {
        let end = tokio::time::timeout(SECOND * 1000, activity.expired()).await.unwrap();
        (end, activity.began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_is_cut_off() {
        assert_eq!(end(&Activity::new(bounds(5, 0, 0, 0), false)).await, (End::Cut, 5));
        assert_eq!(end(&Activity::new(bounds(5, 3, 0, 0), false)).await, (End::Cut, 3));
        assert_eq!(end(&Activity::new(bounds(5, 3, 0, 0), true)).await, (End::Cut, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn headers_have_their_time_from_the_first_byte_of_the_request() {
        let activity = Activity::new(bounds(30, 3, 20, 0), false);
        activity.heard();
        drop(activity.begin(false));
        tokio::time::advance(SECOND * 10).await;
        activity.heard();
        assert_eq!(end(&activity).await, (End::Cut, 13));
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_counts_from_the_last_request() {
        for http2 in [false, true] {
            let activity = Activity::new(bounds(30, 0, 4, 0), http2);
            activity.heard();
            let (first, second) = (activity.begin(http2), activity.begin(http2));
            drop(first);
            let end = tokio::spawn({
                let activity = Arc::clone(&activity);
                async move { end(&activity).await }
            });
            tokio::time::sleep(SECOND * 9).await;
            drop(second);
            assert_eq!(end.await.unwrap(), (End::Drain, 13));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn age_ends_what_is_busy_too() {
        let activity = Activity::new(bounds(30, 2, 2, 7), true);
        activity.heard();
        let _request = activity.begin(true);
        assert_eq!(end(&activity).await, (End::Drain, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_quiet_when_the_last_request_is_answered() {
        let activity = Activity::new(Bounds::default(), true);
        let request = activity.begin(true);
        assert!(tokio::time::timeout(SECOND * 9, activity.quiet(SECOND)).await.is_err());
        drop(request);
        assert!(tokio::time::timeout(SECOND * 2, activity.quiet(SECOND)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_ends_a_connection_without_bounds() {
        let activity = Activity::new(bounds(1, 0, 0, 0), false);
        activity.heard();
        assert!(tokio::time::timeout(SECOND * 999, activity.expired()).await.is_err());
    }
}
