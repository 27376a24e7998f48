//! Who wins a conflict: what the owner wants, by datastore and device.

use fastrand::Rng;
use session::server::ConflictPolicy;
use session::store::DatastoreKind;

use crate::items::KINDS;
use crate::server::Server;

/// Whom the owner wants to win in a datastore.
pub(crate) struct Wish {
    kind: DatastoreKind,
    /// The number of the device, or 0 for all.
    device: i64,
    pub(crate) policy: ConflictPolicy,
}

impl Wish {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            kind: KINDS[rng.usize(..KINDS.len())],
            device: rng.i64(0..=10),
            policy: policy(rng),
        }
    }

    pub(crate) fn tell(&self, server: &mut Server) {
        let datastore = server.datastore(self.kind);
        let policy = self.policy.name();
        server.state.set_policy(datastore, self.device, policy);
    }
}

/// A conflict policy: the usual one half of the time.
pub(crate) fn policy(rng: &mut Rng) -> ConflictPolicy {
    let all = ConflictPolicy::ALL;
    *all.get(rng.usize(..2 * all.len()))
        .unwrap_or(&ConflictPolicy::ClientWins)
}

/// Whether a policy may leave what a person did in the history alone.
pub(crate) fn overrules(policy: ConflictPolicy) -> bool {
    matches!(policy, ConflictPolicy::ServerWins | ConflictPolicy::Ask)
}
