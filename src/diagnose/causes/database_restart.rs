//! A restart or crash of the database, with the sessions that it ended.

use super::{Context, Role, Weighing};
use crate::correlate::Class;
use crate::diagnose::facts::Tier;
use crate::diagnose::hypothesis::{Cause, Hypothesis};
use backtrail_parsers::{Kind, Layer};

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::DatabaseRestart);
    let (facts, during) = (context.facts, context.during());
    let kinds = [Kind::DbOpen, Kind::DbClose, Kind::DbReceived, Kind::Query, Kind::ServerReady, Kind::DbRefused];
    let holes = context.holes.contains(&Tier::Database);
    if during.db_life.n == 0 && (holes || !kinds.iter().any(|k| facts.seen.contains(k))) {
        weighing.missing(3.0, "the database server's own log");
        return weighing.finish();
    }
    if during.db_life.n == 0 && during.not_ready.n == 0 && during.db_unreachable.n >= 3 && !context.told(Tier::Database) {
        weighing.missing(3.0, "the database server's own log of that time: it says nothing while connections to it fail");
        return weighing.finish();
    }
    if during.db_life.n == 0 && during.not_ready.n == 0 {
        super::absent(&mut weighing, context, "the server neither stopped nor started during the incident");
        return weighing.finish();
    }
    let text = format!("the database server stopped, started or recovered ({} lines)", during.db_life.n);
    weighing.sign(Role::Necessary, 2.0, 1.0, text, Some(during.db_life.n as f64), &during.db_life.rows);
    let ended = context.case.sessions.iter().filter(|s| {
        s.layer == Layer::Db
            && s.class == Class::EndedByRestart
            && s.end.is_some_and(|end| end >= during.from && end < during.to)
    });
    let ended: Vec<_> = ended.collect();
    if !ended.is_empty() || during.not_ready.n > 0 {
        let mut rows: Vec<_> = ended.iter().filter_map(|s| s.end_row).take(1).collect();
        rows.extend(during.not_ready.rows.iter().take(2));
        let text =
            format!("it ended {} sessions and turned away {} clients while it was not ready", ended.len(), during.not_ready.n);
        weighing.sign(Role::Sufficient, 2.0, 0.9, text, Some(ended.len() as f64), &rows);
    }
    if facts.leaked >= 5 {
        let text = format!("{} connections leaked", facts.leaked_in_all);
        weighing.sign(Role::Supporting, 1.0, -0.6, text, Some(facts.leaked_in_all as f64), &facts.leaked_rows);
    }
    weighing.finish()
}
