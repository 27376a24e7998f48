//! How much one peer, and all peers together, may hold of the server.
//!
//! Connections and the memory of bodies are counted by peer, so that one peer that opens many, or
//! never ends a body, takes its own share and leaves the rest to others.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::Settings;

/// Counts what is held, by peer.
#[derive(Debug)]
pub(super) struct Gate {
    max_connections: usize,
    max_body_memory: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    body_memory: usize,
    peers: BTreeMap<IpAddr, Share>,
}

#[derive(Debug, Default)]
struct Share {
    connections: usize,
    body_memory: usize,
}

impl Gate {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            max_connections: settings.max_connections_per_peer,
            max_body_memory: settings.max_body_memory,
            held: Mutex::default(),
        }
    }

    /// Lets a connection in, or refuses it when its peer has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Admission> {
        let network = network(peer);
        let mut held = self.held();
        let share = held.peers.entry(network).or_default();
        if share.connections >= self.max_connections {
            held.forget(network);
            return None;
        }
        share.connections += 1;
        Some(Admission {
            gate: Arc::clone(self),
            network,
        })
    }

    /// An empty body of a peer.
    pub(super) fn body(self: &Arc<Self>, peer: IpAddr) -> HeldBody {
        HeldBody {
            gate: Arc::clone(self),
            network: network(peer),
            bytes: Vec::new(),
            reserved: 0,
        }
    }

    /// Takes memory for a body, unless there is too little left for this peer or for all.
    fn reserve(&self, network: IpAddr, bytes: usize) -> bool {
        let mut held = self.held();
        let all = held.body_memory.saturating_add(bytes);
        let share = held.peers.entry(network).or_default();
        let own = share.body_memory.saturating_add(bytes);
        // half is left to others whatever one peer does
        if all > self.max_body_memory || own > self.max_body_memory / 2 {
            held.forget(network);
            return false;
        }
        share.body_memory = own;
        held.body_memory = all;
        true
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Drops the record of a peer that holds nothing.
    fn forget(&mut self, network: IpAddr) {
        let holds_nothing = |share: &Share| share.connections == 0 && share.body_memory == 0;
        if self.peers.get(&network).is_some_and(holds_nothing) {
            self.peers.remove(&network);
        }
    }
}

/// Who counts as one peer: an address of version 4, or the network of 64 bits that a subscriber
/// of version 6 has at least.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Admission {
    gate: Arc<Gate>,
    network: IpAddr,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut held = self.gate.held();
        if let Some(share) = held.peers.get_mut(&self.network) {
            share.connections -= 1;
        }
        held.forget(self.network);
    }
}

/// A body in memory that is paid for, until its last copy is dropped.
#[derive(Debug)]
pub(super) struct HeldBody {
    gate: Arc<Gate>,
    network: IpAddr,
    bytes: Vec<u8>,
    reserved: usize,
}

/// There is no memory left for a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl HeldBody {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds to the body. `most` bytes it will never exceed, so no more are taken.
    pub(super) fn extend(&mut self, data: &[u8], most: usize) -> Result<(), Full> {
        let needed = self.bytes.len() + data.len();
        if needed > self.reserved {
            let wanted = needed.max((2 * self.reserved).min(most));
            if !self.gate.reserve(self.network, wanted - self.reserved) {
                return Err(Full);
            }
            self.reserved = wanted;
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for HeldBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        let mut held = self.gate.held();
        held.body_memory -= self.reserved;
        if let Some(share) = held.peers.get_mut(&self.network) {
            share.body_memory -= self.reserved;
        }
        held.forget(self.network);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn gate(max_connections_per_peer: usize, max_body_memory: usize) -> Arc<Gate> {
        Arc::new(Gate::new(&Settings {
            max_connections_per_peer,
            max_body_memory,
            ..Settings::default()
        }))
    }

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_peer_has_its_own_places() {
        let gate = gate(2, 0);
        let first = gate.enter(peer("192.0.2.1")).unwrap();
        let second = gate.enter(peer("192.0.2.1")).unwrap();
        assert!(gate.enter(peer("192.0.2.1")).is_none());
        let other = gate.enter(peer("192.0.2.2")).unwrap();
        drop(first);
        let third = gate.enter(peer("192.0.2.1")).unwrap();
        drop((second, third, other));
        assert!(gate.held().peers.is_empty(), "nothing is kept of the past");
    }

    #[test]
    fn addresses_of_one_network_are_one_peer() {
        let gate = gate(1, 0);
        let first = gate.enter(peer("2001:db8:0:1::1"));
        assert!(first.is_some());
        assert!(gate.enter(peer("2001:db8:0:1:ffff::2")).is_none());
        assert!(gate.enter(peer("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn no_place_leaves_no_record() {
        let gate = gate(0, 0);
        assert!(gate.enter(peer("192.0.2.1")).is_none());
        let mut body = gate.body(peer("192.0.2.1"));
        assert_eq!(body.extend(b"x", 10), Err(Full));
        assert!(gate.held().peers.is_empty());
    }

    #[test]
    fn a_peer_has_half_of_the_memory_at_most() {
        let gate = gate(1, 100);
        let mut mine = gate.body(peer("192.0.2.1"));
        assert_eq!(mine.extend(&[0; 51], 1000), Err(Full));
        mine.extend(&[0; 50], 1000).unwrap();
        let mut also_mine = gate.body(peer("192.0.2.1"));
        assert_eq!(also_mine.extend(&[0; 1], 1000), Err(Full));
        let mut yours = gate.body(peer("192.0.2.2"));
        yours.extend(&[0; 40], 1000).unwrap();
        let mut theirs = gate.body(peer("192.0.2.3"));
        assert_eq!(theirs.extend(&[0; 11], 1000), Err(Full));
        theirs.extend(&[0; 10], 1000).unwrap();
    }

    #[test]
    fn memory_is_given_back_with_the_last_copy() {
        let gate = gate(1, 100);
        let mut body = gate.body(peer("192.0.2.1"));
        for byte in b"message" {
            body.extend(&[*byte], 7).unwrap();
        }
        assert_eq!(body.len(), 7);
        let bytes = body.freeze();
        let copy = bytes.clone();
        drop(bytes);
        assert_eq!(copy, Bytes::from_static(b"message"));
        assert_eq!(gate.held().body_memory, 7);
        drop(copy);
        assert_eq!(gate.held().body_memory, 0);
        assert!(gate.held().peers.is_empty());
    }
}
