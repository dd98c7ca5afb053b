//! Messages with their variable parts taken out: what was said, apart from about whom.
//!
//! After Drain (P. He, J. Zhu, Z. Zheng, M. R. Lyu, ICWS 2017): messages of equal length that begin alike are compared word
//! by word, and those that agree in enough words are one template. One fixed set of values serves every log. Two passes,
//! so that a template that grew more general half-way through a file does not look like two: train on all, then assign.
//! A template's id is a hash of its text, the same in every run and for every order of files that gives that text.

pub mod changed;
pub mod mask;
pub mod messages;
pub mod novel;

use crate::table::maps::HashMap;
use std::collections::BTreeMap;

/// Words in common that make two messages one template.
const SIMILARITY: f64 = 0.4;
/// Words at the beginning that must agree: Drain's depth 4 counts the root and the length too.
const LEADING: usize = 2;
/// Different words told apart at one place of the beginning.
const CHILDREN: usize = 100;
/// Words of a message that are looked at.
const WORDS: usize = 120;
/// So many groups that differ in one and the same word only are one template: that word is a value, as a user's name.
const VARIANTS: usize = 8;
/// The variable place of a template.
const ANY: &str = "<*>";

/// Identifies a template: a hash of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub u64);

impl TemplateId {
    /// FNV-1a: short, the same everywhere, good enough to tell a few thousand texts apart.
    fn of(text: &str) -> TemplateId {
        let hash = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        TemplateId(text.bytes().fold(0xcbf2_9ce4_8422_2325, hash))
    }
}

/// A message that a [`Miner`] has learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trained(u32);

/// Learns templates from messages.
#[derive(Debug, Default)]
pub struct Miner {
    words: HashMap<Vec<u8>, u32>,
    texts: Vec<Vec<u8>>,
    /// By number of words and leading words: the groups there. Word 0 stands for anything.
    tree: HashMap<(usize, [u32; LEADING]), Vec<u32>>,
    /// How many different words follow a beginning.
    children: HashMap<(usize, Option<u32>), Vec<u32>>,
    groups: Vec<Vec<u32>>,
    masked: Vec<u8>,
}

impl Miner {
    /// A miner that has seen nothing.
    pub fn new() -> Miner {
        let mut miner = Miner::default();
        miner.word(ANY.as_bytes());
        miner
    }

    /// Learns from a message. What is given back stands for the message until [`Templates::of_trained`] is asked for its
    /// template, so that messages need not be kept or read twice.
    pub fn train(&mut self, message: &[u8]) -> Trained {
        let words = self.words_of(message);
        let key = self.path(&words);
        let here = self.tree.get(&key).map(Vec::as_slice).unwrap_or_default();
        let best = here
            .iter()
            .filter_map(|index| self.groups.get(*index as usize).map(|group| (*index, score(group, &words))))
            .max_by(|(a, x), (b, y)| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)).then(b.cmp(a)));
        if let Some((index, _)) = best.filter(|(_, (same, _))| *same >= SIMILARITY) {
            for (place, word) in self.groups.get_mut(index as usize).into_iter().flatten().zip(&words) {
                *place = if *place == *word { *word } else { 0 };
            }
            Trained(index)
        } else {
            let index = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
            self.tree.entry(key).or_default().push(index);
            self.groups.push(words);
            Trained(index)
        }
    }

    /// Ends the training.
    pub fn finish(self) -> Templates {
        let text = |group: &Vec<u32>| {
            let words = group.iter().map(|w| self.texts.get(*w as usize).map(Vec::as_slice).unwrap_or_default());
            String::from_utf8_lossy(&words.collect::<Vec<_>>().join(&b' ')).into_owned()
        };
        let texts: Vec<String> = self.merged().iter().map(text).collect();
        let ids: Vec<TemplateId> = texts.iter().map(|t| TemplateId::of(t)).collect();
        let by_id = ids.iter().copied().zip(texts).collect();
        Templates { miner: self, ids, by_id }
    }

    /// The groups, each as general as what it is a variant of. A value among the leading words, which the tree tells
    /// apart, makes a group for each.
    fn merged(&self) -> Vec<Vec<u32>> {
        let without = |group: &[u32], place: usize| {
            let mut open = group.to_vec();
            if let Some(word) = open.get_mut(place) {
                *word = 0;
            }
            open
        };
        let mut variants: HashMap<(usize, Vec<u32>), usize> = HashMap::default();
        let places = |group: &[u32]| (0..group.len().min(LEADING)).filter(|p| group.get(*p) != Some(&0)).collect::<Vec<_>>();
        // One word in common is too little to call the other a value.
        for group in self.groups.iter().filter(|g| g.iter().filter(|w| **w != 0).count() > 2) {
            for place in places(group) {
                *variants.entry((place, without(group, place))).or_default() += 1;
            }
        }
        let general = |group: &Vec<u32>| {
            let open = places(group).into_iter().map(|place| (place, without(group, place)));
            let found = open.filter_map(|key| variants.get(&key).filter(|n| **n >= VARIANTS).map(|n| (*n, key.1)));
            found.max().map_or_else(|| group.clone(), |(_, open)| open)
        };
        self.groups.iter().map(general).collect()
    }

    fn words_of(&mut self, message: &[u8]) -> Vec<u32> {
        let mut masked = std::mem::take(&mut self.masked);
        masked.clear();
        mask::mask(message, &mut masked);
        let words = masked.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).take(WORDS);
        let words = words.map(|w| self.word(w)).collect();
        self.masked = masked;
        words
    }

    fn word(&mut self, word: &[u8]) -> u32 {
        if let Some(code) = self.words.get(word) {
            return *code;
        }
        let code = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(word.to_vec());
        self.words.insert(word.to_vec(), code);
        code
    }

    /// The place of a message in the tree; a word too many at a place counts as any.
    fn path(&mut self, words: &[u32]) -> (usize, [u32; LEADING]) {
        let mut path = [0; LEADING];
        let mut before = None;
        for (step, word) in path.iter_mut().zip(words) {
            if !self.is_variable(*word) {
                let known = self.children.entry((words.len(), before)).or_default();
                if !known.contains(word) && known.len() < CHILDREN {
                    known.push(*word);
                }
                *step = if known.contains(word) { *word } else { 0 };
            }
            before = Some(*step);
        }
        (words.len(), path)
    }

    fn is_variable(&self, word: u32) -> bool {
        self.texts.get(word as usize).is_none_or(|t| t.iter().any(|b| b.is_ascii_digit() || *b == b'<'))
    }
}

/// The share of words in which a message agrees with a group, and the number of the group's variable places.
fn score(group: &[u32], words: &[u32]) -> (f64, usize) {
    let same = group.iter().zip(words).filter(|(a, b)| a == b && **a != 0).count();
    let any = group.iter().filter(|w| **w == 0).count();
    (if words.is_empty() { 1.0 } else { same as f64 / words.len() as f64 }, any)
}

/// Templates learned.
#[derive(Debug)]
pub struct Templates {
    miner: Miner,
    ids: Vec<TemplateId>,
    by_id: BTreeMap<TemplateId, String>,
}

impl Templates {
    /// Learns the templates of messages that are all in memory.
    pub fn of<'m>(messages: impl Iterator<Item = &'m [u8]>) -> Templates {
        let mut miner = Miner::new();
        messages.for_each(|message| {
            miner.train(message);
        });
        miner.finish()
    }

    /// The template of a message that was learned from.
    pub fn of_trained(&self, trained: Trained) -> Option<TemplateId> {
        self.ids.get(trained.0 as usize).copied()
    }

    /// The template of a message: of those that say all that it says, the one that leaves least open; `None` for a message
    /// unlike any that was learned.
    pub fn assign(&mut self, message: &[u8]) -> Option<TemplateId> {
        let words = self.miner.words_of(message);
        let key = self.miner.path(&words);
        let fits = |group: &&Vec<u32>| group.iter().zip(&words).all(|(a, b)| *a == 0 || a == b);
        let here = self.miner.tree.get(&key)?;
        let found = here.iter().filter_map(|index| {
            let group = self.miner.groups.get(*index as usize).filter(fits)?;
            Some((score(group, &words).1, *index))
        });
        found.min().and_then(|(_, index)| self.ids.get(index as usize)).copied()
    }

    /// A template's text; empty for a stranger's id.
    pub fn text(&self, id: TemplateId) -> &str {
        self.by_id.get(&id).map_or("", String::as_str)
    }

    /// Every template, by id.
    pub fn iter(&self) -> impl Iterator<Item = (TemplateId, &str)> {
        self.by_id.iter().map(|(id, text)| (*id, text.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// True where nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

#[cfg(test)]
mod tests;
