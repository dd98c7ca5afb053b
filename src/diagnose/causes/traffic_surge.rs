//! A surge: many clients ask more than before. Requests that only repeat a failed one are an effect and do not count.

use super::{Context, Role, Weighing, above, both, tries};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

/// A share of repeats from which on they are worth a sentence.
const REPEATS: f64 = 0.1;

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::TrafficSurge);
    let (before, during) = (context.before(), context.during());
    let Some(ratio) = tries(context) else {
        weighing.missing(3.0, "an access log that covers the time before the incident too");
        return weighing.finish();
    };
    let rows = both(&before.requests.rows, &during.requests.rows);
    let text = format!(
        "first tries came {ratio:.2} times as often as before ({:.1} a second, {:.1} before)",
        during.tries(),
        before.tries()
    );
    weighing.sign(Role::Necessary, 2.0, if ratio < 1.3 { -1.0 } else { above(ratio, 1.5) }, text, Some(ratio), &rows);
    let repeats = during.repeated.n as f64 / during.requests.n.max(1) as f64;
    if repeats >= REPEATS {
        let text = format!(
            "{} of {} requests ({:.0} %) repeat one that failed just before: they follow the failures",
            during.repeated.n,
            during.requests.n,
            repeats * 100.0
        );
        let all = during.rate(&during.requests) / before.rate(&before.requests).max(1e-9);
        let value = if ratio >= 2.0 { 0.0 } else { -((all - ratio) / all.max(1.0)).clamp(0.0, 1.0) };
        weighing.sign(Role::Supporting, 0.5, value, text, Some(repeats), &during.repeated.rows);
    }
    if let Some(few) = &context.facts.few {
        let text = format!("{} made {:.0} % of what came on top: no crowd", few.key.words(), few.extra * 100.0);
        weighing.sign(Role::Supporting, 2.0, -1.0, text, Some(few.extra), &few.rows);
    } else {
        let (new, _) = during.talkers.new_to(&before.talkers);
        let text = format!(
            "{} clients asked, {} before, {new} of them for the first time; the busiest made {:.1} % of the requests, {:.1} % before",
            during.talkers.clients(),
            before.talkers.clients(),
            during.talkers.top(1) * 100.0,
            before.talkers.top(1) * 100.0
        );
        weighing.sign(Role::Supporting, 1.0, 0.4, text, Some(during.talkers.clients() as f64), &rows);
        if ratio >= 2.0 {
            let text = format!("load grew {ratio:.1} times, spread over many clients");
            weighing.sign(Role::Sufficient, 1.5, (0.4 + ratio / 10.0).min(1.0), text, Some(ratio), &during.requests.rows);
        }
    }
    if context.facts.leaked >= 5 {
        let text = format!("{} connections leaked", context.facts.leaked_in_all);
        weighing.sign(Role::Supporting, 1.0, -0.6, text, Some(context.facts.leaked_in_all as f64), &context.facts.leaked_rows);
    }
    weighing.finish()
}
