//! Where the texts of a report stand. Every type is taken apart by naming each of its fields, so that a new one does not
//! compile until it is named here; and whether a named field holds text is decided by its type, so that none can be named and
//! passed over.

use super::Redactor;
use crate::report::baseline::Change;
use crate::report::deploys::{Change as Trial, Frequency};
use crate::report::lanes::{Asked, Bar};
use crate::report::pools::{Needed, Pool, Separating, WhatIf};
use crate::report::quotes::{Quote, Quotes};
use crate::report::sessions::Line;
use crate::report::{
    Alert, Band, CallSite, ChangedMessage, Clock, Deploy, Discriminator, ErrorPeak, Feature, Finding, Gap, Hypothesis, Impact,
    Incident, Judged, Leak, Ledger, LoggingGap, Moment, NewMessage, Peak, Rate, Ref, Reject, Report, Rung, Series, Share, Slo,
    Source, Spell, Suggestion, Symptom, Tool, Trigger, Verdict, Window,
};
use std::collections::BTreeMap;

/// How a text is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hide {
    /// Everything that names people or machines, and secrets and literals.
    All,
    /// Addresses only: a folder may be called like a user, and ids are to be compared.
    Addresses,
}

/// Something that may hold texts of logs.
pub trait Texts {
    /// Hands out every text that is no constant of the program.
    fn texts(&mut self, hide: Hide, take: &mut dyn FnMut(Hide, &mut String));
}

impl Texts for String {
    fn texts(&mut self, hide: Hide, take: &mut dyn FnMut(Hide, &mut String)) {
        take(hide, self);
    }
}

impl<T: Texts> Texts for Option<T> {
    fn texts(&mut self, hide: Hide, take: &mut dyn FnMut(Hide, &mut String)) {
        self.iter_mut().for_each(|one| one.texts(hide, take));
    }
}

impl<T: Texts> Texts for Vec<T> {
    fn texts(&mut self, hide: Hide, take: &mut dyn FnMut(Hide, &mut String)) {
        self.iter_mut().for_each(|one| one.texts(hide, take));
    }
}

impl<T: Texts, const N: usize> Texts for [T; N] {
    fn texts(&mut self, hide: Hide, take: &mut dyn FnMut(Hide, &mut String)) {
        self.iter_mut().for_each(|one| one.texts(hide, take));
    }
}

impl<K: Texts + Ord, V: Texts> Texts for BTreeMap<K, V> {
    fn texts(&mut self, hide: Hide, take: &mut dyn FnMut(Hide, &mut String)) {
        for (mut key, mut value) in std::mem::take(self) {
            key.texts(hide, take);
            value.texts(hide, take);
            self.insert(key, value);
        }
    }
}

/// Types without text of a log: numbers, and words that stand in the program.
macro_rules! silent {
    ($($of:ty)+) => {
        $(impl Texts for $of {
            fn texts(&mut self, _hide: Hide, _take: &mut dyn FnMut(Hide, &mut String)) {}
        })+
    };
}

silent!(bool u16 u32 u64 usize f64 &'static str);

macro_rules! hide {
    ($default:ident) => {
        $default
    };
    ($default:ident $other:ident) => {
        Hide::$other
    };
}

/// Takes types apart: each field by its name, those marked `as Addresses` as paths and ids.
macro_rules! texts {
    ($($of:ident { $($field:ident $(as $hide:ident)?),+ $(,)? })+) => {
        $(impl Texts for $of {
            fn texts(&mut self, hide: Hide, take: &mut dyn FnMut(Hide, &mut String)) {
                let $of { $($field),+ } = self;
                $($field.texts(hide!(hide $($hide)?), take);)+
            }
        })+
    };
}

texts! {
    Report {
        schema, tool, window, sources, ledger, verdict, hypotheses, incident, impact, pools, separating, baseline, leaks,
        deploys, changes, alerts, timeline, clock, logging_gaps, suggestions, notes, rejects, undecided, judged, new_messages,
        changed_messages, series,
    }
    Tool { name, version }
    Window { from, to }
    Source {
        id, path as Addresses, parts as Addresses, sha256, bytes, bytes_events, bytes_rejected, bytes_separators, records,
        rejected, format, envelope, compression, tier, host, service, time_zone, time_zone_basis, clock_offset_ms,
        clock_bound_ms, first, last, gaps,
    }
    Gap { from, to }
    Ledger {
        opens, closes, carried_in, inferred_opens, orphan_closes, open_at_end, peak_open, refused, classes, ended_by_close,
        balanced,
    }
    Verdict { status, cause, summary, trigger, symptoms }
    Trigger { kind, title, time, evidence }
    Symptom { kind, time, text, evidence }
    Hypothesis { cause, status, score, speaks_for, against, missing }
    Finding { text, value, evidence }
    Incident { cause_start, onset, detected, mitigated, recovered, degraded_seconds, basis, spells, ladder }
    Spell { from, to, bad, failed, slow_inside, evidence }
    Rung { kind, time, offset_s, earliest, latest, bound_ms, ordered, text, evidence }
    Impact {
        requests, failed, failed_share, clients, clients_affected, clients_affected_share, clients_affected_interval,
        client_key, error_peak, degraded_share, degraded, degraded_minutes, clients_severe, slo,
    }
    Slo { target, valid, bad, budget_used, bands }
    Band { burn_rate, long_s, short_s, peak, fired }
    ErrorPeak { share, at, failed, requests, evidence }
    Leak {
        rank, call_site, callers, endpoint, sessions, first, last, connection_seconds, rate, by_age, attribution, confidence,
        discriminators, connections, evidence,
    }
    CallSite { function, file, line, language }
    Rate { per_1000, low, high, of, unit }
    Discriminator {
        features, same, confidence, purity, others, coverage, ratio, ratio_low, ratio_high, ochiai, q, text, evidence,
    }
    NewMessage { id, template, severity, first, seconds_after_onset, count, evidence }
    ChangedMessage {
        id, template, severity, change, before, during, per_minute_before, per_minute_during, factor, factor_low, evidence,
    }
    Feature { kind, text }
    Share { hits, of, low, high }
    Judged { layer, class, why, sessions, compared_with, closed, expected, observed, ended_by_restart, text }
    Deploy { time, kind, service, version, commit, evidence }
    Trial {
        time, kind, title, role, counted, unit, before, after, ratio, low, high, version, other_versions, text, evidence,
    }
    Alert { time, name, severity, status, evidence }
    Moment { time, bound_ms, phase, tier, title, evidence }
    Clock { source, reference, offset_ms, drift_ppm, bound_ms, pairs, basis, applied, steps }
    LoggingGap { source, missing, consequence, setting }
    Suggestion { text, because }
    Reject { at, reason }
    Ref { source, line, offset, length }
    Series {
        from, bucket_seconds, open, requests, errors, leaked, waiting, timeouts, latency_p50, latency_p95, peaks, deploys,
        alerts, restarts,
    }
    Peak { curve, time, value, evidence }
    Pool {
        name, source, pid, kind, size, size_basis, size_at_least, borrows_per_second, mean_hold_seconds, hold_variation,
        demand, demand_basis, demand_of, utilisation, wait_probability, mean_wait_seconds, demand_while_empty, empty_seconds,
        processes, stretch_seconds, needed, longest_mean_wait_seconds, in_vain, exhausted, leaked, leaks_per_hour, seconds_per_connection, what_if, text,
        evidence,
    }
    Needed { share, demand, size }
    WhatIf { size, basis, exhausted, in_vain }
    Separating {
        arrivals_ratio, calls_ratio, busy_before, busy_empty, throughput_ratio, throughput_basis, empty_seconds, text, evidence,
    }
    Frequency { hits, of, per_1000 }
    Change { what, name, then, then_of, now, now_of, lift, low, high, evidence }
    Bar { id, layer, group, key, client, class, why, open, end, carried_by, carried_surely, request, at }
    Asked { id, group, name, key as Addresses, from, to, at }
    Line {
        layer, class, why, open, opened, end, ended, seconds, key, pid, client, client_port, thread, reason, endpoint,
        endpoint_by, asked_by, request_id as Addresses, edge, edge_by, edge_candidates, server_pid, other_side, other_side_by,
        statement, version, reliability, source as Addresses, open_line, end_line,
    }
}

impl Redactor {
    /// Redacts every text of a report, of bars, of rows of the ledger, of what changed against a baseline.
    pub fn redact(&self, of: &mut impl Texts) {
        of.texts(Hide::All, &mut |hide, text| {
            *text = match hide {
                Hide::All => self.text(text),
                Hide::Addresses => self.addresses(text),
            };
        });
    }

    /// Redacts quoted lines and keys their digests.
    pub fn quotes(&self, quotes: &mut Quotes) {
        for quote in quotes.iter_mut() {
            let Quote { source: _, line: _, offset: _, length: _, digest, text } = quote;
            *text = self.text(text);
            *digest = self.digest(digest);
        }
    }
}
