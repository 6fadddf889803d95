//! Sockets that go from a component to the one that takes its place.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Transport;
use super::listener::Socket;
use crate::component::Host;

/// The sockets at which components of a collector listen.
#[derive(Debug, Default)]
pub(super) struct Sockets(Mutex<Vec<Known>>);

#[derive(Debug)]
struct Known {
    transport: Transport,
    endpoint: String,
    socket: Weak<Socket>,
    /// Instances of components, each as long as its listener lives.
    claims: Vec<(u64, Weak<Claim>)>,
}

/// What a listener holds beside its socket.
#[derive(Debug)]
pub(super) struct Claim;

impl Sockets {
    /// The socket that is bound there, if whoever has it is about to stop.
    pub(super) fn take_over(
        &self,
        host: &Host,
        transport: Transport,
        endpoint: &str,
    ) -> Option<(Arc<Socket>, Arc<Claim>)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.socket.strong_count() > 0);
        let known =
            all.iter_mut().find(|known| known.transport == transport && known.endpoint == endpoint)?;
        known.claims.retain(|(_, claim)| claim.strong_count() > 0);
        if !known.claims.iter().all(|(instance, _)| host.is_leaving(*instance)) {
            return None;
        }
        let socket = known.socket.upgrade()?;
        let claim = Arc::new(Claim);
        known.claims.push((host.instance(), Arc::downgrade(&claim)));
        Some((socket, claim))
    }

    /// Remembers a socket for whoever comes after this component.
    pub(super) fn keep(
        &self,
        host: &Host,
        transport: Transport,
        endpoint: &str,
        socket: &Arc<Socket>,
    ) -> Arc<Claim> {
        let claim = Arc::new(Claim);
        let known = Known {
            transport,
            endpoint: endpoint.to_owned(),
            socket: Arc::downgrade(socket),
            claims: vec![(host.instance(), Arc::downgrade(&claim))],
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(known);
        claim
    }
}
