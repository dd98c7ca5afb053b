//! The registry of envelopes, in the order in which they are tried.

macro_rules! envelopes {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every envelope.
        pub static ENVELOPES: &[&crate::envelope::EnvelopeSpec] = &[$(&$name::SPEC),*];
    };
}

envelopes! {
    docker_json
    cri
    journald_json
    syslog_5424
    syslog_3164
    heroku
    compose
    kubectl_timestamps
}
