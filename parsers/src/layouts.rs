//! The registry of layouts, in the order in which equals are preferred.

macro_rules! layouts {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every layout.
        pub static LAYOUTS: &[&crate::layout::LayoutSpec] = &[$(&$name::SPEC),*];
    };
}

layouts! {
    postgres_stderr postgres_csv postgres_json pgbouncer pgpool mysql_error mysql_general mysql_slow
    mysql_json mariadb_audit mongodb_json mongodb_text redis proxysql haproxy nginx_error nginx_access
    apache_error apache_access gunicorn uvicorn rails php go_log rust_tracing dbcp2 gin envoy_access jul
    alert_json k8s_events nagios json_lines logfmt logback python_logging generic plain
}

/// The row and reader of an access log whose `log_format` is known (nginx's variables, or Apache's directives); `None` where
/// the text has nothing that says what a request was.
pub fn given(log_format: &str) -> Option<(&'static crate::layout::LayoutSpec, crate::layout::Inferred)> {
    let layout = nginx_access::from_log_format(log_format)?;
    let spec = if log_format.contains('$') { &nginx_access::SPEC } else { &apache_access::SPEC };
    Some((spec, crate::layout::Inferred { layout, reason: format!("the log format that was given: {log_format}") }))
}

pub use crate::prim::access::program::formats_in_conf;
