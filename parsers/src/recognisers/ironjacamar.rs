//! `IronJacamar`, the pool of `WildFly` and JBoss EAP: messages with `IJ` numbers.
//!
//! ```text
//! IJ000100: Closing a connection for you. Please close them yourself: org.jboss.jca.adapters.jdbc.jdk8.WrappedConnectionJDK8@7f
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{pools, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "ironjacamar",
    about: "IronJacamar (WildFly, JBoss EAP): unclosed connections, acquire timeouts, broken connections",
    spec: "ironjacamar/ironjacamar, CoreLogger and CoreBundle",
    needles: &["IJ000100", "IJ000453", "IJ000655", "IJ000654", "IJ000305", "IJ000621", "IJ000608", "IJ031084"],
    recognise,
    examples: &[
        Example {
            line: "IJ000100: Closing a connection for you. Please close them yourself: org.jboss.jca.adapters.jdbc.jdk8.WrappedConnectionJDK8@7f1e",
            shows: &[("kind", "pool.leak.report"), ("conn.id", "org.jboss.jca.adapters.jdbc.jdk8.WrappedConnectionJDK8@7f1e")],
        },
        Example {
            line: "javax.resource.ResourceException: IJ000453: Unable to get managed connection for java:/ShopDS\nCaused by: javax.resource.ResourceException: IJ000655: No managed connections available within configured blocking timeout (30000 [ms])",
            shows: &[("kind", "pool.acquire_timeout"), ("pool.name", "java:/ShopDS"), ("wait_ns", "30000000000")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if let Some(found) = pools::anywhere(event, "IJ000100: ") {
        event.kind = Kind::LeakReport;
        event.reason = b"closed_for_you";
        event.conn = text::after(found.line(), b"yourself: ").unwrap_or_default();
        return true;
    }
    let pool = pools::anywhere(event, "IJ000453: ");
    if let Some(found) = pool {
        event.pool = text::after(found.line(), b" for ").map(text::word).unwrap_or_default();
    }
    if let Some(found) = pools::anywhere(event, "IJ000655: ") {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"timeout";
        pools::wait_ms(event, text::after(found.line(), b"timeout (").map(text::digits).unwrap_or_default());
    } else if pools::anywhere(event, "IJ000654: ").is_some() {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"interrupted";
    } else if let Some(found) = pool {
        // Without the cause the connection could not be made, or the pool was empty: the text does not say which.
        event.kind =
            if memchr::memmem::find(event.stack, b"IJ031084").is_some() { Kind::ConnectFailed } else { Kind::AcquireTimeout };
        event.reason = b"unavailable";
        if event.error_type.is_empty() {
            event.error_type = found.thrower();
        }
    } else if pools::anywhere(event, "IJ031084: ").is_some() {
        event.kind = Kind::ConnectFailed;
        event.reason = b"failed";
    } else if pools::anywhere(event, "IJ000305: ").is_some() {
        event.kind = Kind::Error;
        event.reason = b"broken";
    } else if pools::anywhere(event, "IJ000621: ").is_some() {
        event.kind = Kind::PoolConnClosed;
        event.reason = b"validation_failed";
    } else if pools::anywhere(event, "IJ000608: ").is_some() {
        event.kind = Kind::PoolConnClosed;
        event.reason = b"pool_full";
    } else {
        return false;
    }
    true
}
