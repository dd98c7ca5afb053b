//! An unreachable database: connections to it cannot be made, and not because it is full or restarting.

use super::{Context, Role, Weighing, above, more};
use crate::diagnose::facts::Tier;
use crate::diagnose::hypothesis::{Cause, Hypothesis};

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::DatabaseUnreachable);
    let during = context.during();
    let failures = during.db_unreachable.n;
    if failures == 0 {
        if context.told(Tier::App) {
            super::absent(&mut weighing, context, "no attempt to connect to the database failed for want of a server");
        } else {
            weighing.missing(3.0, "the application's log, which would hold failures to connect");
        }
        return weighing.finish();
    }
    let often = more(context, |s| &s.db_unreachable);
    let text = format!("{failures} attempts to connect to the database failed, {often:.1} times as often as before");
    weighing.sign(
        Role::Necessary,
        2.0,
        above(often, 2.0).min(above(failures as f64, 2.0)),
        text,
        Some(often),
        &during.db_unreachable.rows,
    );
    if failures >= 5 && often >= 3.0 && during.db_life.n == 0 && during.not_ready.n == 0 {
        let text = "the database could not be reached, and it neither restarted nor said that it was full";
        weighing.sign(Role::Sufficient, 2.0, 0.9, text, Some(failures as f64), &during.db_unreachable.rows);
    }
    if during.db_life.n > 0 {
        let text = format!("the server restarted ({} lines)", during.db_life.n);
        weighing.sign(Role::Supporting, 2.0, -0.8, text, Some(during.db_life.n as f64), &during.db_life.rows);
    }
    if during.full.n > 0 {
        let text = format!("the server was there and turned away {} clients for lack of room", during.full.n);
        weighing.sign(Role::Supporting, 2.0, -0.8, text, Some(during.full.n as f64), &during.full.rows);
    }
    weighing.finish()
}
