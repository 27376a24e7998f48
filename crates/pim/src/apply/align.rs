//! Which property of one text is which of another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::meaning::Prop;

/// For each property of `from`, the place in `to` of the one that it is, all of one name.
///
/// Equal ones come first, then those of equal value; with `is_cut`, those of which `from` has the
/// beginning; then those of equal types; and what is left, in order.
pub(super) fn align(from: &[&Prop<'_>], to: &[&Prop<'_>], is_cut: bool) -> Vec<Option<usize>> {
    let mut pairs = Pairs::new(from.len(), to.len());
    pairs.by_key(
        |at| from.get(at).map(|p| (&p.value, &p.kinds)),
        |at| to.get(at).map(|p| (&p.value, &p.kinds)),
    );
    pairs.by_key(
        |at| from.get(at).map(|p| &p.value),
        |at| to.get(at).map(|p| &p.value),
    );
    if is_cut {
        pairs.by_beginning(from, to);
    }
    pairs.by_key(
        |at| from.get(at).map(|p| &p.kinds),
        |at| to.get(at).map(|p| &p.kinds),
    );
    pairs.by_key(|_| Some(()), |_| Some(()));
    pairs.found
}

/// Pairs as they are found.
pub(super) struct Pairs {
    /// For each on the one side, its place on the other.
    pub(super) found: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Pairs {
    pub(super) fn new(from: usize, to: usize) -> Self {
        Self {
            found: vec![None; from],
            taken: vec![false; to],
        }
    }

    fn take(&mut self, from: usize, to: usize) {
        if let (Some(found), Some(taken)) = (self.found.get_mut(from), self.taken.get_mut(to)) {
            *found = Some(to);
            *taken = true;
        }
    }

    fn left(&self) -> Vec<usize> {
        let open = self.found.iter().enumerate().filter(|(_, f)| f.is_none());
        open.map(|(at, _)| at).collect()
    }

    fn free(&self) -> impl Iterator<Item = usize> + '_ {
        let free = self.taken.iter().enumerate().filter(|(_, taken)| !**taken);
        free.map(|(at, _)| at)
    }

    /// Pairs what is left by equal keys, in order.
    // spec: T18
    pub(super) fn by_key<K: Ord>(
        &mut self,
        from: impl Fn(usize) -> Option<K>,
        to: impl Fn(usize) -> Option<K>,
    ) {
        let left = self.left();
        if left.is_empty() {
            return;
        }
        let mut free: BTreeMap<K, VecDeque<usize>> = BTreeMap::new();
        for at in self.free() {
            if let Some(key) = to(at) {
                free.entry(key).or_default().push_back(at);
            }
        }
        for at in left {
            let queue = from(at).and_then(|key| free.get_mut(&key));
            if let Some(other) = queue.and_then(VecDeque::pop_front) {
                self.take(at, other);
            }
        }
    }

    /// Pairs what is left with the first value that begins with it.
    fn by_beginning(&mut self, from: &[&Prop<'_>], to: &[&Prop<'_>]) {
        let left = self.left();
        if left.is_empty() {
            return;
        }
        let mut free: BTreeSet<(&[u8], usize)> = BTreeSet::new();
        for at in self.free() {
            if let Some(prop) = to.get(at) {
                free.insert((&prop.value, at));
            }
        }
        for at in left {
            let Some(value) = from.get(at).map(|prop| prop.value.as_slice()) else {
                continue;
            };
            let next = free.range((value, 0)..).next().copied();
            if let Some((longer, other)) = next
                && longer.starts_with(value)
            {
                free.remove(&(longer, other));
                self.take(at, other);
            }
        }
    }
}
