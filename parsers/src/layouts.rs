//! The registry of layouts, in the order in which equals are preferred.

macro_rules! layouts {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every layout.
        pub static LAYOUTS: &[&crate::layout::LayoutSpec] = &[$(&$name::SPEC),*];
    };
}

layouts! {
    gunicorn uvicorn gin php rails logfmt rust_tracing go_log python_logging generic plain
}
