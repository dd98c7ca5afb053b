//! An abusive client, or few of them: a share of the requests that nobody had before.

use super::{Context, Role, Weighing, above, both};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::AbusiveClient);
    let (before, during) = (context.before(), context.during());
    if during.clients.len() < 3 || before.clients.len() < 3 {
        weighing.missing(3.0, "the clients' addresses in the access log (X-Forwarded-For behind a proxy), before and during");
        return weighing.finish();
    }
    let rows = both(&before.requests.rows, &during.requests.rows);
    let (top, usual) = (during.top(1), before.top(1));
    let grown = top / usual.max(1e-6);
    let text = format!("the busiest client made {:.1} % of the requests, {:.1} % before", top * 100.0, usual * 100.0);
    weighing.sign(Role::Necessary, 2.0, above(top, 0.2).min(above(grown, 2.0)), text, Some(top), &rows);
    let (ten, usual_ten) = (during.top(10), before.top(10));
    let text = format!("the ten busiest made {:.1} %, {:.1} % before", ten * 100.0, usual_ten * 100.0);
    weighing.sign(Role::Supporting, 1.0, above(ten / usual_ten.max(1e-6), 1.5), text, Some(ten), &rows);
    let more = during.rate(&during.requests) / before.rate(&before.requests).max(1e-9);
    if top >= 0.25 && grown >= 3.0 && more >= 1.2 {
        let text = format!("one client made {:.0} % of {:.1} times as many requests as before", top * 100.0, more);
        weighing.sign(Role::Sufficient, 2.0, 1.0, text, Some(top), &rows);
    }
    weighing.finish()
}
