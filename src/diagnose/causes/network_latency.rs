//! A slow network: connecting to the back end takes longer than before.

use super::{Context, Role, Weighing, above, both, length_ratio};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

/// Connecting within this many milliseconds is never slow.
const QUICK: f64 = 5.0;

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::NetworkLatency);
    let (before, during) = (context.before(), context.during());
    let connect = length_ratio(context, |s| &s.connect, 20);
    if let Some((ratio, was, now)) = connect {
        let rows = both(&before.connect.rows, &during.connect.rows);
        let text = format!("connecting to the back end took {now:.1} ms at the 95th percentile, {was:.1} ms before");
        let value = if now < QUICK { -1.0 } else { above(ratio, 2.0) };
        weighing.sign(Role::Necessary, 2.0, value, text, Some(ratio), &rows);
        if ratio >= 3.0 && now >= 4.0 * QUICK {
            let text = format!("connections to the back end became {ratio:.1} times slower");
            weighing.sign(Role::Sufficient, 1.5, 0.8, text, Some(ratio), &during.connect.rows);
        }
    } else {
        weighing.missing(2.0, "the time to connect (Tc in HAProxy's log, $upstream_connect_time in nginx's)");
    }
    let lost = during.states(&[b"sC"]);
    if lost.n > 0 {
        let share = lost.n as f64 / during.requests.n.max(1) as f64;
        let text = format!("{} connections to the back end timed out ({:.2} % of the requests)", lost.n, share * 100.0);
        weighing.sign(Role::Supporting, 1.0, above(share, 0.01), text, Some(share), &lost.rows);
    }
    weighing.finish()
}
