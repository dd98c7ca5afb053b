//! Frames through which every borrow goes say nothing about a leak: the site is one frame further out.
//!
//! Paths of frames from the borrow outward form a tree. A node is a helper where leaked borrows and others pass through it
//! alike and it is reached from several places.

use super::Site;
use crate::correlate::distributions::fisher_greater;
use crate::table::maps::{HashMap, HashSet};

/// A frame on this share of leaked and of other stacks alike is a helper.
const COMMON: f64 = 0.8;
/// Below this chance of an accident, leaked borrows prefer a frame.
const PREFERRED: f64 = 0.01;
/// Fewer stacks than this show no preference.
const FEW: u64 = 5;
/// Frames outward that may be helpers, one around the other.
const DEEPEST: usize = 3;

/// The tree of paths.
#[derive(Debug, Default)]
pub struct Paths {
    nodes: HashMap<Vec<Site>, Node>,
    leaked: u64,
    others: u64,
}

#[derive(Debug, Default)]
struct Node {
    leaked: u64,
    others: u64,
    callers: HashSet<Site>,
}

impl Paths {
    /// The tree of the stacks of leaked borrows and of others, innermost frame first.
    pub fn new(leaked: &[Vec<Site>], others: &[Vec<Site>]) -> Paths {
        let mut out = Paths::default();
        for (stacks, is_leaked) in [(leaked, true), (others, false)] {
            for stack in stacks.iter().filter(|stack| !stack.is_empty()) {
                *if is_leaked { &mut out.leaked } else { &mut out.others } += 1;
                for depth in 0..stack.len().min(DEEPEST) {
                    let node = out.nodes.entry(stack.get(..=depth).unwrap_or_default().to_vec()).or_default();
                    *if is_leaked { &mut node.leaked } else { &mut node.others } += 1;
                    node.callers.extend(stack.get(depth + 1).cloned());
                }
            }
        }
        out
    }

    /// Which frame of a leaked borrow's stack is its site.
    pub fn depth(&self, stack: &[Site]) -> usize {
        let mut depth = 0;
        while depth + 1 < stack.len() && depth < DEEPEST && self.is_helper(stack.get(..=depth).unwrap_or_default()) {
            depth += 1;
        }
        depth
    }

    fn is_helper(&self, path: &[Site]) -> bool {
        let Some(node) = self.nodes.get(path) else { return false };
        if node.callers.len() < 2 || node.others == 0 {
            return false;
        }
        let parent = path.len().checked_sub(2).and_then(|last| self.nodes.get(path.get(..=last)?));
        let (leaked, others) = parent.map_or((self.leaked, self.others), |p| (p.leaked, p.others));
        let share = |part: u64, of: u64| part as f64 / of.max(1) as f64;
        if share(node.leaked, leaked) >= COMMON && share(node.others, others) >= COMMON {
            return true;
        }
        // One helper of several: leaked borrows pass through it no more often than others do.
        let chance = fisher_greater(node.leaked, leaked - node.leaked, node.others, others - node.others);
        leaked >= FEW && node.others >= FEW && chance >= PREFERRED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(frames: &[&str]) -> Vec<Site> {
        let site = |f: &&str| Site { function: (*f).into(), file: String::new(), line: 1, language: "java".into() };
        frames.iter().map(site).collect()
    }

    fn times(n: usize, frames: &[&str]) -> Vec<Vec<Site>> {
        vec![stack(frames); n]
    }

    #[test]
    fn a_helper_is_stepped_over() {
        let leaked = times(6, &["Db.get", "CouponDao.redeem", "Checkout.post"]);
        let others = [times(5, &["Db.get", "OrderDao.load", "Orders.get"]), times(5, &["Db.get", "CartDao.load", "Cart.get"])];
        let paths = Paths::new(&leaked, &others.concat());
        assert_eq!(leaked.iter().map(|s| paths.depth(s)).max(), Some(1));
    }

    #[test]
    fn a_site_with_several_callers_stays_where_leaks_prefer_it() {
        let leaked = [times(4, &["CouponDao.redeem", "Checkout.post"]), times(4, &["CouponDao.redeem", "Gift.post"])].concat();
        let others = [times(9, &["OrderDao.load", "Orders.get"]), times(1, &["CouponDao.redeem", "Checkout.post"])].concat();
        let paths = Paths::new(&leaked, &others);
        assert_eq!(leaked.iter().map(|s| paths.depth(s)).max(), Some(0));
    }

    #[test]
    fn without_others_the_innermost_frame_is_the_site() {
        let leaked = [times(4, &["Db.get", "A.a"]), times(4, &["Db.get", "B.b"])].concat();
        let paths = Paths::new(&leaked, &[]);
        assert_eq!(leaked.iter().map(|s| paths.depth(s)).max(), Some(0));
    }

    #[test]
    fn of_two_helpers_each_is_stepped_over() {
        let leaked = [times(3, &["Db.read", "CouponDao.redeem"]), times(3, &["Db.write", "CouponDao.redeem"])].concat();
        let others = [
            times(6, &["Db.read", "OrderDao.load"]),
            times(6, &["Db.read", "CartDao.load"]),
            times(6, &["Db.write", "OrderDao.save"]),
            times(6, &["Db.write", "CartDao.save"]),
        ];
        let paths = Paths::new(&leaked, &others.concat());
        assert!(leaked.iter().all(|s| paths.depth(s) == 1));
    }
}
