//! What columns hold, judged by all their values together.

use super::infer::Vote;
use super::plan::{Role, Step};
use super::tokens::{closing, without_line};
use crate::prim::{ids, jvm};

impl Vote<'_, '_> {
    /// Decides what the brackets hold, looking at all their values together.
    pub(super) fn give_roles(&mut self) {
        let groups = std::mem::take(&mut self.groups);
        let mut texts: Vec<(usize, Vec<&[u8]>)> = Vec::new();
        for (step, values) in groups {
            let filled: Vec<&[u8]> = values.iter().map(|v| v.trim_ascii()).filter(|v| !v.is_empty()).collect();
            let most = |test: &dyn Fn(&[u8]) -> bool| filled.iter().filter(|v| test(v)).count() * 10 >= filled.len() * 6;
            let role = if filled.is_empty() {
                Role::Ids
            } else if most(&|v| {
                memchr::memchr(b'@', v)
                    .is_some_and(|at| v.get(at + 1..).is_some_and(|t| !t.is_empty() && t.iter().all(u8::is_ascii_digit)))
            }) {
                Role::ThreadAtLogger
            } else if self.is_logger(&values) && !self.logger_elsewhere(step) {
                Role::Logger
            } else if most(&ids::looks) && !most(&thread_like) {
                Role::Ids
            } else {
                texts.push((step, filled));
                continue;
            };
            self.set(step, role);
        }
        // Of what is left the most thread-like is the thread; a constant before it names the application.
        let score = |values: &[&[u8]]| values.iter().filter(|v| thread_like(v)).count() * 1000 / values.len().max(1);
        let constant = |values: &[&[u8]]| values.iter().all(|v| Some(v) == values.first());
        let after_logger = |step: usize| self.steps.iter().take(step).any(|s| matches!(s, Step::Group(_, Role::Logger)));
        let threaded = self.steps.iter().any(|s| matches!(s, Step::Group(_, Role::ThreadAtLogger)));
        let elastic: Vec<usize> = texts.iter().filter(|(s, _)| after_logger(*s)).map(|(s, _)| *s).collect();
        let best = texts
            .iter()
            .filter(|(s, v)| !threaded && (!elastic.contains(s) || score(v) > 500))
            .max_by_key(|(s, v)| (score(v), !constant(v), *s))
            .map(|(s, _)| *s);
        let mut named = false;
        for (step, values) in &texts {
            let role = if Some(*step) == best {
                Role::Thread
            } else if elastic.contains(step) && self.is_open(*step, b'[') {
                Role::Node
            } else if best.is_some_and(|b| *step < b) && self.dashes && constant(values) {
                // Spring writes the application before its group.
                if std::mem::replace(&mut named, true) { Role::Skip } else { Role::App }
            } else {
                Role::Ids
            };
            self.set(*step, role);
        }
    }

    fn is_open(&self, step: usize, open: u8) -> bool {
        matches!(self.steps.get(step), Some(Step::Group(o, _)) if *o == open && closing(*o) == b']')
    }

    fn logger_elsewhere(&self, step: usize) -> bool {
        let is = |s: &Step| {
            matches!(
                s,
                Step::Name
                    | Step::Word(Role::Logger)
                    | Step::WordColon(Role::Logger)
                    | Step::Group(_, Role::Logger)
                    | Step::Until(_, Role::Logger)
            )
        };
        self.steps.iter().enumerate().any(|(n, s)| n != step && is(s))
    }

    fn set(&mut self, step: usize, role: Role) {
        if let Some(Step::Group(_, slot)) = self.steps.get_mut(step) {
            *slot = role;
        }
    }

    /// Are the texts of a bracket loggers?
    pub(super) fn is_logger(&self, values: &[&[u8]]) -> bool {
        let filled: Vec<&[u8]> = values.iter().map(|v| v.trim_ascii()).filter(|v| !v.is_empty()).collect();
        // Elasticsearch and Logstash pad `[node      ]` to the right: a class name without dots.
        let padded = values.iter().filter(|v| v.ends_with(b" ") && !v.starts_with(b" ")).count() * 3 > values.len();
        let dotted = filled.iter().filter(|v| jvm::is_dotted(without_line(v))).count();
        !filled.is_empty()
            && (dotted * 10 >= filled.len() * 6
                || (padded && self.level && !self.logger && dotted > 0)
                || (padded && filled.iter().all(|v| !v.contains(&b'-'))))
    }

    /// What bare words of one column are.
    pub(super) fn bare_role(&self, values: &[&[u8]]) -> Role {
        let dotted = values.iter().filter(|v| jvm::is_dotted(without_line(v))).count() * 10 >= values.len() * 6;
        // Threads are rarely named like classes, and `Master:54` is a class and a line.
        let class = |v: &[u8]| {
            v.first().is_some_and(u8::is_ascii_uppercase)
                && without_line(v).iter().all(|b| b.is_ascii_alphanumeric() || *b == b'$')
        };
        let threads = values.iter().filter(|v| thread_like(v) && !class(v)).count() * 2 > values.len();
        if threads && !dotted {
            Role::Thread
        } else if !self.logger {
            Role::Logger
        } else {
            Role::Skip
        }
    }
}

/// Does a text look like the name of a thread?
fn thread_like(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 26] = [
        b"main",
        b"exec",
        b"thread",
        b"worker",
        b"pool",
        b"scheduler",
        b"http",
        b"nio",
        b"qtp",
        b"loop",
        b"housekeeper",
        b"adder",
        b"closer",
        b"task",
        b"timer",
        b"async",
        b"executor",
        b"listener",
        b"shutdown",
        b"startup",
        b"container",
        b"reactor",
        b"handler",
        b"daemon",
        b"catalina",
        b"-bio-",
    ];
    let mut lower = [0u8; 48];
    let length = text.len().min(lower.len());
    let (Some(slot), Some(head)) = (lower.get_mut(..length), text.get(..length)) else { return false };
    slot.copy_from_slice(head);
    slot.make_ascii_lowercase();
    let known = WORDS.iter().any(|word| memchr::memmem::find(slot, word).is_some());
    let tail = text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let numbered = tail > 0 && text.len() > tail && matches!(text.get(text.len() - tail - 1), Some(b'-' | b'_' | b'#'));
    known || (numbered && !ids::looks(text))
}
