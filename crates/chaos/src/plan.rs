//! What is killed and cut off, in which order: decided by a seed before anything runs.

use std::time::Duration;

use crate::Options;

/// Something that happens to the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// A node gets SIGKILL.
    Kill(usize),
    /// A node is started again.
    Start(usize),
    /// A node loses the databases.
    Cut(usize),
    /// It finds them again.
    Heal(usize),
    /// The primary's machine is gone.
    LosePrimary,
    /// The replica becomes the primary.
    Promote,
}

/// A step of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Messages of devices that come before it.
    pub(crate) messages: u64,
    /// Then this passes, so that it comes anywhere within a message.
    pub(crate) delay: Duration,
    pub(crate) act: Act,
}

/// The longest delay within a message.
const DELAY: u64 = 20_000;

/// The steps of a seed: each kill and cut has its end some steps later, no node has two at one time,
/// and the failover comes in the middle.
pub(crate) fn steps(options: &Options) -> Vec<Step> {
    let mut random = fastrand::Rng::with_seed(options.seed);
    let mut begins: Vec<bool> = Vec::new();
    begins.resize(options.kills, true);
    begins.resize(options.kills + options.cuts, false);
    random.shuffle(&mut begins);
    let middle = begins.len() / 2;
    // by node: how it ends, and after how many further acts
    let mut open: Vec<Option<(Act, u32)>> = vec![None; options.nodes];
    let mut acts = Vec::new();
    for (number, is_kill) in begins.into_iter().enumerate() {
        if number == middle {
            acts.push(Act::LosePrimary);
            end_some(&mut open, &mut acts);
            acts.push(Act::Promote);
        }
        let node = loop {
            let free: Vec<usize> = (0..open.len())
                .filter(|node| open[*node].is_none())
                .collect();
            if let Some(node) = random.choice(free) {
                break node;
            }
            end_some(&mut open, &mut acts);
        };
        let (begin, end) = if is_kill {
            (Act::Kill(node), Act::Start(node))
        } else {
            (Act::Cut(node), Act::Heal(node))
        };
        acts.push(begin);
        open[node] = Some((end, random.u32(0..3)));
        end_some(&mut open, &mut acts);
    }
    while open.iter().any(Option::is_some) {
        end_some(&mut open, &mut acts);
    }
    acts.into_iter()
        .map(|act| Step {
            messages: random.u64(options.pace..=2 * options.pace),
            delay: Duration::from_micros(random.u64(0..DELAY)),
            act,
        })
        .collect()
}

/// Ends what has lasted long enough.
fn end_some(open: &mut [Option<(Act, u32)>], acts: &mut Vec<Act>) {
    for state in open {
        match state {
            Some((end, 0)) => {
                acts.push(*end);
                *state = None;
            }
            Some((_, left)) => *left -= 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(seed: u64) -> Options {
        Options {
            program: std::path::PathBuf::new(),
            seed,
            nodes: 3,
            accounts: 1,
            devices: 1,
            kills: 20,
            cuts: 10,
            pace: 10,
            namespaces: false,
            messages: None,
        }
    }

    #[test]
    fn a_seed_is_a_plan() {
        assert_eq!(steps(&options(1)), steps(&options(1)));
        assert_ne!(steps(&options(1)), steps(&options(2)));
    }

    #[test]
    fn everything_begins_as_often_as_wished_and_ends() {
        for seed in 0..200 {
            let mut down = [None; 3];
            let mut counts = [0; 4];
            for step in steps(&options(seed)) {
                match step.act {
                    Act::Kill(node) | Act::Cut(node) => {
                        assert_eq!(down[node], None);
                        down[node] = Some(matches!(step.act, Act::Kill(_)));
                        counts[usize::from(down[node] == Some(false))] += 1;
                    }
                    Act::Start(node) => assert_eq!(down[node].take(), Some(true)),
                    Act::Heal(node) => assert_eq!(down[node].take(), Some(false)),
                    Act::LosePrimary => counts[2] += 1,
                    Act::Promote => counts[3] += counts[2],
                }
            }
            assert_eq!((down, counts), ([None; 3], [20, 10, 1, 1]));
        }
    }
}
