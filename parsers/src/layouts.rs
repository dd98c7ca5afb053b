//! The registry of layouts, in the order in which equals are preferred.

macro_rules! layouts {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every layout.
        pub static LAYOUTS: &[&crate::layout::LayoutSpec] = &[$(&$name::SPEC),*];
    };
}

layouts! {
    haproxy
    envoy_access
    nginx_access
    nginx_error
    apache_access
    apache_error
    json_lines
    plain
}

/// The reader of an access log whose `log_format` (nginx's variables, or Apache's directives) is known; `None` where the
/// text has nothing that says what a request was.
pub fn from_log_format(format: &str) -> Option<Box<dyn crate::layout::Layout>> {
    nginx_access::from_log_format(format)
}

pub use crate::prim::access::program::formats_in_conf;
