//! When did sessions begin to last longer, or shorter? What came before that moment and after it are two references.

use super::{Fate, SECOND, Spell};

/// Closed sessions in a block, and blocks, at the least.
const FEW: usize = 10;
/// Blocks at the most.
const BLOCKS: usize = 200;
/// The probability below which a shift is no chance.
const CHANCE: f64 = 0.01;

/// The moment, in nanoseconds, from which on sessions that opened last differently from those before, if there is one.
///
/// Pettitt's test on the medians of blocks of sessions: one long session moves no median.
/// Source: A. N. Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28 (1979).
pub(super) fn find(spells: &[Spell]) -> Option<i64> {
    let mut closed: Vec<(i64, i64)> = spells.iter().filter(|s| s.fate == Fate::Closed).map(|s| (s.open, s.age)).collect();
    radsort::sort_by_key(&mut closed, |(open, _)| *open);
    let length = closed.len().div_ceil(BLOCKS).max(FEW);
    let blocks: Vec<(i64, f64)> = closed.chunks_exact(length).filter_map(block).collect();
    let (at, p) = pettitt(&blocks.iter().map(|(_, hold)| *hold).collect::<Vec<f64>>())?;
    blocks.get(at).filter(|_| p < CHANCE).map(|(open, _)| *open)
}

/// When a block begins, and its median hold in seconds.
fn block(members: &[(i64, i64)]) -> Option<(i64, f64)> {
    let mut holds: Vec<i64> = members.iter().map(|(_, hold)| *hold).collect();
    holds.sort_unstable();
    Some((members.first()?.0, *holds.get(holds.len() / 2)? as f64 / SECOND))
}

/// The position at which the second part of a series begins, and how likely such a difference is by chance; `None` for
/// fewer than ten values.
fn pettitt(values: &[f64]) -> Option<(usize, f64)> {
    if values.len() < FEW {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let (mut sum, mut best) = (0.0, (0usize, 0.0f64));
    for (at, value) in values.iter().enumerate() {
        // Equal values share the middle of their ranks.
        let below = sorted.partition_point(|other| other < value);
        let upto = sorted.partition_point(|other| other <= value);
        sum += (below + upto) as f64 + 1.0 - (n + 1.0);
        if sum.abs() > best.1 && at + 1 < values.len() {
            best = (at + 1, sum.abs());
        }
    }
    let p = 2.0 * (-6.0 * best.1.powi(2) / (n.powi(3) + n.powi(2))).exp();
    Some((best.0, p.min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::super::simulation::Random;
    use super::super::{Strata, tests::spells};
    use super::*;

    #[test]
    fn a_step_is_found_where_it_is() {
        let step: Vec<f64> = (0..60).map(|i| f64::from(i % 7) + if i < 40 { 0.0 } else { 5.0 }).collect();
        let (at, p) = pettitt(&step).unwrap();
        assert!((39..=41).contains(&at) && p < 1e-4, "{at} {p}");
        let (_, p) = pettitt(&(0..60).map(|i| f64::from(i % 7)).collect::<Vec<_>>()).unwrap();
        assert!(p > 0.5, "{p}");
        assert_eq!(pettitt(&[1.0; 9]), None);
        assert_eq!(pettitt(&[1.0; 20]), Some((0, 1.0)));
    }

    /// Among steady series few are taken for a shift, and a shift of holds by half is seen.
    #[test]
    fn steady_holds_have_no_shift() {
        let mut random = Random::new(31);
        let mut found = 0;
        for _ in 0..60 {
            let made = random.sessions(2.0, 600.0, 0.01, 1.5);
            found += i32::from(find(&spells(&made, 600.0)).is_some());
        }
        assert!(found <= 3, "{found} of 60");
        let hold = |i: i64| if i < 700 { 1_000_000_000 } else { 1_500_000_000 } + i * 7919 % 400 * 1_000_000;
        let spell =
            |i: i64| Spell { strata: Strata::default(), open: i * 1_000_000_000, entry: 0, age: hold(i), fate: Fate::Closed };
        let moment = find(&(0..1000).map(spell).collect::<Vec<_>>()).unwrap() / 1_000_000_000;
        assert!((690..=710).contains(&moment), "{moment}");
    }
}
