//! A surge: many clients ask more than before, and that comes before the errors.

use super::{Context, Role, Weighing, above, both, rate_ratio};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::TrafficSurge);
    let (before, during) = (context.before(), context.during());
    let Some(ratio) = rate_ratio(context, |s| &s.requests, 20) else {
        weighing.missing(3.0, "an access log that covers the time before the incident too");
        return weighing.finish();
    };
    let rows = both(&before.requests.rows, &during.requests.rows);
    let text = format!("requests came {ratio:.2} times as often as before ({:.1} a second, {:.1} before)", during.rate(&during.requests), before.rate(&before.requests));
    weighing.sign(Role::Necessary, 2.0, if ratio < 1.3 { -1.0 } else { above(ratio, 1.5) }, text, Some(ratio), &rows);
    let spread = during.clients.len() as f64 / before.clients.len().max(1) as f64 * before.seconds().max(1.0) / during.seconds().max(1.0);
    let (top, usual) = (during.top(1), before.top(1));
    let text = format!("the busiest client made {:.1} % of the requests, {:.1} % before", top * 100.0, usual * 100.0);
    let alone = top >= 0.2 && top >= 3.0 * usual;
    weighing.sign(Role::Supporting, 1.0, if alone { -1.0 } else { 0.3 }, text, Some(top), &rows);
    if ratio >= 2.0 && !alone {
        let text = format!("load doubled or more, spread over {} clients ({} before)", during.clients.len(), before.clients.len());
        weighing.sign(Role::Sufficient, 1.5, 0.5 + (spread - 1.0).clamp(0.0, 0.5), text, Some(ratio), &rows);
    }
    if context.facts.leaked >= 5 {
        let text = format!("{} connections leaked", context.facts.leaked);
        weighing.sign(Role::Supporting, 1.0, -0.6, text, Some(context.facts.leaked as f64), &context.facts.leaked_rows);
    }
    weighing.finish()
}
