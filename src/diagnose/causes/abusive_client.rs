//! An abusive client, or few of them: one address, one network or one program makes most of what came on top of the usual
//! load.

use super::{Context, Role, Weighing, above, both};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

/// Load from which on something came on top.
const MORE: f64 = 1.3;

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::AbusiveClient);
    let (before, during) = (context.before(), context.during());
    if during.talkers.clients() < 3 || before.talkers.clients() < 3 {
        weighing.missing(3.0, "the clients' addresses in the access log (X-Forwarded-For behind a proxy), before and during");
        return weighing.finish();
    }
    let rows = both(&before.requests.rows, &during.requests.rows);
    let more = during.rate(&during.requests) / before.rate(&before.requests).max(1e-9);
    if let Some(few) = &context.facts.few {
        let text = format!(
            "{} ({}, {} {}) made {:.0} % of what came on top of the usual load, and {:.0} % of all requests ({:.1} % before)",
            few.key.words(),
            few.name,
            few.addresses,
            if few.addresses == 1 { "address" } else { "addresses" },
            few.extra * 100.0,
            few.during * 100.0,
            few.before * 100.0
        );
        weighing.sign(Role::Necessary, 2.0, 1.0, text, Some(few.extra), &few.rows);
        let text = format!("requests came {more:.1} times as often as before, and few sent them");
        let value = if more >= 1.5 { 1.0 } else { 0.6 };
        weighing.sign(Role::Sufficient, 2.0, value, text, Some(more), &few.rows);
        return weighing.finish();
    }
    let (top, usual) = (during.talkers.top(1), before.talkers.top(1));
    let (ten, usual_ten) = (during.talkers.top(10), before.talkers.top(10));
    let text = format!(
        "the busiest client made {:.1} % of the requests ({:.1} % before), the ten busiest {:.1} % ({:.1} %)",
        top * 100.0,
        usual * 100.0,
        ten * 100.0,
        usual_ten * 100.0
    );
    let (new, theirs) = during.talkers.new_to(&before.talkers);
    let strange = theirs as f64 / during.requests.n.max(1) as f64;
    // Strangers who bring most of a larger load may be one program; only the user agent tells.
    let untold = more >= MORE && strange >= 0.4 && !during.talkers.agents_known();
    if untold {
        weighing.sign(Role::Supporting, 1.0, -0.3, text, Some(top), &rows);
        let text = format!("{new} addresses that were not seen before made {:.0} % of the requests", strange * 100.0);
        weighing.sign(Role::Supporting, 1.0, 0.2, text, Some(strange), &during.requests.rows);
        weighing.missing(3.0, "the clients' user agents (HAProxy: capture request header User-Agent)");
    } else {
        let value = above(top, 0.25).min(above(top / usual.max(1e-6), 3.0));
        weighing.sign(Role::Necessary, 2.0, value.min(0.3), text, Some(top), &rows);
        let text = format!("requests came {more:.2} times as often as before, from everybody alike");
        let role = if more < MORE { Role::Necessary } else { Role::Supporting };
        weighing.sign(role, 1.5, if value > 0.0 { 0.0 } else { -0.8 }, text, Some(more), &rows);
    }
    weighing.finish()
}
