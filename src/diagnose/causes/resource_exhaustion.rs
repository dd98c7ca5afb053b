//! An exhausted resource: memory, disk, file descriptors, threads.

use super::{Context, Role, Weighing, more};
use crate::diagnose::facts::Tier;
use crate::diagnose::hypothesis::{Cause, Hypothesis};

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::ResourceExhaustion);
    let during = context.during();
    let lines = during.exhausted.n;
    if lines == 0 && !context.told(Tier::App) {
        weighing.missing(3.0, "the application's own log of that time, which would hold what ran out");
        return weighing.finish();
    }
    if lines == 0 {
        super::absent(&mut weighing, context, "no line says that memory, disk, descriptors or threads ran out");
        return weighing.finish();
    }
    let often = more(context, |s| &s.exhausted);
    let text =
        format!("{lines} lines say that memory, disk, descriptors or threads ran out, {often:.1} times as often as before");
    let role = if often >= 2.0 { Role::Sufficient } else { Role::Supporting };
    weighing.sign(role, 2.0, if often >= 2.0 { 0.8 } else { -0.3 }, text, Some(lines as f64), &during.exhausted.rows);
    if context.facts.leaked >= 5 {
        let text = format!("{} connections leaked", context.facts.leaked_in_all);
        weighing.sign(Role::Supporting, 1.0, -0.6, text, Some(context.facts.leaked_in_all as f64), &context.facts.leaked_rows);
    }
    weighing.finish()
}
