//! A pool as a queue: how likely a borrower waits, which size would have held, and what would have happened with another
//! size, by playing the observed borrows again.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// No pool is imagined larger than this.
pub const LARGEST: u32 = 2000;

/// Erlang's C: the chance that a borrower has to wait, for `load` connections in use on average (arrivals a second times
/// mean hold) and `size` connections; 1 where the load reaches the size. By the recursion of Erlang's B,
/// `B(k) = aB(k-1) / (k + aB(k-1))` and `C = B / (1 - (a/c)(1 - B))`.
/// Source: A. K. Erlang (1917), in any text on queues, M/M/c.
pub fn waits(load: f64, size: u32) -> f64 {
    if load <= 0.0 {
        return 0.0;
    }
    let servers = f64::from(size);
    if load >= servers {
        return 1.0;
    }
    let blocked = (1..=size).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
    blocked / (1.0 - load / servers * (1.0 - blocked))
}

/// The mean wait of all borrowers in units of the mean hold, for holds whose squared coefficient of variation is
/// `variation` (1 for exponential ones); `None` where the load reaches the size and the queue grows without end.
/// Source: A. O. Allen and J. Cunneen's approximation for M/G/c, `C / (c - a) * (1 + cv2) / 2`.
pub fn mean_wait(load: f64, size: u32, variation: f64) -> Option<f64> {
    let spare = f64::from(size) - load;
    (spare > 0.0).then(|| waits(load, size) / spare * f64::midpoint(1.0, variation))
}

/// The smallest size with which at most a share `chance` of the borrowers waits; `None` beyond [`LARGEST`].
pub fn size_for(load: f64, chance: f64) -> Option<u32> {
    let mut blocked = 1.0;
    for size in 1..=LARGEST {
        blocked = load * blocked / (f64::from(size) + load * blocked);
        let servers = f64::from(size);
        if load < servers && blocked / (1.0 - load / servers * (1.0 - blocked)) <= chance {
            return Some(size);
        }
    }
    None
}

/// When a borrowed connection comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// So long after it was lent, ns.
    After(i64),
    /// At that moment at the latest, whenever it was lent: its holder never gave it back, and its process ended then.
    At(i64),
}

/// Somebody asks for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// When, ns UTC.
    pub at: i64,
    /// When it would come back.
    pub back: Back,
}

/// What happened in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replay {
    /// Borrowers that had to wait.
    pub waited: u64,
    /// Borrowers that waited in vain.
    pub in_vain: u64,
    /// When the first of them gave up, ns UTC.
    pub exhausted: Option<i64>,
    /// Most connections lent at once.
    pub peak: usize,
}

/// Plays attempts (in the order of time) against a pool of `size` connections that serves its waiters in order; each gives
/// up after `patience` ns.
pub fn replay(attempts: &[Attempt], size: usize, patience: i64) -> Replay {
    let mut state = State { size, patience, ..State::default() };
    for attempt in attempts {
        state.until(attempt.at);
        if state.lent.len() < size && state.queue.is_empty() {
            state.lend(attempt.at, attempt.back);
        } else {
            state.out.waited += 1;
            state.queue.push_back(*attempt);
        }
    }
    state.until(i64::MAX);
    state.give_up(i64::MAX);
    state.out
}

#[derive(Debug, Default)]
struct State {
    size: usize,
    patience: i64,
    /// Moments at which lent connections come back.
    lent: BinaryHeap<Reverse<i64>>,
    queue: VecDeque<Attempt>,
    out: Replay,
}

impl State {
    fn lend(&mut self, now: i64, back: Back) {
        let back = match back {
            Back::After(hold) => now.saturating_add(hold.max(0)),
            Back::At(moment) => moment.max(now),
        };
        self.lent.push(Reverse(back));
        self.out.peak = self.out.peak.max(self.lent.len());
    }

    /// Lets time go on to `now`: connections come back and go to the waiters that are still there.
    fn until(&mut self, now: i64) {
        while let Some(Reverse(back)) = self.lent.peek().copied().filter(|Reverse(back)| *back <= now) {
            if back == i64::MAX {
                break;
            }
            self.lent.pop();
            self.give_up(back);
            if let Some(next) = self.queue.pop_front() {
                self.lend(back, next.back);
            }
        }
        self.give_up(now);
        debug_assert!(self.lent.len() <= self.size);
    }

    /// Waiters whose patience has ended before `now` leave.
    fn give_up(&mut self, now: i64) {
        while let Some(head) = self.queue.front().filter(|head| head.at.saturating_add(self.patience) < now) {
            let moment = head.at.saturating_add(self.patience);
            self.out.in_vain += 1;
            self.out.exhausted = Some(self.out.exhausted.map_or(moment, |first| first.min(moment)));
            self.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erlang_c_has_its_known_values() {
        for (load, size, known) in [(4.5, 10, 0.019), (15.0, 20, 0.16), (18.0, 20, 0.55), (19.0, 20, 0.76)] {
            assert!((waits(load, size) - known).abs() < 0.006, "{load} on {size}: {}", waits(load, size));
        }
        // One server: C is the load itself, and the mean wait is a / (1 - a) holds.
        assert!((waits(0.6, 1) - 0.6).abs() < 1e-12);
        assert!((mean_wait(0.6, 1, 1.0).unwrap() - 1.5).abs() < 1e-9);
        assert!((mean_wait(0.6, 1, 0.0).unwrap() - 0.75).abs() < 1e-9, "constant holds wait half as long");
        assert_eq!((waits(20.0, 20), mean_wait(20.0, 20, 1.0)), (1.0, None));
    }

    #[test]
    fn the_size_that_holds_is_the_smallest() {
        let size = size_for(15.0, 0.05).unwrap();
        assert!(waits(15.0, size) <= 0.05 && waits(15.0, size - 1) > 0.05, "{size}");
        assert_eq!(size_for(0.0, 0.05), Some(1));
        assert_eq!(size_for(1e6, 0.05), None);
    }

    fn attempt(at: i64, hold: i64) -> Attempt {
        Attempt { at, back: Back::After(hold) }
    }

    #[test]
    fn a_queue_serves_in_order_and_waiters_give_up() {
        let attempts = [attempt(0, 10), attempt(1, 10), attempt(2, 10), attempt(30, 10)];
        // One connection, patience 12: the second gets it at 10, the third would at 20 and leaves at 14.
        let one = replay(&attempts, 1, 12);
        assert_eq!(one, Replay { waited: 2, in_vain: 1, exhausted: Some(14), peak: 1 });
        let three = replay(&attempts, 3, 12);
        assert_eq!(three, Replay { waited: 0, in_vain: 0, exhausted: None, peak: 3 });
    }

    #[test]
    fn a_leak_only_delays() {
        // Every tenth of a hundred borrows, one a second, never comes back before the process ends at 500.
        let attempts: Vec<Attempt> =
            (0..100).map(|n| if n % 10 == 9 { Attempt { at: n, back: Back::At(500) } } else { attempt(n, 0) }).collect();
        let small = replay(&attempts, 3, 5);
        let large = replay(&attempts, 6, 5);
        assert_eq!(small.exhausted, Some(30 + 5), "the third leak is at 29");
        assert_eq!(large.exhausted, Some(60 + 5));
        assert_eq!(replay(&attempts, 11, 5).exhausted, None);
    }

    #[test]
    fn replay_agrees_with_the_formula() {
        // Arrivals and holds from a fixed generator, exponential, a = 8 on 10 connections: C is 0.409.
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut draw = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            -(((seed >> 11) as f64 + 0.5) / (1u64 << 53) as f64).ln()
        };
        let mut at = 0.0;
        let mut attempts = Vec::new();
        for _ in 0..200_000 {
            at += draw() * 1e6;
            #[expect(clippy::cast_possible_truncation, reason = "far below 2^63")]
            attempts.push(attempt(at as i64, (draw() * 8e6) as i64));
        }
        let seen = replay(&attempts, 10, i64::MAX / 4);
        let share = seen.waited as f64 / attempts.len() as f64;
        assert!((share - waits(8.0, 10)).abs() < 0.02, "{share} against {}", waits(8.0, 10));
    }
}
