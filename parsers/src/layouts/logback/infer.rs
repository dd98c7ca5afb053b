//! Columns from a sample: lines vote, token by token, on what comes next.

use super::plan::{Plan, Role, Step};
use super::tokens::{Class, Token, tokens};
use crate::prim::{ids, jvm};
use crate::sample::Sample;
use std::collections::BTreeMap;

/// How many patterns one file may mix (Spring's before and after the logging system is set up, Tomcat's own).
const MOST_PLANS: usize = 4;
/// The share of lines that must agree on a column.
const MAJORITY: f64 = 0.7;

/// The patterns of a sample, most frequent first.
pub(super) fn plans(sample: &Sample<'_>) -> Vec<Plan> {
    let mut lines: Vec<(&[u8], Vec<Token<'_>>)> = sample
        .lines
        .iter()
        .map(|line| (*line, tokens(line)))
        .filter(|(line, head)| is_head(line, head) && !crate::layouts::gunicorn::begins(line))
        .collect();
    let enough = (sample.lines.len() / 400).max(1);
    let mut plans: Vec<Plan> = Vec::new();
    while plans.len() < MOST_PLANS && lines.len() >= enough {
        let Some(key) = commonest(lines.iter().map(|(_, head)| opening(head))) else { break };
        let group: Vec<&(&[u8], Vec<Token<'_>>)> = lines.iter().filter(|(_, head)| opening(head) == key).collect();
        let plan = vote(&group);
        let fits = |line: &[u8]| {
            plan.as_ref().is_some_and(|p| p.run(line, &mut crate::event::Event::default(), true, false).is_some())
        };
        let before = lines.len();
        let mut rest = lines.clone();
        rest.retain(|(line, head)| opening(head) != key || (plan.is_some() && !fits(line)));
        if rest.len() == before || plan.is_none() {
            rest.retain(|(_, head)| opening(head) != key);
        }
        if let Some(plan) = plan.filter(|p| !plans.contains(p) && before - rest.len() >= enough) {
            plans.push(plan);
        }
        lines = rest;
    }
    plans
}

/// A line that heads a record: a time and a level among its first tokens, in a JVM's dress.
fn is_head(line: &[u8], head: &[Token<'_>]) -> bool {
    let time = head.iter().take(4).position(|t| matches!(t.class, Class::Time(_)));
    let level = head.iter().take(8).position(|t| t.class == Class::Level);
    let (Some(time), Some(level)) = (time, level) else { return false };
    let Some(token) = head.get(level) else { return false };
    // `ERROR:  text` with two spaces is a database server's; `crate::module:` is Rust's; both have layouts of their own.
    let server = token.colon && line.get(token.end..).is_some_and(|rest| rest.starts_with(b"  "));
    let rust = head.get(level + 1).is_some_and(|t| t.open == 0 && memchr::memmem::find(t.text, b"::").is_some());
    let between = head.get(time.min(level) + 1..time.max(level)).unwrap_or_default();
    let words = between.iter().filter(|t| t.class == Class::Word).count();
    !server && !rust && words <= 3
}

/// The tokens up to the time: lines that share them share a pattern, or at least a way to be recognised.
fn opening(head: &[Token<'_>]) -> Vec<(Class, u8)> {
    let end = head.iter().position(|t| matches!(t.class, Class::Time(_))).map_or(0, |n| n + 1);
    head.iter().take(end).map(|t| (t.class, t.open)).collect()
}

fn commonest<T: Ord>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, n)| *n == most).map(|(item, _)| item)
}

/// The state of a vote.
pub(super) struct Vote<'v, 's> {
    live: Vec<&'v (&'s [u8], Vec<Token<'s>>)>,
    pub(super) steps: Vec<Step>,
    /// Token index of each step of an undecided group, with the lines that had it: roles are given at the end.
    pub(super) groups: Vec<(usize, Vec<&'s [u8]>)>,
    pub(super) level: bool,
    pub(super) logger: bool,
    timed: bool,
    pub(super) dashes: bool,
    /// Lines that took part at the beginning.
    total: usize,
}

fn vote<'s>(lines: &[&(&'s [u8], Vec<Token<'s>>)]) -> Option<Plan> {
    let mut v = Vote {
        live: lines.to_vec(),
        steps: Vec::new(),
        groups: Vec::new(),
        level: false,
        logger: false,
        timed: false,
        dashes: false,
        total: lines.len(),
    };
    let mut index = 0;
    while index < 12 && v.column(&mut index) {}
    if !v.level || !v.timed {
        return None;
    }
    v.give_roles();
    v.trailing();
    let level_at = level_offset(&v.steps, &v.live);
    Some(Plan { steps: v.steps, level_at })
}

/// Where the level begins, if it follows the time and every time is equally wide.
fn level_offset(steps: &[Step], lines: &[&(&[u8], Vec<Token<'_>>)]) -> Option<usize> {
    let next = steps.iter().skip(1).find(|s| !matches!(s, Step::Mark(_)));
    matches!(next, Some(Step::Word(Role::Level) | Step::Group(_, Role::Level))).then_some(())?;
    let mut widths = lines.iter().filter_map(|(_, head)| head.first().map(|t| t.end));
    let first = widths.next()?;
    widths.all(|w| w == first).then_some(first)
}

impl<'s> Vote<'_, 's> {
    fn token(&self, line: usize, index: usize) -> Option<Token<'s>> {
        self.live.get(line).and_then(|(_, head)| head.get(index)).copied()
    }

    fn share(&self, index: usize, test: impl Fn(&Token<'s>) -> bool) -> f64 {
        // Lines that are over have no voice.
        let there = (0..self.live.len()).filter_map(|line| self.token(line, index));
        let (n, all) = there.fold((0usize, 0usize), |(n, all), t| (n + usize::from(test(&t)), all + 1));
        if all * 2 < self.live.len() { 0.0 } else { n as f64 / all.max(1) as f64 }
    }

    fn keep(&mut self, index: usize, test: impl Fn(&Token<'s>) -> bool) {
        self.live.retain(|(_, head)| head.get(index).is_some_and(&test));
    }

    fn small(&self) -> bool {
        self.total < 3
    }

    /// Votes on the token at `index`; false where the message begins.
    fn column(&mut self, index: &mut usize) -> bool {
        let at = *index;
        let wordy = |t: &Token<'_>| t.open == 0 && matches!(t.class, Class::Dotted | Class::Word | Class::Number);
        let heads = (0..self.live.len()).filter_map(|line| self.token(line, at)).map(|t| (t.class, t.open));
        let Some((class, open)) = commonest(heads) else { return false };
        if self.share(at, |t| (t.class, t.open) == (class, open)) >= MAJORITY && self.structural(class, open, at) {
            self.keep(at, |t| (t.class, t.open) == (class, open));
            *index += 1;
            return !self.ends(class);
        }
        if self.share(at, wordy) >= MAJORITY {
            return self.word(index);
        }
        // Before the level has been seen the lines part here: the larger group goes on, the rest votes on a pattern of
        // its own.
        if !self.level && self.structural(class, open, at) {
            self.keep(at, |t| (t.class, t.open) == (class, open));
            *index += 1;
            return true;
        }
        false
    }

    /// Takes a column whose class alone says what it is.
    fn structural(&mut self, class: Class, open: u8, at: usize) -> bool {
        let place = |role| if open == 0 { Step::Word(role) } else { Step::Group(open, role) };
        match class {
            Class::Time(shape) if !self.timed => {
                self.timed = true;
                self.steps.push(place(Role::Time(shape)));
                true
            }
            Class::Level if !self.level => {
                self.level = true;
                self.steps.push(place(Role::Level));
                true
            }
            Class::Number => {
                let before = |t: &Token<'_>| {
                    matches!(t.class, Class::Level | Class::Group | Class::Dotted | Class::Mark(_) | Class::Number)
                        || t.colon
                        || t.open != 0
                };
                let fine = self.timed && !self.logger && (open != 0 || self.share(at + 1, before) >= MAJORITY);
                if fine {
                    self.steps.push(place(Role::Pid));
                }
                fine
            }
            Class::Mark(mark) => {
                if !self.timed && !self.level {
                    return false;
                }
                self.dashes |= mark == "---";
                self.steps.push(Step::Mark(mark));
                true
            }
            Class::Group => self.group(open, at),
            // A context written bare, `traceId=… spanId=…`: only ahead of the logger, a message may look like that too.
            Class::Pair => {
                let column = |t: &Token<'_>| {
                    matches!(t.class, Class::Pair | Class::Group | Class::Dotted | Class::Mark(_) | Class::Level)
                };
                let fine = self.timed && !self.logger && self.share(at + 1, column) >= MAJORITY;
                if fine {
                    self.steps.push(Step::Word(Role::Ids));
                }
                fine
            }
            _ => false,
        }
    }

    /// A bracket of unknown meaning: a column while the level, the thread or the logger is still to come.
    fn group(&mut self, open: u8, at: usize) -> bool {
        let values: Vec<&'s [u8]> =
            (0..self.live.len()).filter_map(|line| self.token(line, at)).filter(|t| t.open == open).map(|t| t.text).collect();
        let bracketed = matches!(self.steps.last(), Some(Step::Group(..)));
        let seen = self.groups.len();
        let elastic = self.logger && bracketed && open == b'[' && self.share(at, |t| t.open == open) >= 0.8;
        // A mark behind the bracket shows that the message has not begun; so does a request's id in it.
        let closed = self.share(at + 1, |t| matches!(t.class, Class::Mark(_))) >= MAJORITY;
        let traced = values.iter().filter(|v| ids::is_request(v)).count() as f64 >= MAJORITY * values.len() as f64;
        let sure = closed || traced;
        let after_bracket = elastic || (open == b'(' && bracketed);
        if self.logger && !sure && !after_bracket {
            return false;
        }
        if self.logger
            && !sure
            && elastic
            && (seen > 3 || self.steps.iter().any(|s| matches!(s, Step::Word(Role::Logger) | Step::Name)))
        {
            return false;
        }
        if self.is_logger(&values) {
            self.logger = true;
        }
        self.groups.push((self.steps.len(), values));
        self.steps.push(Step::Group(open, Role::Skip));
        true
    }

    /// A bare word: a column where it is a dotted name or a mark closes it.
    fn word(&mut self, index: &mut usize) -> bool {
        let at = *index;
        let bare = |t: &Token<'_>| t.open == 0 && matches!(t.class, Class::Dotted | Class::Word | Class::Number);
        if self.logger && self.level && !self.piped() {
            return false;
        }
        if self.share(at, |t| bare(t) && t.colon) >= MAJORITY && self.level {
            self.keep(at, |t| bare(t) && t.colon);
            self.steps.push(Step::WordColon(Role::Logger));
            self.logger = true;
            *index += 1;
            return false;
        }
        let reach = 5;
        let only = self.piped().then(|| self.last_mark()).flatten();
        let mark_after = |head: &[Token<'_>]| {
            head.iter().enumerate().skip(at + 1).take(reach).find_map(|(n, t)| match t.class {
                Class::Mark(mark) if mark != "---" && only.is_none_or(|o| o == mark) => Some((mark, n)),
                _ => None,
            })
        };
        let marks: Vec<(&'static str, usize)> = self.live.iter().filter_map(|(_, head)| mark_after(head)).collect();
        if let Some(mark) = commonest(marks.iter().map(|(m, _)| *m))
            && marks.iter().filter(|(m, _)| *m == mark).count() as f64 >= MAJORITY * self.live.len() as f64
        {
            // Line the tokens up again at the mark: a thread's name may have several words.
            self.live.retain(|(_, head)| mark_after(head).is_some_and(|(m, _)| m == mark));
            let near = commonest(self.live.iter().filter_map(|(_, head)| mark_after(head)).map(|(_, n)| n)).unwrap_or(at + 1);
            let values: Vec<&[u8]> = (0..self.live.len()).filter_map(|line| self.token(line, at)).map(|t| t.text).collect();
            let single = near == at + 1;
            let mut role = self.bare_role(&values);
            if !single && self.share(at, |t| t.class == Class::Dotted) >= MAJORITY {
                return self.name(index);
            }
            let last = |head: &[Token<'_>]| {
                mark_after(head).and_then(|(_, n)| head.get(n - 1)).is_some_and(|t| t.class == Class::Dotted)
            };
            let named = self.live.iter().filter(|(_, head)| last(head)).count() as f64 >= MAJORITY * self.live.len() as f64;
            if named && !self.logger && (!single || role == Role::Thread) {
                role = Role::ThreadThenLogger;
                self.logger = true;
            } else if !single && ((self.logger || self.level) && !self.piped() || self.small()) {
                return false;
            }
            self.logger |= role == Role::Logger;
            let apart = self.live.iter().all(|(line, head)| {
                head.get(at).zip(head.get(near)).is_none_or(|(word, mark)| {
                    near != at + 1 || line.get(word.end..mark.end).is_some_and(|gap| gap.starts_with(b" "))
                })
            });
            self.steps.push(if single && mark != "|" && apart && role != Role::ThreadThenLogger {
                Step::Word(role)
            } else {
                Step::Until(mark, role)
            });
            self.live.retain(|(_, head)| mark_after(head).is_some_and(|(_, n)| n == near));
            *index = near;
            return true;
        }
        self.share(at, |t| t.class == Class::Dotted) >= MAJORITY && self.name(index)
    }

    /// Takes a logger that no mark closes.
    fn name(&mut self, index: &mut usize) -> bool {
        self.keep(*index, |t| t.class == Class::Dotted);
        self.steps.push(Step::Name);
        self.logger = true;
        *index += 1;
        // A mark or a bracket may still follow, or the level where the logger comes first.
        self.share(*index, |t| matches!(t.class, Class::Mark(_) | Class::Level | Class::Group)) >= MAJORITY
    }

    fn last_mark(&self) -> Option<&'static str> {
        self.steps.iter().rev().find_map(|step| if let Step::Mark(mark) = step { Some(*mark) } else { None })
    }

    /// Columns are kept apart by one mark all along: `time | LEVEL | thread | logger | text`.
    fn piped(&self) -> bool {
        let last = self.last_mark();
        last.is_some_and(|last| self.steps.iter().filter(|s| **s == Step::Mark(last)).count() >= 2) && !self.small()
    }

    /// Is the message what follows the column just taken?
    fn ends(&self, class: Class) -> bool {
        let Class::Mark(mark) = class else { return false };
        let grouped = !self.groups.is_empty();
        self.level && mark != "---" && (self.logger || (grouped && self.small())) && !self.piped()
    }

    /// Kafka's `… (kafka.server.KafkaServer)` at the end of the line: then what follows the level is the message.
    fn trailing(&mut self) {
        let ends = |line: &[u8]| {
            line.trim_ascii_end()
                .strip_suffix(b")")
                .and_then(|l| l.get(memchr::memrchr(b'(', l)? + 1..))
                .is_some_and(jvm::is_dotted)
        };
        let all = self.live.iter().filter(|(line, _)| ends(line)).count();
        if self.logger || (all as f64) < MAJORITY * self.live.len() as f64 {
            return;
        }
        let level = self.steps.iter().position(|s| matches!(s, Step::Word(Role::Level) | Step::Group(_, Role::Level)));
        if let Some(level) = level {
            self.steps.truncate(level + 1);
            self.steps.push(Step::Trailing);
        }
    }
}
