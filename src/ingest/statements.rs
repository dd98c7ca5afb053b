//! Shapes of statements. Applications that prepare their statements send the same few texts again and again: those are
//! recognised as they stand, without folding them anew.

use super::strings::Strings;
use backtrail_parsers::prim::sql;
use foldhash::fast::FixedState;
use std::hash::BuildHasher;

/// Statements remembered; a power of two.
const KEPT: usize = 4096;
/// Longer statements are rarely repeated word for word.
const LONGEST: usize = 4096;
/// Bytes of a statement's shape that are kept.
const SHAPE: usize = 512;

/// The statements seen last, each in the one place that its hash gives it.
pub(super) struct Statements {
    slots: Vec<(Vec<u8>, u32)>,
    hasher: FixedState,
}

impl Default for Statements {
    fn default() -> Self {
        Statements { slots: vec![(Vec::new(), 0); KEPT], hasher: FixedState::with_seed(0x7371_6c00) }
    }
}

impl Statements {
    /// The code of a statement's shape in `strings`.
    pub(super) fn code(&mut self, strings: &mut Strings, statement: &[u8], scratch: &mut Vec<u8>) -> u32 {
        let slot = usize::from((self.hasher.hash_one(statement) >> 48) as u16) % KEPT;
        let slot = self.slots.get_mut(slot).filter(|_| statement.len() <= LONGEST);
        if let Some((known, code)) = &slot
            && known == statement
        {
            return *code;
        }
        sql::fingerprint(statement, scratch);
        let code = strings.code(scratch.get(..SHAPE).unwrap_or(scratch));
        if let Some(slot) = slot {
            slot.0.clear();
            slot.0.extend_from_slice(statement);
            slot.1 = code;
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_seen_before_has_the_same_shape() {
        let (mut statements, mut strings, mut scratch) = (Statements::default(), Strings::default(), Vec::new());
        let mut shape = |text: &str| {
            let code = statements.code(&mut strings, text.as_bytes(), &mut scratch);
            strings.text(code).into_owned()
        };
        for text in ["SELECT 1", "SELECT 2", "select x from t where id = $1", "SELECT 1"] {
            let first = shape(text);
            assert_eq!(shape(text), first);
            assert!(first == "select ?" || first == "select x from t where id = ?");
        }
    }
}
