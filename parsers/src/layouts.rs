//! The registry of layouts, in the order in which equals are preferred.

macro_rules! layouts {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every layout.
        pub static LAYOUTS: &[&crate::layout::LayoutSpec] = &[$(&$name::SPEC),*];
    };
}

layouts! {
    mongodb_json
    mongodb_text
    mariadb_audit
    mysql_error
    mysql_json
    mysql_general
    mysql_slow
    redis
    proxysql
    alert_json
    k8s_events
    nagios
    plain
}
